package findings

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"flowname/dnscache"
)

// Rules of the desk.
const (
	// Repeat is how long a finding of the same code, client and subject is a
	// repetition of one that was told.
	Repeat = 24 * time.Hour
	// PerCode and InAll are how many findings are told in a minute.
	PerCode = 100
	InAll   = 500
	// Recent is how many findings are kept.
	Recent = 10000

	maxLines = 4 << 20
)

// Config says what a Desk tells.
type Config struct {
	// Feeds are the names of feeds; each has the code feed:NAME.
	Feeds []string
	// Off are the texts of codes that are not told; feed is those of all feeds.
	Off []string
	// Lines says that somebody takes lines.
	Lines bool
	// Seed fixes how what is remembered is spread; a daemon's is secret and stays with
	// what is kept.
	Seed uint64
	// Shelf keeps what was told, for Save; nil: nothing is kept. It has no use without
	// Lines: who reads only the API finds nothing there after a restart, and has to
	// be told again.
	Shelf *dnscache.Shelf
}

// A Desk decides what is told, and keeps it.
type Desk struct {
	codes  []string
	hashes []uint64 // of the codes, by their texts: a feed's number is not the same for ever
	off    [256]bool
	seed   uint64
	takes  bool
	shelf  *dnscache.Shelf // nil: nothing is kept

	mu     sync.Mutex
	seen   seen
	turn   uint32 // how often lines were taken
	limit  limit
	recent ring
	lines  []byte
	counts []Count
	lost   uint64
	bad    uint64

	unreadable uint64
}

// A Count is what became of the findings of one code.
type Count struct {
	Code string
	// Told were written; Repeated were told before, Limited were too many in a
	// minute.
	Told, Repeated, Limited uint64
}

// DeskStats count what is no code's.
type DeskStats struct {
	// Forgotten findings had to make room for others: they may be told twice.
	Forgotten uint64
	// LostLines were not taken in time.
	LostLines uint64
	// Unwritable findings could not be encoded.
	Unwritable uint64
	// Unreadable sets of findings that were told were on the shelf.
	Unreadable uint64

	// Unsaved findings were told and are not on the shelf, now.
	Unsaved uint64
}

// New returns a Desk that remembers what is kept on the shelf. An error that is a
// *ConfigError is about the configuration.
func New(cfg Config) (*Desk, error) {
	if len(cfg.Feeds) > maxFeeds {
		return nil, &ConfigError{fmt.Sprintf("%d feeds are more than %d", len(cfg.Feeds), maxFeeds)}
	}
	d := &Desk{codes: append([]string(nil), codeNames[:]...), seed: cfg.Seed, takes: cfg.Lines}
	for _, name := range cfg.Feeds {
		d.codes = append(d.codes, feedPrefix+name)
	}
	var err error
	if d.off, err = off(cfg.Off, d.codes); err != nil {
		return nil, err
	}
	d.counts = make([]Count, len(d.codes))
	for i := range d.counts {
		d.counts[i].Code = d.codes[i]
	}
	d.seen.init()
	if cfg.Shelf != nil && cfg.Lines {
		if err := d.restore(cfg.Shelf); err != nil {
			return nil, err
		}
	}
	for _, text := range d.codes {
		d.hashes = append(d.hashes, hashName(d.seed, text))
	}
	return d, nil
}

// FeedCode is the code of the i-th feed of the configuration.
func FeedCode(i int) Code { return numCodes + Code(i) }

// On says whether a code is told at all.
func (d *Desk) On(c Code) bool { return d != nil && !d.off[c] }

// Codes are the texts of all codes that are on.
func (d *Desk) Codes() []string {
	var all []string
	for c := NewDomain; int(c) < len(d.codes); c++ {
		if d.On(c) {
			all = append(all, d.codes[c])
		}
	}
	return all
}

// Text is the code as flows and findings carry it. The string lives as long as the
// Desk.
func (d *Desk) Text(c Code) string { return d.codes[c] }

// Admit says whether a finding about a client and a subject at a time is to be
// told now. If so, its Report must follow.
func (d *Desk) Admit(c Code, client netip.Addr, subject uint64, atNs int64) bool {
	if !d.On(c) {
		return false
	}
	key := max(fold(hashAddr(d.seed, client)^mix1, subject^d.hashes[c]), 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch n := &d.counts[c]; {
	case d.seen.has(key, atNs):
		n.Repeated++
		return false
	case !d.limit.allow(c):
		n.Limited++
		return false
	}
	d.seen.add(told{key: key, atNs: atNs, turn: d.turn, kept: d.shelf == nil})
	return true
}

// Report takes a finding that was admitted.
func (d *Desk) Report(f *Finding) {
	encoded, err := f.encode(d.codes[f.Code])
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.bad++
		return
	}
	d.counts[f.Code].Told++
	d.recent.add(kept{
		timeNs: f.TimeNs, client: f.Client, code: d.codes[f.Code], name: f.Name, domain: f.Domain, line: encoded,
	})
	switch {
	case !d.takes:
	case len(d.lines)+len(encoded) > maxLines:
		d.lost++
	default:
		d.lines = append(d.lines, encoded...)
	}
}

// Pass says what time it is, for the limits.
func (d *Desk) Pass(nowNs int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit.pass(nowNs)
}

// Take appends the lines that have come since the last time, and they are gone. Those
// that were taken then are taken to be written.
func (d *Desk) Take(dst []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn++
	dst = append(dst, d.lines...)
	d.lines = d.lines[:0]
	return dst
}

// Counts are the counts of all codes that are on, and what is no code's.
func (d *Desk) Counts() ([]Count, DeskStats) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Count
	for i := 1; i < len(d.counts); i++ {
		if !d.off[i] {
			all = append(all, d.counts[i])
		}
	}
	return all, DeskStats{
		Forgotten: d.seen.forgotten, LostLines: d.lost, Unwritable: d.bad, Unreadable: d.unreadable, Unsaved: uint64(d.seen.unkept),
	}
}

// AddrSubject is the subject of findings about an address, and of which sort of it.
func (d *Desk) AddrSubject(a netip.Addr, sort uint16) uint64 {
	return fold(hashAddr(d.seed, a), uint64(sort)^mix1)
}

// NameSubject is the subject of findings about a name.
func NameSubject[T []byte | string](d *Desk, name T) uint64 { return hashName(d.seed, name) }
