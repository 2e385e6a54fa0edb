//go:build !linux

package dnscache

import "os"

// adviseTables and willNeed do nothing where it is not known how.
func adviseTables(dir string, scattered bool) {}
func willNeed(*os.File)                       {}
