package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
)

// Stats counts what a Reader and its cursors met.
type Stats struct {
	// Damaged is how many look-ups came to a damaged part of a database. A
	// cursor counts an address again only after it has forgotten it.
	Damaged uint64
	// Reloads is how many new files were taken, Refused how many were not.
	Reloads uint64
	Refused uint64
}

// A set is the databases that are current together. Either may be nil, and both
// may be the same.
type set struct {
	asn, geo *Database
}

// find is what both databases have for addr, which is unmapped and valid. damaged
// is how many of them are damaged there.
func (s *set) find(addr netip.Addr) (asn, geo found, damaged uint64) {
	asn, bad := s.asn.find(addr)
	if bad {
		damaged++
	}
	if s.geo == s.asn {
		return asn, found{}, damaged
	}
	geo, bad = s.geo.find(addr)
	if bad {
		damaged++
	}
	return asn, geo, damaged
}

// read fills dst with what two records say together. damaged is how many of them
// can not be read.
func (s *set) read(dst *Info, of records) (damaged uint64) {
	var asn, geo Info
	if of.asn != 0 && readRecord(&asn, s.asn.data, int(of.asn-1)) != 0 {
		damaged++
	}
	if of.geo != 0 && readRecord(&geo, s.geo.data, int(of.geo-1)) != 0 {
		damaged++
	}
	dst.merge(&asn, &geo)
	return damaged
}

// A Reader looks addresses up in the current databases. It may be used by any
// goroutine.
type Reader struct {
	asnPath, geoPath string
	current          atomic.Pointer[set]

	damaged, reloads, refused atomic.Uint64
	places                    atomic.Uint64 // the last Place's ID

	mu sync.Mutex // one Reload at a time; guards tried
	// tried is the state of the files that were last refused, by path.
	tried map[string]os.FileInfo
}

// New opens the databases, of which either path or both may be empty, and both
// may be the same file. The file at asnPath must carry ASNs, the one at geoPath
// something of geography. What a file carries beyond its role counts where the
// other has nothing.
func New(asnPath, geoPath string) (*Reader, error) {
	r := &Reader{asnPath: asnPath, geoPath: geoPath, tried: map[string]os.FileInfo{}}
	r.current.Store(&set{})
	_, err := r.Reload()
	if err != nil {
		return nil, err
	}
	r.reloads.Store(0)
	return r, nil
}

// Lookup fills dst with what is known of addr and reports whether that is
// anything; if not, dst is empty. It does not allocate. A Cursor is faster.
func (r *Reader) Lookup(dst *Info, addr netip.Addr) bool {
	if !addr.IsValid() {
		*dst = Info{}
		return false
	}
	s := r.current.Load()
	asn, geo, damaged := s.find(addr.Unmap())
	damaged += s.read(dst, records{asn.record, geo.record})
	if damaged > 0 {
		r.damaged.Add(damaged)
	}
	return dst.facts() != 0
}

// Databases are the current ones' descriptions, the ASN database's first.
func (r *Reader) Databases() []Metadata {
	s := r.current.Load()
	var all []Metadata
	if s.asn != nil {
		all = append(all, s.asn.Metadata())
	}
	if s.geo != nil && s.geo != s.asn {
		all = append(all, s.geo.Metadata())
	}
	return all
}

// Stats may be called at any time.
func (r *Reader) Stats() Stats {
	return Stats{Damaged: r.damaged.Load(), Reloads: r.reloads.Load(), Refused: r.refused.Load()}
}

// Changed reports whether a file is another one, or has another size or time,
// than the one in use and the one that was refused last. It costs a stat(2) a
// file, so it can be asked each few seconds. A file that is missing for the
// moment has not changed.
func (r *Reader) Changed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.current.Load()
	return r.fileChanged(s.asn, r.asnPath) || r.fileChanged(s.geo, r.geoPath)
}

func (r *Reader) fileChanged(db *Database, path string) bool {
	if path == "" || db == nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && !sameState(now, db.info) && !sameState(now, r.tried[path])
}

// Reload opens the files that have changed since they were last taken, and
// reports whether one was taken. A new file that can not be used is an error
// and leaves the old one in place; the other is replaced all the same.
func (r *Reader) Reload() (changed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.current.Load()
	next, err := r.nextLocked(old)
	if changed = next != *old; changed {
		r.current.Store(&next)
		r.reloads.Add(1)
	}
	return changed, err
}

// nextLocked is the set to use from now on.
func (r *Reader) nextLocked(old *set) (set, error) {
	next := *old
	var asnErr, geoErr error
	if r.asnPath != "" {
		next.asn, asnErr = r.reopenLocked(old.asn, r.asnPath, FactASN)
	}
	switch r.geoPath {
	case "":
	case r.asnPath:
		if next.asn != old.asn && next.asn.meta.Facts&factsGeo == 0 {
			return *old, r.refuseLocked(next.asn.info, wrongFacts(next.asn, factsGeo))
		}
		next.geo = next.asn
	default:
		next.geo, geoErr = r.reopenLocked(old.geo, r.geoPath, factsGeo)
	}
	if asnErr != nil && geoErr != nil {
		return next, fmt.Errorf("%w; %w", asnErr, geoErr) // one line, unlike errors.Join
	}
	return next, errors.Join(asnErr, geoErr)
}

// reopenLocked is the database at path: old if the file is the same, or if the
// new one can not be used, which is an error.
func (r *Reader) reopenLocked(old *Database, path string, wanted Facts) (*Database, error) {
	if now, err := os.Stat(path); err == nil && old != nil && sameState(now, old.info) {
		return old, nil
	}
	db, err := Open(path)
	if err != nil {
		info, _ := os.Stat(path)
		return old, r.refuseLocked(info, err)
	}
	if db.meta.Facts&wanted == 0 {
		return old, r.refuseLocked(db.info, wrongFacts(db, wanted))
	}
	return db, nil
}

// refuseLocked counts a file that is not taken, and remembers its state so that
// Changed does not report it again.
func (r *Reader) refuseLocked(info os.FileInfo, err error) error {
	r.refused.Add(1)
	if oe, ok := errors.AsType[*OpenError](err); ok && info != nil {
		r.tried[oe.Path] = info
	}
	return err
}

func wrongFacts(db *Database, wanted Facts) error {
	m := db.meta
	return &OpenError{m.Path, fmt.Errorf("%w: type %q holds %s", ErrWrongFacts, m.Type, m.Facts),
		fmt.Sprintf("wanted here is a database with %s", wanted)}
}
