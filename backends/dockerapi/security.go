package dockerapi

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
)

// securityOptions gives the --security-opt values as the engine takes them: the
// client puts a seccomp profile's contents in place of its path, and takes
// systempaths=unconfined out, which it says in other fields.
func securityOptions(given []string) (out []string, unconfinedPaths bool, err error) {
	if len(given) > 0 {
		out = make([]string, 0, len(given)) // not nil, as docker sends it
	}
	for _, opt := range given {
		if opt == "systempaths=unconfined" {
			unconfinedPaths = true
			continue
		}
		name, value, ok := strings.Cut(opt, "=")
		if !ok && name != "no-new-privileges" {
			name, value, ok = strings.Cut(opt, ":")
		}
		if name != "no-new-privileges" && (!ok || value == "") {
			return nil, false, invalid("security-opt", opt, "takes name=value, or no-new-privileges")
		}
		if name == "seccomp" && value != "builtin" && value != "unconfined" {
			profile, err := seccompProfile(value)
			if err != nil {
				return nil, false, err
			}
			opt = "seccomp=" + profile
		}
		out = append(out, opt)
	}
	return out, unconfinedPaths, nil
}

func seccompProfile(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", invalid("security-opt", "seccomp="+file, "the profile can't be read: "+err.Error())
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return "", invalid("security-opt", "seccomp="+file, "the profile is not JSON: "+err.Error())
	}
	return compact.String(), nil
}
