package runtime

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseMountInfo(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"/", "/srv/a b", "/srv/back\\slash"}, parseMountInfo([]byte(`22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /srv/a\040b rw,nosuid shared:2 master:1 - tmpfs tmpfs rw,size=1m
24 22 0:22 / /srv/read ro,relatime - ext4 /dev/sdb rw
25 22 0:23 / /srv/back\134slash rw - ext4 /dev/sdc rw

short line
`)))
}

// A read-only mount takes what is mounted below its source along, and mostly writable.
func TestStrictSubmounts(t *testing.T) {
	t.Parallel()
	var below string
	for _, dir := range writableMounts() {
		if dir != "/" && filepath.Dir(dir) != "/" {
			below = dir
			break
		}
	}
	if below == "" {
		t.Skip("nothing is mounted below a directory here")
	}
	real, err := filepath.EvalSymlinks(filepath.Dir(below))
	require.NoError(t, err)
	mounts := []Mount{{Type: MountBind, Source: real, Target: "/m", Options: []string{"ro"}}}
	i := Isolation{Strict: true, Allow: []string{"host-paths", "sockets", "credentials"}}
	_, err = i.CheckStrictMounts(mounts, "")
	require.ErrorContains(t, err, "its source has something mounted at "+real+string(os.PathSeparator))
	i.Allow = append(i.Allow, "rw-mounts")
	_, err = i.CheckStrictMounts(mounts, "")
	require.NoError(t, err)
}
