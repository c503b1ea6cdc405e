package dockercli

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// FuzzClassify: any text has one of the kinds that a failure can have, and a message of
// one line and bounded length; line ends and the old client's decoration make no
// difference, and a text that says nothing is never taken for a clean failure.
func FuzzClassify(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(f, err)
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		require.NoError(f, err)
		for _, sample := range archive.Files {
			f.Add(string(sample.Data))
		}
	}
	f.Add("")
	f.Add("\n\r\n")
	f.Add("docker: Error response from daemon: x" + strings.Repeat("é", maxWarning) + ".\n")
	kinds := []error{runtime.ErrUnavailable, runtime.ErrImageMissing, runtime.ErrCommandNotFound, runtime.ErrNotExecutable,
		runtime.ErrUnsupported, runtime.ErrInvalidSpec, runtime.ErrEngine}
	f.Fuzz(func(t *testing.T, text string) {
		got := classify(text)
		require.True(t, slices.Contains(kinds, got.kind))
		require.NotEmpty(t, strings.TrimSpace(got.message))
		require.NotContains(t, got.message, "\n")
		require.Less(t, len(got.message), maxWarning+200)
		if utf8.ValidString(text) {
			require.True(t, utf8.ValidString(got.message), "a cut leaves whole characters")
		}
		if readable(text) == "" {
			require.Equal(t, runtime.ErrEngine, got.kind)
			require.False(t, got.clean)
		}
		if !strings.Contains(text, "\r") {
			require.Equal(t, got, classify(strings.ReplaceAll(text, "\n", "\r\n")))
		}
		require.Equal(t, got, classify(text+"\nSee 'docker run --help'.\n"))
		err := got.error(false)
		require.ErrorIs(t, err, got.kind)
	})
}

// FuzzImageAnswer: an answer to `image inspect` is a whole description or an error.
func FuzzImageAnswer(f *testing.F) {
	f.Add(`[{"Id":"abc","Os":"linux","Architecture":"arm64","Variant":"v8","Config":{"Entrypoint":["x"],"Volumes":{"/b":{},"/a":{}}}}]`)
	f.Add(`[]`)
	f.Add(`[{}]`)
	f.Add(`[null]`)
	f.Fuzz(func(t *testing.T, out string) {
		img, err := parseImage(out)
		if err != nil {
			require.Zero(t, img)
			return
		}
		require.Contains(t, img.ID, ":")
		require.Contains(t, img.Platform, "/")
		require.True(t, slices.IsSorted(img.Volumes))
		require.True(t, samePlatform(img.Platform, img.Platform))
		require.True(t, samePlatform("", img.Platform))
	})
}

// FuzzClassifyCommand: what a program is called has no say in why it did not start.
func FuzzClassifyCommand(f *testing.F) {
	for _, name := range []string{"nosuch", "no such image", "/cannot connect to the docker daemon", "permission denied while trying to connect", `a"b\`,
		"unknown flag", "exec: \"x\": permission denied", "already in use by", "é\n"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ContainsAny(name, "\x00`") || !utf8.ValidString(name) || len(name) > maxWarning/8 {
			return
		}
		quoted, path := strconv.Quote(name), "/"+strings.NewReplacer("\n", "", "\r", "").Replace(name)
		const docker, podman = "docker: Error response from daemon: failed to create task for container: OCI runtime create failed: runc create failed: unable to start container process: ",
			"Error: runc: runc create failed: unable to start container process: "
		for text, want := range map[string]error{
			docker + "exec: " + quoted + ": executable file not found in $PATH: unknown.":                                                     runtime.ErrCommandNotFound,
			docker + "exec: " + strconv.Quote(path) + ": stat " + path + ": no such file or directory: unknown":                               runtime.ErrCommandNotFound,
			docker + "exec: " + strconv.Quote(path) + ": permission denied: unknown":                                                          runtime.ErrNotExecutable,
			podman + "exec: " + quoted + ": executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found": runtime.ErrCommandNotFound,
		} {
			got := classify(text + "\n")
			require.Equal(t, want, got.kind, text)
			require.False(t, got.clean, "the engine made a container")
		}
	})
}
