package dockercli

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// sampleKinds is what each recorded failure is, whichever command line says it.
var sampleKinds = map[string]error{
	"imagemissing": runtime.ErrImageMissing, "platform": runtime.ErrImageMissing, "imginspectmissing": runtime.ErrImageMissing,
	"cmdnotfound": runtime.ErrCommandNotFound, "cmdnotfoundabs": runtime.ErrCommandNotFound, "notexecfile": runtime.ErrCommandNotFound,
	"attachlost": runtime.ErrUnavailable, "attachgone": runtime.ErrUnavailable, "createlost": runtime.ErrUnavailable, "createreset": runtime.ErrUnavailable, "pinglost": runtime.ErrUnavailable,
	"startlost": runtime.ErrUnavailable, "startreset": runtime.ErrUnavailable, "startdown": runtime.ErrUnavailable, "waitlost": runtime.ErrUnavailable,
	"notexec": runtime.ErrNotExecutable, "gvisornotexec": runtime.ErrNotExecutable,
	"gvisornotfound": runtime.ErrCommandNotFound, "gvisornotfoundabs": runtime.ErrCommandNotFound,
	"down": runtime.ErrUnavailable, "downtcp": runtime.ErrUnavailable, "ssh": runtime.ErrUnavailable, "badhost": runtime.ErrUnavailable,
	"perm": runtime.ErrUnavailable, "badcontext": runtime.ErrUnavailable,
	"badflag": runtime.ErrUnsupported, "annotation": runtime.ErrUnsupported, "hc": runtime.ErrUnsupported, "badruntime": runtime.ErrUnsupported,
	"gpus": runtime.ErrUnsupported, "cdi": runtime.ErrUnsupported,
	"badmount": runtime.ErrInvalidSpec, "badvalue": runtime.ErrInvalidSpec, "badcap": runtime.ErrInvalidSpec, "badnetwork": runtime.ErrInvalidSpec,
	"baduser": runtime.ErrInvalidSpec, "device": runtime.ErrInvalidSpec, "seccomp": runtime.ErrInvalidSpec, "cpus": runtime.ErrInvalidSpec,
	"volopt": runtime.ErrInvalidSpec, "tmpfsbad": runtime.ErrInvalidSpec, "hostname": runtime.ErrInvalidSpec, "emptycmd": runtime.ErrInvalidSpec,
	"badname": runtime.ErrInvalidSpec, "twonet": runtime.ErrInvalidSpec, "dup": runtime.ErrInvalidSpec,
	"arg": runtime.ErrInvalidSpec, "need": runtime.ErrInvalidSpec, "badimg": runtime.ErrInvalidSpec,
	"ulimitbad": runtime.ErrEngine, "conflict": runtime.ErrEngine,
}

// sampleExceptions is where one says something that is another kind of failure.
var sampleExceptions = map[string]error{
	"docker-28.2.2 badworkdir":   runtime.ErrInvalidSpec,
	"docker-20.10.24 badworkdir": runtime.ErrInvalidSpec,
	"podman-4.3.1 badworkdir":    runtime.ErrInvalidSpec,
	"docker-28.2.2 memlow":       runtime.ErrInvalidSpec,
	"docker-20.10.24 memlow":     runtime.ErrInvalidSpec,
	"podman-4.3.1 memlow":        runtime.ErrEngine,      // the OCI runtime's own words
	"docker-20.10.24 cdi":        runtime.ErrInvalidSpec, // it takes it for a path
}

func TestClassifyRecordedSamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		client := strings.TrimSuffix(filepath.Base(file), ".txt")
		for _, sample := range archive.Files {
			t.Run(client+" "+sample.Name, func(t *testing.T) {
				t.Parallel()
				name, status, _ := strings.Cut(sample.Name, " ")
				code, err := strconv.Atoi(status)
				require.NoError(t, err)
				want, ok := sampleExceptions[client+" "+name]
				if !ok {
					want, ok = sampleKinds[name]
				}
				require.True(t, ok, "every sample has a kind")
				text := string(sample.Data)

				f := classify(text)
				assert.Equal(t, want, f.kind, f.message)
				for _, noise := range []string{"docker: ", "Error response from daemon", "--help", "Usage:", "level="} {
					assert.NotContains(t, f.message, noise)
				}
				if name == "imginspectmissing" {
					return // not of a run
				}
				// The filter must keep it back whole, and know that it has to ask.
				out, held, warnings, _ := filtered(text, 1<<20)
				assert.Empty(t, out)
				assert.Equal(t, text, held)
				assert.Empty(t, warnings)
				assert.True(t, code >= 125 && code <= 127 || code == 1 && isSetupError(held), "exit status %d", code)
			})
		}
	}
}

func TestReadable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "",
		"docker: Error response from daemon: a.\nSee 'docker run --help'.\n": "a",
		"docker: a\n\nRun 'docker run --help' for more information\n":        "a",
		"a\nb\n": "a; b",
		"time=\"x\" level=error msg=\"error waiting for container: \\\"x\\\"\"\n":                  `error waiting for container: "x"`,
		"Error: a\ntime=\"x\" level=error msg=\"error waiting for container: context canceled\"\n": "a",
	} {
		assert.Equal(t, want, readable(in))
	}
	assert.LessOrEqual(t, len(readable(strings.Repeat("x", 1<<20))), maxWarning+3)
	assert.Equal(t, runtime.ErrEngine, classify("").kind)
	assert.NotEmpty(t, classify("").message)
}

func TestIsMissing(t *testing.T) {
	t.Parallel()
	assert.True(t, isMissing("Error: No such container: x"))
	assert.True(t, isMissing(`Error: no container with name or ID "x" found: no such container`))
	assert.False(t, isMissing("Error response from daemon: removal of container x is already in progress"))
}

// A connection of the engine's own that broke is no engine that went away.
func TestClassifyConnectionsOfTheEngine(t *testing.T) {
	t.Parallel()
	const broken = "read tcp 127.0.0.1:34928->127.0.0.1:43543: read: connection reset by peer"
	assert.Equal(t, runtime.ErrUnavailable, classify(broken+"\n").kind)
	assert.Equal(t, runtime.ErrEngine, classify("Error response from daemon: "+broken+"\n").kind)
}
