package peers

import (
	"os"

	"golang.org/x/sys/unix"
)

// growPipe gives a pipe the largest buffer that Linux allows everybody: a small
// one wakes both ends up for each few pages. One that stays small does as well.
func growPipe(f *os.File) {
	_, _ = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, 1<<20)
}
