//go:build unix

package cli

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/cmd/dockerrun/internal/hostcheck"
)

// macHost has Colima's socket and podman, and no docker.
func macHost(t *testing.T) hostcheck.Host {
	t.Helper()
	root, err := os.MkdirTemp("", "h") // the path of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(root)) })
	socket := filepath.Join(root, "Users/ann/.colima/default/docker.sock")
	require.NoError(t, os.MkdirAll(filepath.Dir(socket), 0o755))
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return hostcheck.Host{
		OS: "darwin", Root: root, Home: "/Users/ann", User: "ann", UID: os.Getuid(),
		Getenv: func(string) string { return "" },
		LookPath: func(name string) (string, error) {
			if name == "podman" {
				return "/bin/podman", nil
			}
			return "", errors.New("not found")
		},
	}
}

func TestFindingsOfRuntimes(t *testing.T) {
	t.Parallel()
	host := macHost(t)
	working := engine{LimitsEnforced: true, Endpoint: "tcp://far:2376", OCIRuntimes: []string{"runc"}, DefaultOCIRuntime: "runc"}
	for _, tt := range []struct {
		name   string
		target Target
		d      diagnosis
		engine func(*engine)
		want   []string // level and words of message and advice
	}{
		{name: "nothing", target: Target{Key: "docker-api"}, engine: func(*engine) {}},
		{name: "another socket, another command", target: Target{Key: "docker-cli"}, d: diagnosis{Error: "there is no socket"}, want: []string{
			"note Colima has a socket at /Users/ann/.colima/default/docker.sock context use colima",
			"note there is no docker command, but a podman command --docker-path=podman"}},
		{name: "the API needs no command", target: Target{Key: "docker-api"}, d: diagnosis{Error: "unix:///var/run/docker.sock: gone"}, want: []string{
			"note Colima"}},
		{name: "podman's are of another kind", target: Target{Key: "podman"}, d: diagnosis{Error: "there is no socket"}},
		{name: "limits", target: Target{Key: "docker-api"}, engine: func(e *engine) { e.LimitsEnforced, e.Rootless, e.CgroupVersion = false, true, 1 }, want: []string{
			"warning fail, as the engine can't enforce them unified_cgroup_hierarchy"}},
		{name: "limits, rootful", target: Target{Key: "docker-api"}, engine: func(e *engine) { e.LimitsEnforced = false }, want: []string{
			"warning fail, as the engine can't enforce them the cgroup controllers memory, cpu and pids"}},
		{name: "warnings", target: Target{Key: "docker-api"}, engine: func(e *engine) {
			e.Warnings = []string{"WARNING: No swap limit support", "WARNING: API is accessible on http://0.0.0.0:2375 without encryption", "strange"}
		}, want: []string{"warning No swap limit swapaccount=1", "warning encryption TLS", "warning strange documentation"}},
		{name: "gVisor", target: Target{Key: "docker-cli"}, engine: func(e *engine) { e.OCIRuntimes = []string{"runc", "runsc"} }, want: []string{
			"note the OCI runtime runsc --oci-runtime=runsc"}},
		{name: "gVisor, used", target: Target{Key: "docker-cli"}, engine: func(e *engine) { e.OCIRuntimes, e.DefaultOCIRuntime = []string{"runsc"}, "runsc" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.engine != nil {
				e := working
				tt.engine(&e)
				tt.d.Reachable, tt.d.Info = true, &e
			}
			tt.d.lookAround(host, tt.target)
			require.Len(t, tt.d.Findings, len(tt.want), "%v", tt.d.Findings)
			for i, f := range tt.d.Findings {
				all := f.Level + " " + f.Message + " " + f.Do
				level, words, _ := strings.Cut(tt.want[i], " ")
				assert.Equal(t, level, f.Level)
				for word := range strings.FieldsSeq(words) {
					assert.Contains(t, all, word)
				}
			}
		})
	}
}
