package dnscache

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// adviseTables tells the kernel how the tables in dir, which Badger has mapped into
// memory, are going to be read. Where it does not know, it reads 128 KB around
// each page that it does not have, and who looks up waits for it: that is all of the slow
// look-ups. Where it knows that they are scattered it reads a page; a scan would then
// wait for each. Badger does not give its mappings away; that a table has just
// been deleted, and something else lies in its place, does no harm. It is advice:
// without it all works as well.
func adviseTables(dir string, scattered bool) {
	advice := uintptr(unix.MADV_NORMAL)
	if scattered {
		advice = unix.MADV_RANDOM
	}
	eachTable(dir, "/proc/self/maps", func(start, end uint64) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), advice)
	})
}

// eachTable gives fn the mappings of tables in dir, as a list in the format of
// /proc/self/maps tells them.
func eachTable(dir, list string, fn func(start, end uint64)) {
	dir, err := filepath.EvalSymlinks(dir)
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return
	}
	maps, err := os.Open(list)
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		span, rest, _ := strings.Cut(lines.Text(), " ")
		_, name, found := strings.Cut(rest, "/")
		if !found || filepath.Ext(name) != ".sst" || filepath.Dir("/"+name) != dir {
			continue
		}
		from, to, _ := strings.Cut(span, "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil {
			fn(start, end)
		}
	}
}

// willNeed tells the kernel that all of a file is going to be read.
func willNeed(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_WILLNEED) }
