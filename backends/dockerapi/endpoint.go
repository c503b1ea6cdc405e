package dockerapi

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/credentials"
	dcontext "github.com/docker/cli/cli/context"
	"github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/cli/opts"
	"github.com/docker/docker/client"
)

// settings is what docker's configuration says, read once.
type settings struct {
	file     *configfile.ConfigFile
	endpoint docker.Endpoint
	headers  map[string]string
}

// loadSettings finds the engine as the docker command does: host, DOCKER_HOST,
// DOCKER_CONTEXT, the current context of config.json, the default socket.
func loadSettings(dir, host string) (*settings, error) {
	if dir == "" {
		var err error
		if dir, err = configDir(); err != nil {
			return nil, err
		}
	}
	s := &settings{}
	var err error
	if s.file, err = config.Load(dir); err != nil {
		return nil, fmt.Errorf("docker's configuration can't be used: %w", err)
	}
	if !s.file.ContainsAuth() {
		s.file.CredentialsStore = credentials.DetectDefaultStore(s.file.CredentialsStore)
	}
	if name := contextName(host, s.file.CurrentContext); name != "" {
		s.endpoint, err = contextEndpoint(dir, name)
	} else {
		s.endpoint, err = hostEndpoint(dir, host)
	}
	if err != nil {
		return nil, err
	}
	s.headers, err = httpHeaders(s.file)
	return s, err
}

func configDir() (string, error) {
	if dir := os.Getenv(config.EnvOverrideConfigDir); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("docker's configuration directory is not known (set DOCKER_CONFIG or HOME): %w", err)
	}
	return filepath.Join(home, ".docker"), nil
}

// contextName is the docker context in force, or "" when a host is.
func contextName(host, current string) string {
	if host != "" || os.Getenv(client.EnvOverrideHost) != "" {
		return ""
	}
	if name := os.Getenv("DOCKER_CONTEXT"); name != "" {
		current = name
	}
	if current == "default" {
		return ""
	}
	return current
}

func contextEndpoint(dir, name string) (docker.Endpoint, error) {
	s := store.New(filepath.Join(dir, "contexts"), store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(docker.DockerEndpoint, func() any { return &docker.EndpointMeta{} }),
	))
	meta, err := s.GetMetadata(name)
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("docker context %q can't be used (see docker context ls): %w", name, err)
	}
	ep, err := docker.EndpointFromContext(meta)
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("docker context %q can't be used: %w", name, err)
	}
	return docker.WithTLSData(s, name, ep)
}

func hostEndpoint(dir, host string) (docker.Endpoint, error) {
	verify := os.Getenv(client.EnvTLSVerify) != ""
	useTLS := verify || os.Getenv("DOCKER_TLS") != ""
	if host == "" {
		host = os.Getenv(client.EnvOverrideHost)
	}
	parsed, err := opts.ParseHost(useTLS, host)
	if err != nil {
		return docker.Endpoint{}, fmt.Errorf("host: %q: it takes unix://PATH, tcp://HOST:PORT, ssh://[USER@]HOST or npipe://NAME: %w", host, err)
	}
	ep := docker.Endpoint{EndpointMeta: docker.EndpointMeta{Host: parsed}}
	if !useTLS {
		return ep, nil
	}
	ep.SkipTLSVerify = !verify
	certs := os.Getenv(client.EnvOverrideCertPath)
	if certs == "" {
		certs = dir
	}
	// A server certificate of our own is always asked for, a client certificate is
	// optional: both as the docker command has it.
	ca, cert, key := filepath.Join(certs, "ca.pem"), filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem")
	for _, file := range []*string{&cert, &key} {
		if _, err := os.Stat(*file); os.IsNotExist(err) {
			*file = ""
		}
	}
	if ep.TLSData, err = dcontext.TLSDataFromFiles(ca, cert, key); err != nil {
		return docker.Endpoint{}, fmt.Errorf("TLS is asked for (DOCKER_TLS_VERIFY, DOCKER_TLS), but its files can't be read: %w", err)
	}
	return ep, nil
}

// httpHeaders are those that config.json or DOCKER_CUSTOM_HEADERS adds to every
// request; the variable replaces the file's.
func httpHeaders(file *configfile.ConfigFile) (map[string]string, error) {
	value := os.Getenv("DOCKER_CUSTOM_HEADERS")
	if value == "" {
		return file.HTTPHeaders, nil
	}
	fields, err := csv.NewReader(strings.NewReader(value)).Read()
	if err != nil {
		return nil, fmt.Errorf("DOCKER_CUSTOM_HEADERS: it takes name=value[,name=value...]: %w", err)
	}
	headers := make(map[string]string, len(fields))
	for _, field := range fields {
		name, v, ok := strings.Cut(field, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("DOCKER_CUSTOM_HEADERS: it takes name=value[,name=value...]")
		}
		headers[http.CanonicalHeaderKey(name)] = v
	}
	return headers, nil
}

// remote tells whether an engine at host sees another filesystem than this process.
func remote(host string) bool {
	proto, _, _ := strings.Cut(host, "://")
	return proto == "tcp" || proto == "ssh" || proto == "http" || proto == "https"
}

// proxyEnv adds the proxies that config.json has for this engine to env, as the
// docker command does, for the names that env does not have.
func proxyEnv(file *configfile.ConfigFile, host string, env []string) []string {
	if len(file.Proxies) == 0 {
		return env
	}
	set := opts.ConvertKVStringsToMapWithNil(env)
	given := make(map[string]bool, len(set))
	for name := range set {
		given[name] = true
	}
	out := append([]string(nil), env...)
	all := file.ParseProxyConfig(host, set)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY", "ALL_PROXY"} {
		for _, name := range []string{name, strings.ToLower(name)} {
			if value := all[name]; value != nil && !given[name] {
				out = append(out, name+"="+*value)
			}
		}
	}
	return out
}
