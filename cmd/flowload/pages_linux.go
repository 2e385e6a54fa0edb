package main

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// forgetPages has the system forget what it has in memory of a directory's
// files, which nobody must have open: what is read next comes from disk.
func forgetPages(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		err = errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED))
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}
