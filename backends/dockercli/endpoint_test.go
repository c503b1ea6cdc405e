package dockercli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEndpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	write("config.json", `{"currentContext":"far"}`)
	// docker keeps a context under the SHA-256 of its name.
	write("contexts/meta/512eea46ceb3921dff4363c7069d89d4964d1d9fccaa0f411851a7aa60a5c868/meta.json", `{"Name":"far","Endpoints":{"docker":{"Host":"ssh://x"}}}`)

	docker, podman := &client{}, &client{podman: true}
	for name, test := range map[string]struct {
		cl      *client
		env     map[string]string
		address string
		known   bool
		remote  bool
	}{
		"option":            {&client{host: "tcp://h"}, map[string]string{"DOCKER_HOST": "unix:///s"}, "tcp://h", true, true},
		"local option":      {&client{host: "unix:///s"}, map[string]string{"DOCKER_HOST": "tcp://h"}, "unix:///s", true, false},
		"local in capitals": {&client{host: "UNIX:///s"}, nil, "UNIX:///s", true, false},
		"DOCKER_HOST":       {docker, map[string]string{"DOCKER_HOST": "ssh://h", "DOCKER_CONTEXT": "default"}, "ssh://h", true, true},
		"default context":   {docker, map[string]string{"DOCKER_CONTEXT": "default", "DOCKER_CONFIG": dir}, "", true, false},
		"current context":   {docker, map[string]string{"DOCKER_CONFIG": dir}, "ssh://x", true, true},
		"context":           {docker, map[string]string{"DOCKER_CONFIG": dir, "DOCKER_CONTEXT": "far"}, "ssh://x", true, true},
		"unknown context":   {docker, map[string]string{"DOCKER_CONFIG": dir, "DOCKER_CONTEXT": "no"}, "", false, true},
		"no config":         {docker, map[string]string{"DOCKER_CONFIG": filepath.Join(dir, "none")}, "", true, false},
		"podman":            {podman, map[string]string{"DOCKER_HOST": "tcp://h"}, "", true, false},
		"CONTAINER_HOST":    {podman, map[string]string{"CONTAINER_HOST": "tcp://h"}, "tcp://h", true, true},
		"named connection":  {podman, map[string]string{"CONTAINER_CONNECTION": "c"}, "", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lookup := func(name string) (string, bool) { v, ok := test.env[name]; return v, ok }
			address, known := test.cl.endpoint(lookup)
			assert.Equal(t, test.address, address)
			assert.Equal(t, test.known, known)
			assert.Equal(t, test.remote, test.cl.remote(lookup))
		})
	}
}
