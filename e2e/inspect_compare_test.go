package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/e2e/engines"
)

// inspectDiff compares the engine's records of two containers, field by field, and
// gives a line for each difference: path, what is wanted, what is there. Nil equals
// empty, and inspectRules say what is not compared.
func inspectDiff(engine string, want, got map[string]any) []string {
	var out []string
	diffValues(nil, normalised(engine, want), normalised(engine, got), &out)
	return out
}

func diffValues(path []string, want, got any, out *[]string) {
	if isEmptyValue(want) && isEmptyValue(got) || reflect.DeepEqual(want, got) {
		return
	}
	at := func(key string) []string { return append(slices.Clone(path), key) }
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok || got == nil {
			keys := maps.Clone(w)
			maps.Copy(keys, g)
			for _, key := range slices.Sorted(maps.Keys(keys)) {
				diffValues(at(key), w[key], g[key], out)
			}
			return
		}
	case []any:
		if g, ok := got.([]any); ok && len(g) == len(w) {
			for i := range w {
				diffValues(at(strconv.Itoa(i)), w[i], g[i], out)
			}
			return
		}
	case nil:
		if g, ok := got.(map[string]any); ok {
			for _, key := range slices.Sorted(maps.Keys(g)) {
				diffValues(at(key), nil, g[key], out)
			}
			return
		}
	}
	*out = append(*out, fmt.Sprintf("%s: want %s, got %s", strings.Join(path, "/"), asJSON(want), asJSON(got)))
}

// isEmptyValue tells what a JSON encoder may write for the same nothing.
func isEmptyValue(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}

// normalised is a copy of the record with inspectRules applied.
func normalised(engine string, record map[string]any) map[string]any {
	n := normaliser{engine: engine}
	if id, _ := record["Id"].(string); len(id) > 12 {
		n.self = append(n.self, id, "(id)", id[:12], "(short id)")
	}
	if name, _ := record["Name"].(string); name != "" {
		n.self = append(n.self, strings.TrimPrefix(name, "/"), "(name)")
	}
	out, _ := n.value(nil, record).(map[string]any)
	return out
}

type normaliser struct {
	engine string
	self   []string // pairs: what the container is called, what to write instead
}

func (n *normaliser) value(path []string, v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for key, e := range x {
			at := append(slices.Clone(path), key)
			if n.action(at) != dropped {
				out[key] = n.value(at, e)
			}
		}
		v = out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = n.value(append(slices.Clone(path), strconv.Itoa(i)), e)
		}
		v = out
	case string:
		v = strings.NewReplacer(n.self...).Replace(x)
	}
	switch n.action(path) {
	case environ, sorted:
		if list, ok := v.([]any); ok {
			if n.action(path) == environ {
				list = lastEntries(list)
				v = list
			}
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(asJSON(a), asJSON(b)) })
		}
	case noLimit:
		if number, ok := v.(float64); ok && number > 1<<62 {
			return 0.0
		}
	case random:
		if text, ok := v.(string); ok {
			return randomID.ReplaceAllString(text, "(random)")
		}
	}
	return v
}

// lastEntries drops what a later NAME=value replaces.
func lastEntries(list []any) []any {
	name := func(e any) string {
		name, _, _ := strings.Cut(fmt.Sprint(e), "=")
		return name
	}
	var out []any
	for i, e := range list {
		if !slices.ContainsFunc(list[i+1:], func(later any) bool { return name(later) == name(e) }) {
			out = append(out, e)
		}
	}
	return out
}

// randomID is what the engines make names of that nobody chose.
var randomID = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

func (n *normaliser) action(path []string) inspectAction {
	for _, r := range inspectRules {
		if (r.engine == "" || r.engine == n.engine) && matches(strings.Split(r.path, "/"), path) {
			return r.action
		}
	}
	return kept
}

func matches(pattern, path []string) bool {
	if len(pattern) != len(path) {
		return false
	}
	for i, p := range pattern {
		if p != "*" && p != path[i] {
			return false
		}
	}
	return true
}

// The comparison must be able to fail: each change of a record shows, with its path and
// both values, and what the rules name does not.
func TestInspectDiff(t *testing.T) {
	t.Parallel()
	record := func(id, name string) map[string]any {
		var out map[string]any
		require.NoError(t, json.Unmarshal([]byte(strings.NewReplacer("ID12", id[:12], "ID", id, "NAME", name).Replace(`{
			"Id": "ID", "Name": "/NAME", "Created": "NAME", "LogPath": "/var/ID/ID.log",
			"State": {"Pid": 7, "Running": true},
			"Config": {"Hostname": "ID12", "Env": ["A=1", "B=2"], "Cmd": ["a", "b"], "Labels": {"a": "b"}, "Volumes": null},
			"HostConfig": {"Memory": 64, "CapAdd": [], "Binds": ["/a:/b"], "Init": false},
			"Mounts": [{"Destination": "/b", "Name": "`+strings.Repeat(id[:1], 64)+`"}, {"Destination": "/c", "Name": "named"}]
		}`)), &out))
		return out
	}
	a, b := strings.Repeat("0a", 32), strings.Repeat("1b", 32)
	same := record(b, "other")
	assert.Empty(t, inspectDiff(engines.Docker, record(a, "one"), same), "only what the rules name differs")

	part := func(r map[string]any, name string) map[string]any { return r[name].(map[string]any) }
	for _, tt := range []struct {
		name   string
		change func(r map[string]any)
		want   string // empty: no difference
	}{
		{"number", func(r map[string]any) { part(r, "HostConfig")["Memory"] = 65.0 }, `HostConfig/Memory: want 64, got 65`},
		{"false for absent", func(r map[string]any) { delete(part(r, "HostConfig"), "Init") }, `HostConfig/Init: want false, got null`},
		{"one more", func(r map[string]any) { part(r, "HostConfig")["New"] = "x" }, `HostConfig/New: want null, got "x"`},
		{"list element", func(r map[string]any) { part(r, "Config")["Env"] = []any{"A=1", "B=3"} }, `Config/Env/1: want "B=2", got "B=3"`},
		{"list order", func(r map[string]any) { part(r, "Config")["Cmd"] = []any{"b", "a"} }, `Config/Cmd/0: want "a", got "b"`},
		{"the last of a name", func(r map[string]any) { part(r, "Config")["Env"] = []any{"A=1", "B=2", "A=9"} }, `Config/Env/0: want "A=1", got "A=9"`},
		{"list length", func(r map[string]any) { part(r, "Config")["Env"] = []any{"A=1"} }, `Config/Env: want ["A=1","B=2"], got ["A=1"]`},
		{"list of nothing", func(r map[string]any) { part(r, "HostConfig")["CapAdd"] = []any{"ALL"} }, `HostConfig/CapAdd: want [], got ["ALL"]`},
		{"map of nothing", func(r map[string]any) { part(r, "Config")["Volumes"] = map[string]any{"/v": "x"} }, `Config/Volumes//v: want null, got "x"`},
		{"label", func(r map[string]any) { part(r, "Config")["Labels"] = map[string]any{} }, `Config/Labels/a: want "b", got null`},
		{"type", func(r map[string]any) { r["Config"] = "x" }, `Config: want {`},
		{"another's id", func(r map[string]any) { part(r, "Config")["Hostname"] = "0a0a0a0a0a0a" }, `Config/Hostname: want "(short id)", got "0a0a0a0a0a0a"`},
		{"volume's name", func(r map[string]any) { r["Mounts"].([]any)[1].(map[string]any)["Name"] = "x" }, `Mounts/1/Name: want "named", got "x"`},
		{"nil for empty", func(r map[string]any) { part(r, "HostConfig")["CapAdd"] = nil }, ""},
		{"absent for empty", func(r map[string]any) { delete(part(r, "HostConfig"), "CapAdd") }, ""},
		{"order of variables", func(r map[string]any) { part(r, "Config")["Env"] = []any{"A=0", "B=2", "A=1"} }, ""},
		{"order of mounts", func(r map[string]any) { slices.Reverse(r["Mounts"].([]any)) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			changed := record(b, "other")
			tt.change(changed)
			diff := inspectDiff(engines.Docker, record(a, "one"), changed)
			if tt.want == "" {
				assert.Empty(t, diff)
				return
			}
			require.NotEmpty(t, diff)
			assert.Contains(t, diff[0], tt.want)
		})
	}
}
