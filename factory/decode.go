package factory

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// decode reads a configuration map strictly. It reports every fault, and gives what is
// left without the faulty keys, so that those can be checked too.
func decode(cfg map[string]any, faults *faults) Config {
	fields := make(map[string]any, len(cfg))
	for _, name := range slices.Sorted(maps.Keys(cfg)) {
		d := findKey(name)
		switch {
		case d != nil:
			before, say := faults.len(), describe
			if d.kind.secret {
				say = kindOnly
			}
			value := d.kind.read(plain(reflect.ValueOf(cfg[name])), func(at string, got reflect.Value) {
				faults.add(name+at, "got "+say(got)+"; it takes "+d.takes())
			})
			if faults.len() == before {
				fields[name] = value
			}
		case name == "mode":
			if cfg[name] != ModeName {
				faults.add(name, "got "+describe(plain(reflect.ValueOf(cfg[name])))+"; this is the sandbox mode "+ModeName)
			}
		default:
			faults.add(name, "unknown key"+hint(name))
		}
	}
	var out Config
	dec, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: &out, ErrorUnused: true,
		MatchName: func(key, field string) bool { return key == field },
	})
	if err == nil {
		err = dec.Decode(fields)
	}
	if err != nil { // the table and Config disagree, which a test rules out
		faults.add("config", err.Error())
	}
	return out
}

// hint says what an unknown key was probably meant to be.
func hint(name string) string {
	flag := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	best, distance := "", len(name)
	for i := range keyTable {
		d := &keyTable[i]
		if flag == d.Flag || flag == d.Flag+"s" {
			return `; did you mean "` + d.Name + `"?`
		}
		if n := levenshtein.ComputeDistance(squash(name), squash(d.Name)); n < distance {
			best, distance = d.Name, n
		}
	}
	var spec runtime.Spec
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	runtime.AddFlags(fs, &spec)
	switch f := fs.Lookup(flag); {
	case distance <= 1, distance <= 3 && distance*3 <= len(name):
		return `; did you mean "` + best + `"?`
	case f != nil && !f.Hidden:
		return `; write it as an entry "--` + flag + `=..." of extra_args`
	case best != "" && distance*2 <= len(name):
		return `; did you mean "` + best + `"? The keys are ` + keyNames()
	}
	return "; the keys are " + keyNames()
}

// squash makes readOnly, read-only and read_only the same.
func squash(name string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
}
