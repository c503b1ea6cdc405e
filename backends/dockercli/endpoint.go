package dockercli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// remote reports whether the engine is on another machine. Where that can't be told,
// it is taken for one, as checks of local paths would then be wrong.
func (cl *client) remote(lookup func(string) (string, bool)) bool {
	endpoint, known := cl.endpoint(lookup)
	return !known || isRemote(endpoint)
}

// isRemote reports whether an address leads away from this machine's sockets; empty is
// the command line's own default.
func isRemote(endpoint string) bool {
	scheme, _, ok := strings.Cut(endpoint, "://")
	scheme = strings.ToLower(scheme) // as Podman does
	return ok && scheme != "unix" && scheme != "npipe" && scheme != "fd"
}

// endpoint finds the engine's address in the order in which the command line does,
// reading files only; empty is the default of the command line.
func (cl *client) endpoint(lookup func(string) (string, bool)) (address string, known bool) {
	get := func(name string) string { v, _ := lookup(name); return v }
	switch {
	case cl.host != "":
		return cl.host, true
	case cl.podman && get("CONTAINER_HOST") != "":
		return get("CONTAINER_HOST"), true
	case cl.podman:
		return "", get("CONTAINER_CONNECTION") == ""
	case get("DOCKER_HOST") != "":
		return get("DOCKER_HOST"), true
	}
	dir := get("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", true
		}
		dir = filepath.Join(home, ".docker")
	}
	name := get("DOCKER_CONTEXT")
	if name == "" {
		var config struct {
			CurrentContext string `json:"currentContext"`
		}
		_ = readJSON(filepath.Join(dir, "config.json"), &config)
		name = config.CurrentContext
	}
	if name == "" || name == "default" {
		return "", true
	}
	return contextHost(dir, name)
}

// contextHost reads a context where docker keeps it.
func contextHost(dir, name string) (string, bool) {
	sum := sha256.Sum256([]byte(name))
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	err := readJSON(filepath.Join(dir, "contexts", "meta", hex.EncodeToString(sum[:]), "meta.json"), &meta)
	return meta.Endpoints["docker"].Host, err == nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}
