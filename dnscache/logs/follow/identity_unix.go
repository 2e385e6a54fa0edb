//go:build unix

package follow

import (
	"io/fs"
	"syscall"
)

// identityOf is the file's device and inode.
func identityOf(_ string, info fs.FileInfo) identity {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return identity{uint64(s.Dev), s.Ino}
	}
	return identity{}
}
