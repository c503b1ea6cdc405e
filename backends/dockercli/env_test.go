package dockercli

import (
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

func TestSplitEnv(t *testing.T) {
	t.Parallel()
	host := func(name string) (string, bool) {
		v, ok := map[string]string{"HOME": "/h\n", "GOPATH": "/go"}[name]
		return v, ok
	}
	docker, podman := &client{}, &client{podman: true}
	for name, test := range map[string]struct {
		cl     *client
		remote bool
		env    []string
		want   env
	}{
		"by name":                       {docker, false, []string{"A=1", "B=x\ny=", "C="}, env{flags: []string{"--env=A", "--env=B", "--env=C"}, set: []string{"A=1", "B=x\ny=", "C="}}},
		"steering goes by file":         {docker, false, []string{"A=1", "PATH=/p", "DOCKER_X= v "}, env{flags: []string{"--env-file=/dev/fd/3", "--env=A"}, set: []string{"A=1"}, file: []byte("PATH=/p\nDOCKER_X= v \n")}},
		"what is there already":         {docker, false, []string{"HOME=/h\n"}, env{flags: []string{"--env=HOME"}, set: []string{"HOME=/h\n"}}},
		"proxy of a local engine":       {docker, false, []string{"http_proxy=p"}, env{flags: []string{"--env=http_proxy"}, set: []string{"http_proxy=p"}}},
		"proxy of a remote engine":      {docker, true, []string{"http_proxy=p"}, env{flags: []string{"--env-file=/dev/fd/3"}, file: []byte("http_proxy=p\n")}},
		"removal":                       {docker, false, []string{"GONE", "LD_PRELOAD"}, env{flags: []string{"--env=GONE", "--env=LD_PRELOAD"}, unset: []string{"GONE", "LD_PRELOAD"}}},
		"podman's removal":              {podman, false, []string{"GONE"}, env{flags: []string{"--unsetenv=GONE"}}},
		"a star is a pattern to podman": {podman, false, []string{"A*=1"}, env{flags: []string{"--env-file=/dev/fd/3"}, file: []byte("A*=1\n")}},
		"lower case steers nothing":     {docker, false, []string{"path=/p"}, env{flags: []string{"--env=path"}, set: []string{"path=/p"}}},
		"GO is a prefix of many":        {docker, false, []string{"GOOGLE_KEY=a\nb"}, env{flags: []string{"--env=GOOGLE_KEY"}, set: []string{"GOOGLE_KEY=a\nb"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if goruntime.GOOS == "windows" && len(test.want.file) > 0 {
				return // TestSplitEnvErrors has what is so there
			}
			got, err := test.cl.splitEnv(test.env, test.remote, host)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestSplitEnvErrors(t *testing.T) {
	t.Parallel()
	docker, podman := &client{}, &client{podman: true}
	for name, test := range map[string]struct {
		cl    *client
		entry string
		want  string
	}{
		"newline":  {docker, "PATH=s3cret\nx", "PATH"},
		"return":   {docker, "PATH=s3cret\r", "line break"},
		"bytes":    {docker, "LD_X=s3cret\xff", "UTF-8"},
		"long":     {docker, "HOME=s3cret" + strings.Repeat("x", 64*1024), "64 KiB"},
		"the name": {docker, "DOCKER_ X=s3cret", "such a name"},
		"blanks":   {podman, "A B=s3cret", "blanks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.cl.splitEnv([]string{test.entry}, false, noEnv)
			require.ErrorIs(t, err, runtime.ErrUnsupported)
			if goruntime.GOOS != "windows" {
				assert.ErrorContains(t, err, test.want)
			}
			assert.NotContains(t, err.Error(), "s3cret")
		})
	}
}

func TestSteers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"DOCKER_HOST", "DOCKER_CONFIG", "PATH", "HOME", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "XDG_RUNTIME_DIR",
		"SSH_AUTH_SOCK", "GODEBUG", "GOMAXPROCS", "CONTAINER_HOST", "CONTAINERS_CONF", "REGISTRY_AUTH_FILE", "TMPDIR", "BUILDKIT_HOST",
		"BUILDX_BUILDER", "OTEL_EXPORTER_OTLP_ENDPOINT", "STORAGE_DRIVER", "NOTIFY_SOCKET", "BASH_ENV", "SSL_CERT_FILE", "_CONTAINERS_USERNS_CONFIGURED",
	} {
		assert.True(t, steers(name, false), name)
	}
	for _, name := range []string{"A", "OPENAI_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH", "NODE_OPTIONS", "HTTP_PROXY", "no_proxy", "LDAP_URL", "DOCKERFILE"} {
		assert.False(t, steers(name, false), name)
	}
}

func TestCheckPassthrough(t *testing.T) {
	t.Parallel()
	require.NoError(t, checkPassthrough([]string{"--link=a:b", "--annotation=a=b", "--publish="}))
	for _, flag := range []string{
		"", "-", "--", "--x", "-p=1", "img", "--=x", "---x=y", "--rm=false", "--name=x", "--detach=true", "--tty=true", "--env=A=1",
		"--privileged=true", "--replace=true", "--rmi=true", "--a=\x00",
	} {
		assert.ErrorIs(t, checkPassthrough([]string{flag}), runtime.ErrInvalidSpec, "%q", flag)
	}
}

func TestCheckGPUs(t *testing.T) {
	t.Parallel()
	spec := runtime.Spec{Image: "i", GPUs: []string{"all"}}
	assert.ErrorIs(t, (&client{podman: true, major: 4, minor: 9}).check(spec), runtime.ErrUnsupported)
	assert.NoError(t, (&client{podman: true, major: 5}).check(spec))
	assert.NoError(t, (&client{major: 20, minor: 10}).check(spec))
}
