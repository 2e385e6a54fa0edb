package feeds

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"flowname/correlate/indicators"
)

// What can be wrong with a feed's file; errors wrap one of these, what package
// indicators says, or the system's error.
var (
	ErrEmpty      = errors.New("it has no indicators")
	ErrChanging   = errors.New("it changed while it was read; write feeds beside the old ones and rename them over these")
	ErrNotRegular = errors.New("it is not a regular file")
)

// Most is how many feeds there can be.
const Most = 64

// A Feed is a file under a name.
type Feed struct{ Name, Path string }

// Parse reads a feed as it is given: [NAME:]FILE. Without a name it has that of the
// file, without .gz, .zst and its extension, in lower case, odd characters being
// hyphens.
func Parse(text string) (Feed, error) {
	name, path, ok := strings.Cut(text, ":")
	if ok && !strings.ContainsAny(name, `/\`) {
		if !validName(name) || path == "" {
			return Feed{}, fmt.Errorf("%q is no [NAME:]FILE: a name has a-z, 0-9, _, . and - only (./%s is a file)", text, text)
		}
		return Feed{name, path}, nil
	}
	name = strings.ToLower(filepath.Base(text))
	for _, packing := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packing)
	}
	name = strings.TrimSuffix(name, filepath.Ext(name))
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(nameLetters, r) {
			return r
		}
		return '-'
	}, name[:min(len(name), longestName)])
	if name == "" {
		return Feed{}, fmt.Errorf("%q names no feed: give NAME:FILE", text)
	}
	return Feed{name, text}, nil
}

const longestName = 64

const nameLetters = "abcdefghijklmnopqrstuvwxyz0123456789_.-"

func validName(name string) bool {
	return name != "" && strings.Trim(name, nameLetters) == "" && len(name) <= longestName
}

// A State is what a feed is now.
type State struct {
	Feed
	Report  indicators.Report // of the list in use
	TakenNs int64             // when it was taken
	// Reloads is how many files were taken after the first, Refused how many were
	// not.
	Reloads, Refused uint64
}

// A Reader has the current lists.
type Reader struct {
	current atomic.Pointer[Lists]
	hash    func(domain string) uint64

	mu    sync.Mutex // one Reload at a time; guards what follows
	files []file
}

// A file is a feed's.
type file struct {
	state State
	set   *indicators.Set
	info  os.FileInfo // of the file in use
	tried os.FileInfo // of the one that was refused last
	seen  os.FileInfo // when Changed was asked last
}

// New reads the feeds. hash hashes registrable domains, so that who asks for many
// things by domain hashes it once; nobody outside should foresee it. nowNs is the time
// now.
func New(all []Feed, hash func(domain string) uint64, nowNs int64) (*Reader, error) {
	if len(all) > Most {
		return nil, fmt.Errorf("%d feeds: the most are %d", len(all), Most)
	}
	r := &Reader{hash: hash, files: make([]file, len(all))}
	for i, f := range all {
		if slices.ContainsFunc(all[:i], func(o Feed) bool { return o.Name == f.Name }) {
			return nil, fmt.Errorf("two feeds are named %s: give one of them another name, as NAME:FILE", f.Name)
		}
		r.files[i].state.Feed = f
		if err := r.files[i].load(nowNs); err != nil {
			return nil, err
		}
	}
	r.publishLocked()
	return r, nil
}

// Current is what the feeds have now.
func (r *Reader) Current() *Lists { return r.current.Load() }

// States are what the feeds are now, in their order.
func (r *Reader) States() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]State, len(r.files))
	for i := range r.files {
		all[i] = r.files[i].state
	}
	return all
}

// Changed says whether a file is another one, or has another size or time, than the
// one in use and the one that was refused last, and the same as when Changed was asked
// before: what still changes is awaited, and so is a file that is missing. It costs a
// stat(2) a feed.
func (r *Reader) Changed() (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.files {
		f := &r.files[i]
		now, err := os.Stat(f.state.Path)
		if err != nil {
			continue
		}
		if !same(now, f.info) && !same(now, f.tried) && same(now, f.seen) {
			changed = true
		}
		f.seen = now
	}
	return changed
}

// Reload reads the files that have changed since they were last taken, and reports
// whether one was taken. nowNs is the time now. The error tells of those that can not
// be used, and whose old lists stay.
func (r *Reader) Reload(nowNs int64) (changed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var problems []string
	for i := range r.files {
		f := &r.files[i]
		if now, err := os.Stat(f.state.Path); err == nil && same(now, f.info) {
			continue
		}
		if err := f.load(nowNs); err != nil {
			f.state.Refused++
			problems = append(problems, err.Error())
			continue
		}
		f.state.Reloads++
		changed = true
	}
	if changed {
		r.publishLocked()
	}
	if len(problems) > 0 {
		err = errors.New(strings.Join(problems, "; ")) // one line, unlike errors.Join
	}
	return changed, err
}

// publishLocked makes lists of the files' sets.
func (r *Reader) publishLocked() {
	l := &Lists{Generation: 1, sets: make([]*indicators.Set, len(r.files))}
	for i := range r.files {
		l.sets[i] = r.files[i].set
	}
	l.filter = newFilter(l.sets, r.hash)
	if old := r.current.Load(); old != nil {
		l.Generation = old.Generation + 1
	}
	r.current.Store(l)
}

// load takes the file that is there now, or says why not.
func (f *file) load(nowNs int64) error {
	set, report, info, err := read(f.state.Feed)
	if err != nil {
		f.tried = info
		return fmt.Errorf("feed %s: %s: %w", f.state.Name, f.state.Path, err)
	}
	f.set, f.info, f.state.Report, f.state.TakenNs = set, info, report, nowNs
	return nil
}

// read reads a feed. info is the file's state before.
func read(of Feed) (set *indicators.Set, report indicators.Report, info os.FileInfo, err error) {
	if info, err = os.Stat(of.Path); err != nil { // before opening: to open a pipe would wait for its writer
		return nil, report, nil, reason(err)
	}
	if !info.Mode().IsRegular() {
		return nil, report, info, ErrNotRegular
	}
	in, err := os.Open(of.Path)
	if err != nil {
		return nil, report, info, reason(err)
	}
	defer in.Close()
	if info, err = in.Stat(); err != nil {
		return nil, report, info, reason(err)
	}
	var b indicators.Builder
	report, err = b.Read(of.Name, in)
	after, statErr := in.Stat()
	switch {
	case statErr != nil:
		return nil, report, info, reason(statErr)
	case !same(info, after):
		return nil, report, info, ErrChanging
	case err != nil:
		return nil, report, info, err
	case report.Entries == 0:
		return nil, report, info, ErrEmpty
	}
	return b.Set(), report, info, nil
}

// same reports whether a file is the same and unchanged.
func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// reason leaves out the path, which is said already.
func reason(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
