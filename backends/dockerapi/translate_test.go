package dockerapi

import (
	"encoding/json"
	"net/url"
	"os"
	"path"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// recorded is one `docker run --rm -i --name=dockerrun-x ARGS` of docker 28.2.2, with
// the create request that it sent to an engine of API 1.51.
type recorded struct {
	Args  []string
	Query string
	Body  map[string]any
}

// TestTranslate compares with what the docker command itself asks the engine for.
func TestTranslate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/docker-28.2.2-create.json")
	require.NoError(t, err)
	var cases map[string]recorded
	require.NoError(t, json.Unmarshal(text, &cases))
	require.NotEmpty(t, cases)
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := parseRun(t, want.Args)
			req, err := translate(spec)
			require.NoError(t, err)

			query, err := url.ParseQuery(want.Query)
			require.NoError(t, err)
			assert.Equal(t, query.Get("name"), req.name)
			platform := ""
			if p := req.platform; p != nil {
				platform = path.Join(p.OS, p.Architecture, p.Variant)
			}
			assert.Equal(t, query.Get("platform"), platform)

			got := asJSON(t, container.CreateRequest{Config: req.config, HostConfig: req.host, NetworkingConfig: req.network})
			dropOwnLabels(got)
			for _, caps := range []string{"CapAdd", "CapDrop"} { // the client makes these canonical as it sends them
				delete(got["HostConfig"].(map[string]any), caps)
				delete(want.Body["HostConfig"].(map[string]any), caps)
			}
			if name == "env" { // of a repeated name the engine takes the last one, and so do we
				want.Body["Env"] = []any{"A=2", "B=x=y", "DOCKERRUN_UNSET"}
			}
			if name == "volumes" { // docker has them in random order
				assert.ElementsMatch(t, hostField(want.Body, "Binds"), hostField(got, "Binds"))
				delete(want.Body["HostConfig"].(map[string]any), "Binds")
				delete(got["HostConfig"].(map[string]any), "Binds")
			}
			assertFields(t, want.Body["HostConfig"].(map[string]any), got["HostConfig"].(map[string]any))
			delete(want.Body, "HostConfig")
			delete(got, "HostConfig")
			assertFields(t, want.Body, got)
		})
	}
}

// assertFields compares one by one, so that a failure can be read.
func assertFields(t *testing.T, want, got map[string]any) {
	t.Helper()
	for name := range want {
		assert.Equal(t, want[name], got[name], name)
	}
	for name := range got {
		assert.Contains(t, want, name)
	}
}

// parseRun reads the arguments of a `docker run` as a launcher would have them.
func parseRun(t *testing.T, args []string) runtime.Spec {
	t.Helper()
	at := -1
	for i, arg := range args {
		if arg == "t/bb:1" {
			at = i
		}
	}
	require.GreaterOrEqual(t, at, 0)
	spec := runtime.Spec{Name: "dockerrun-x", Image: args[at], Args: args[at+1:]}
	require.NoError(t, runtime.SetFlags(&spec, args[:at]))
	spec, err := spec.Resolve(t.Context(), Key)
	require.NoError(t, err)
	return spec
}

func asJSON(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

func dropOwnLabels(body map[string]any) {
	labels := body["Labels"].(map[string]any)
	delete(labels, runtime.LabelOwner)
	delete(labels, runtime.LabelName)
	delete(labels, runtime.LabelDeadline)
	delete(labels, runtime.LabelCall)
}

func hostField(body map[string]any, name string) any {
	return body["HostConfig"].(map[string]any)[name]
}

func TestTranslateRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spec runtime.Spec
		kind error
		text string
	}{
		"flag of docker-cli": {runtime.Spec{Passthrough: []string{"--blkio-weight=secret"}}, runtime.ErrUnsupported, "--blkio-weight: only docker-cli"},
		"pid":                {runtime.Spec{PIDMode: "container:"}, runtime.ErrInvalidSpec, `pid: "container:"`},
		"uts":                {runtime.Spec{UTSMode: "x"}, runtime.ErrInvalidSpec, `uts: "x"`},
		"userns of podman":   {runtime.Spec{UserNS: "keep-id"}, runtime.ErrInvalidSpec, `userns: "keep-id"`},
		"cgroupns":           {runtime.Spec{CgroupNS: "x"}, runtime.ErrInvalidSpec, `cgroupns: "x"`},
		"log options":        {runtime.Spec{LogDriver: "none", LogOpts: map[string]string{"a": "b"}}, runtime.ErrInvalidSpec, "log-opt"},
		"no profile":         {runtime.Spec{SecurityOpts: []string{"seccomp=testdata/nope"}}, runtime.ErrInvalidSpec, "can't be read"},
		"profile no JSON":    {runtime.Spec{SecurityOpts: []string{"seccomp=translate_test.go"}}, runtime.ErrInvalidSpec, "is not JSON"},
		"security option":    {runtime.Spec{SecurityOpts: []string{"label="}}, runtime.ErrInvalidSpec, "name=value"},
		"platform":           {runtime.Spec{Platform: "a/b/c/d"}, runtime.ErrInvalidSpec, "platform"},
		"network field":      {runtime.Spec{Network: "name=n,foo=bar"}, runtime.ErrInvalidSpec, "network"},
		"alias on bridge":    {runtime.Spec{Network: "name=bridge,alias=a"}, runtime.ErrInvalidSpec, "user-defined"},
		"gpus":               {runtime.Spec{GPUs: []string{"x=y"}}, runtime.ErrInvalidSpec, "gpus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.spec.Image = "t/bb:1"
			_, err := translate(tc.spec)
			require.ErrorIs(t, err, tc.kind)
			assert.ErrorContains(t, err, tc.text)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestCheckVersion(t *testing.T) {
	t.Parallel()
	no := false
	for name, tc := range map[string]struct {
		spec    runtime.Spec
		version string
		want    string
	}{
		"plain on the oldest": {runtime.Spec{}, minAPI, ""},
		"platform":            {runtime.Spec{Platform: "linux/arm64"}, "1.40", "--platform needs API version 1.41"},
		"platform, new":       {runtime.Spec{Platform: "linux/arm64"}, "1.41", ""},
		"cgroupns":            {runtime.Spec{CgroupNS: "host"}, "1.40", "--cgroupns needs API version 1.41"},
		"gpus":                {runtime.Spec{GPUs: []string{"all"}}, "1.39", "--gpus needs API version 1.40"},
		"init":                {runtime.Spec{Init: &no}, "1.30", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.spec.Image = "t/bb:1"
			req, err := translate(tc.spec)
			require.NoError(t, err)
			err = req.checkVersion(tc.version)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, runtime.ErrUnsupported)
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func TestDiscarded(t *testing.T) {
	t.Parallel()
	ten := int64(10)
	withSwap := runtime.Spec{Resources: runtime.Resources{Memory: 1 << 26, MemorySwap: 1 << 27}}
	for _, tc := range []struct {
		warning string
		spec    runtime.Spec
		want    bool
	}{
		{"Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.", withSwap, true},
		{"Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.", withSwap, true},
		{"Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.", runtime.Spec{Resources: runtime.Resources{Memory: 1 << 26}}, false},
		{"Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.", runtime.Spec{}, false},
		{"Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.", runtime.Spec{Resources: runtime.Resources{MemorySwappiness: &ten}}, true},
		{"Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.", withSwap, true},
		{"IPv4 forwarding is disabled. Networking will not work.", withSwap, false},
	} {
		assert.Equal(t, tc.want, discarded(tc.warning, tc.spec), tc.warning)
	}
}
