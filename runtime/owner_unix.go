//go:build unix

package runtime

import (
	"io/fs"
	"syscall"
)

// ownerOf is who owns a file.
func ownerOf(stat fs.FileInfo) (identity, bool) {
	s, ok := stat.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, false
	}
	return identity{uid: int(s.Uid), gid: int(s.Gid)}, true
}
