package follow

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A sighting is how a file looked when its size or time last changed.
type sighting struct {
	size, modNs int64
	first       time.Time // when it was seen at all
	since       time.Time // since when it has not changed
}

// A candidate is a file that a scan has found.
type candidate struct {
	place
	current bool // it is PATH itself
	sighting
}

var errNotFollowable = errors.New("neither a file nor a directory: for a pipe give - and let it be read from stdin")

// candidates finds the files that may be of interest, in the order in which
// they were written. Those whose names say that they are older come first where
// the times are equal, PATH last.
func (f *Follower) candidates(now time.Time) ([]candidate, error) {
	var all []candidate
	info, err := os.Stat(f.cfg.Path)
	switch {
	case err == nil && info.IsDir():
		f.dir = true
		all, err = f.tree()
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w", f.cfg.Path, errNotFollowable)
	case f.dir:
		return nil, nil // the directory is away
	default:
		all, err = f.siblings()
		if info != nil {
			c := newCandidate(f.cfg.Path, info)
			c.current = true
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, byAge)
	f.sight(all, now)
	return all, err
}

func byAge(a, b candidate) int {
	switch {
	case a.current != b.current && a.current:
		return 1
	case a.current != b.current:
		return -1
	}
	return cmp.Or(cmp.Compare(a.place.modNs, b.place.modNs), cmp.Compare(generation(b.path), generation(a.path)), strings.Compare(a.path, b.path))
}

// generation is the number that logrotate puts behind a name: the higher, the
// older.
func generation(path string) int {
	name := withoutPacking(filepath.Base(path))
	n, err := strconv.Atoi(strings.TrimPrefix(filepath.Ext(name), "."))
	if err != nil {
		return 0
	}
	return n
}

func newCandidate(path string, info fs.FileInfo) candidate {
	return candidate{place: place{path: path, id: identityOf(path, info), size: info.Size(), modNs: info.ModTime().UnixNano()}}
}

// sight notes since when the files have looked as they do.
func (f *Follower) sight(all []candidate, now time.Time) {
	seen := make(map[string]sighting, len(all))
	for i := range all {
		c := &all[i]
		s, known := f.seen[c.path]
		if !known {
			s.first = now
		}
		if !known || s.size != c.place.size || s.modNs != c.place.modNs {
			s.size, s.modNs, s.since = c.place.size, c.place.modNs, now
		}
		c.sighting = s
		seen[c.path] = s
	}
	f.seen = seen
}

// siblings are the files beside PATH that its rotation made.
func (f *Follower) siblings() ([]candidate, error) {
	dir, base := filepath.Split(f.cfg.Path)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, unlessAbsent(err)
	}
	var all []candidate
	for _, e := range entries {
		if !isRotated(base, e.Name()) {
			continue
		}
		if info, err := os.Stat(dir + e.Name()); err == nil && info.Mode().IsRegular() {
			all = append(all, newCandidate(dir+e.Name(), info))
		}
	}
	return all, nil
}

func unlessAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// isRotated says whether a name is one that rotation gives to base: with a
// number or a date behind it or before its extension, and with .gz or .zst.
func isRotated(base, name string) bool {
	plain := withoutPacking(name)
	if rest, ok := strings.CutPrefix(plain, base); ok {
		return isGeneration(rest) || rest == "" && plain != name
	}
	ext := filepath.Ext(base)
	rest, ok := strings.CutPrefix(plain, strings.TrimSuffix(base, ext))
	if !ok || ext == "" {
		return false
	}
	rest, ok = strings.CutSuffix(rest, ext)
	return ok && isGeneration(rest)
}

func withoutPacking(name string) string {
	for _, ext := range []string{".gz", ".zst"} {
		if plain, ok := strings.CutSuffix(name, ext); ok {
			return plain
		}
	}
	return name
}

// isGeneration says whether a text tells which of many a file is: .1, -20261123,
// .2026-11-23T10:00:00Z, .10:00:00-11:00:00, .old.
func isGeneration(text string) bool {
	if text == ".old" {
		return true
	}
	digits := 0
	for _, c := range []byte(text) {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case !strings.ContainsRune("._-:+@TZ", rune(c)):
			return false
		}
	}
	return digits > 0 && strings.ContainsRune("._-@", rune(text[0]))
}

// tree finds all files in the directory and beneath.
func (f *Follower) tree() ([]candidate, error) {
	var all []candidate
	var failed error
	err := filepath.WalkDir(f.cfg.Path+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				failed = err
			}
			return nil // the others can be read
		}
		if isHidden(d.Name()) && path != f.cfg.Path+string(filepath.Separator) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			all = append(all, newCandidate(path, info))
		}
		return nil
	})
	return all, errors.Join(err, failed)
}

// isHidden says whether a file's name is that of one which is still being made,
// or was not meant to be looked at.
func isHidden(name string) bool {
	if strings.HasPrefix(name, ".") {
		return true
	}
	switch filepath.Ext(name) {
	case ".tmp", ".temp", ".part", ".partial", ".filepart", ".swp", ".crdownload":
		return true
	}
	return strings.HasSuffix(name, "~")
}
