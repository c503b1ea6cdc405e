//go:build !unix

package hostcheck

import "io/fs"

// owner is a file's user and group, where the system has them.
func owner(fs.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }
