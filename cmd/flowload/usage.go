package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// usage is what this process has used: processor time, bytes written to disk,
// peak of memory.
type usage struct {
	cpu           time.Duration
	written, peak int64
}

func usageNow() usage {
	return usage{
		cpu:     ownCPU(),
		written: procNumber("/proc/self/io", "\nwrite_bytes:"),
		peak:    procNumber("/proc/self/status", "\nVmHWM:") << 10,
	}
}

func (u usage) since(before usage) usage {
	u.cpu -= before.cpu
	u.written -= before.written
	return u
}

// procNumber is the number behind what in a file of /proc; 0 where there is none.
func procNumber(path, what string) int64 {
	b, _ := os.ReadFile(path) // no such file, no such number
	_, rest, _ := bytes.Cut(b, []byte(what))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// diskUse is what a directory takes on disk. Badger's files are larger than that
// while it is open.
func diskUse(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			total += st.Blocks * 512
		}
		return nil
	})
	return total, err
}
