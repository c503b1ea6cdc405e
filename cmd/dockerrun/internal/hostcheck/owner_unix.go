//go:build unix

package hostcheck

import (
	"io/fs"
	"syscall"
)

// owner is a file's user and group, where the system has them.
func owner(info fs.FileInfo) (uid, gid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}
