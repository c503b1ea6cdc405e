package dockercli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/AltairaLabs/dockerrun/runtime"
)

// answers are what a command line answered to inspect, info and version.
func answers(t *testing.T, client string) map[string]reply {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "answers", client+".txt"))
	require.NoError(t, err)
	got := map[string]string{}
	for _, f := range archive.Files {
		got[f.Name] = string(f.Data)
	}
	return map[string]reply{
		"image": {Stdout: got["imginspect"]}, "info": {Stdout: got["info"]}, "version": {Stdout: got["versionjson"]},
		"context": {Stdout: "unix:///var/run/docker.sock\n"},
	}
}

func TestInfo(t *testing.T) {
	docker := runtime.Info{
		Runtime: Key, Engine: "docker", Version: "20.10.24+dfsg1", APIVersion: "1.41", Endpoint: "unix:///var/run/docker.sock",
		OS: "linux", Arch: "amd64", CgroupVersion: 1, CgroupDriver: "cgroupfs", LimitsEnforced: true,
		OCIRuntimes: []string{"io.containerd.runc.v2", "io.containerd.runtime.v1.linux", "runc"}, DefaultOCIRuntime: "runc",
	}
	newer, older := docker, docker
	newer.ClientVersion, older.ClientVersion = "28.2.2", "20.10.24+dfsg1"
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "CONTAINER_CONNECTION"} {
		t.Setenv(name, "")
	}
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	for client, test := range map[string]struct {
		version string
		want    runtime.Info
	}{
		"docker-28.2.2":   {docker28, newer},
		"docker-20.10.24": {docker20, older},
		"podman-4.3.1": {podman43, runtime.Info{
			Runtime: Key, Engine: "podman", Version: "4.3.1", APIVersion: "4.3.1", ClientVersion: "4.3.1", Endpoint: "itself",
			OS: "linux", Arch: "amd64", CgroupVersion: 1, CgroupDriver: "cgroupfs", LimitsEnforced: true,
			OCIRuntimes: []string{"runc"}, DefaultOCIRuntime: "runc",
		}},
	} {
		t.Run(client, func(t *testing.T) {
			c := newFake(t, fake{Version: test.version, Replies: answers(t, client)})
			got, err := c.runtime().Info(t.Context())
			require.NoError(t, err)
			assert.Empty(t, got.Warnings)
			if got.Endpoint == c.path {
				got.Endpoint = "itself"
			}
			got.Warnings = nil
			assert.Equal(t, test.want, got)
		})
	}
}

func TestInfoUnavailable(t *testing.T) {
	t.Parallel()
	c := newFake(t, fake{Replies: map[string]reply{
		"version": {Code: 1, Stderr: "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?\n"},
		"info":    {Stdout: "{}"}, // has status 0 all the same
	}})
	_, err := c.runtime().Info(t.Context())
	require.ErrorIs(t, err, runtime.ErrUnavailable)
	assert.ErrorContains(t, err, "Is the docker daemon running?")
}

func TestImage(t *testing.T) {
	t.Parallel()
	for client, want := range map[string]runtime.Image{
		"docker-28.2.2":   {ID: "sha256:a7582e4583830e2cfbe1761ec4530c07d45e11ce55c9288e339cdd0433bee825", Cmd: []string{"/bin/sh"}, Platform: "linux/amd64", Digests: []string{}},
		"docker-20.10.24": {ID: "sha256:a7582e4583830e2cfbe1761ec4530c07d45e11ce55c9288e339cdd0433bee825", Cmd: []string{"/bin/sh"}, Platform: "linux/amd64", Digests: []string{}},
		"podman-4.3.1": {ID: "sha256:59eb935055d50c251bbaaf9629dbc6098d0348d3da509cccddd52c1fd753c862", Cmd: []string{"/bin/sh"}, Platform: "linux/amd64",
			Digests: []string{"localhost/t/bb@sha256:6b9f3a8fe8e4ac77e68d143f156f62d85e62f80439ab2a28c81792f8db492a64"}},
	} {
		c := newFake(t, fake{Replies: answers(t, client)})
		got, err := c.runtime().Image(t.Context(), runtime.ImageRequest{Ref: "t/bb:1"})
		require.NoError(t, err)
		assert.Equal(t, want, got, client)
		assert.Zero(t, c.count("pull"), "it is there")
	}
}

func TestImagePolicies(t *testing.T) {
	t.Parallel()
	there := answers(t, "docker-28.2.2")["image"]
	missing := reply{Code: 1, Stdout: "[]\n", Stderr: "Error response from daemon: no such image: x: No such image: x\n"}
	down := reply{Code: 1, Stdout: "[]\n", Stderr: "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?\n"}
	refused := reply{Code: 1, Stderr: "Error response from daemon: pull access denied for x, repository does not exist or may require 'docker login'\n"}
	for name, test := range map[string]struct {
		req         runtime.ImageRequest
		image, pull reply
		kind        error
		pulls       int
	}{
		"never, missing":         {runtime.ImageRequest{Pull: runtime.PullNever}, missing, reply{}, runtime.ErrImageMissing, 0},
		"missing, refused":       {runtime.ImageRequest{}, missing, refused, runtime.ErrPullFailed, 1},
		"always, there":          {runtime.ImageRequest{Pull: runtime.PullAlways}, there, reply{}, nil, 1},
		"always, refused":        {runtime.ImageRequest{Pull: runtime.PullAlways}, there, refused, runtime.ErrPullFailed, 1},
		"engine down":            {runtime.ImageRequest{}, down, reply{}, runtime.ErrUnavailable, 0},
		"engine down, always":    {runtime.ImageRequest{Pull: runtime.PullAlways}, down, down, runtime.ErrUnavailable, 1},
		"another platform":       {runtime.ImageRequest{Platform: "linux/arm64", Pull: runtime.PullNever}, there, reply{}, runtime.ErrImageMissing, 0},
		"another platform, pull": {runtime.ImageRequest{Platform: "linux/arm64"}, there, refused, runtime.ErrPullFailed, 1},
		"its platform":           {runtime.ImageRequest{Platform: "linux/x86_64"}, there, reply{}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newFake(t, fake{Replies: map[string]reply{"image": test.image, "pull": test.pull}})
			test.req.Ref = "x"
			_, err := c.runtime().Image(t.Context(), test.req)
			if test.kind == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, test.kind)
			}
			assert.Equal(t, test.pulls, c.count("pull"))
		})
	}
	_, err := newFake(t, fake{}).runtime().Image(t.Context(), runtime.ImageRequest{Ref: "--help"})
	assert.ErrorIs(t, err, runtime.ErrInvalidSpec, "a reference is never a flag")
}

func TestSamePlatform(t *testing.T) {
	t.Parallel()
	for _, pair := range []string{"|linux/amd64", "linux|linux/amd64", "amd64|linux/amd64", "linux/amd64|linux/amd64", "linux/arm64|linux/arm64/v8",
		"linux/arm64/v8|linux/arm64", "LINUX/aarch64|linux/arm64"} {
		want, have, _ := strings.Cut(pair, "|")
		assert.True(t, samePlatform(want, have), pair)
	}
	for _, pair := range []string{"linux/arm64|linux/amd64", "windows|linux/amd64", "linux/arm/v6|linux/arm/v7"} {
		want, have, _ := strings.Cut(pair, "|")
		assert.False(t, samePlatform(want, have), pair)
	}
}
