package runtime

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a refused option is set to may be a secret.
func TestRefusalsKeepSecrets(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--log-opt=splunk-token=s3cr3t", "--creds=user:s3cr3t"} {
		_, _, err := Isolation{Strict: true}.Apply(specOf(t, flag), Surroundings{})
		require.ErrorIs(t, err, ErrInvalidSpec, flag)
		assert.NotContains(t, err.Error(), "s3cr3t")
	}
	const cifs = `type=volume,source=share,target=/data,volume-opt=type=cifs,"volume-opt=o=username=u,password=s3cr3t",VOLUME-OPT=device=s3cr3t`
	mount, err := ParseLongMount(cifs)
	require.NoError(t, err)
	assert.Equal(t, "type=volume,source=share,target=/data,volume-opt=...,volume-opt=...,volume-opt=...", mount.Redacted())
	_, settings, err := Isolation{Strict: true}.Apply(Spec{Image: "img", Mounts: []Mount{mount}}, Surroundings{})
	require.ErrorContains(t, err, "volume-opt=...")
	assert.NotContains(t, err.Error()+fmt.Sprint(settings), "s3cr3t")
	_, err = ParseLongMount(cifs + ",nosuch=1")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3cr3t")
}

// A read-only mount does not keep a command from a socket that is in it.
func TestDirectoryWithASocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "dockerrun-") // short, as the path of a socket must be
	require.NoError(t, err)
	defer func() { assert.NoError(t, os.RemoveAll(dir)) }()
	mounts := specOf(t, "--volume="+dir+":/d:ro").Mounts
	_, err = Isolation{Strict: true}.CheckStrictMounts(mounts, "")
	require.NoError(t, err)

	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	_, err = Isolation{Strict: true}.CheckStrictMounts(mounts, "")
	require.ErrorContains(t, err, "its source has a socket in it; isolation strict takes that only with allow: [sockets]")
	_, err = Isolation{Strict: true, Allow: []string{"sockets"}}.CheckStrictMounts(mounts, "")
	require.NoError(t, err)
}
