package firstseen

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"flowname/dnscache"
)

// Kinds of keys; see the package comment.
const (
	kindDomain = 'd'
	kindBook   = 'm'
	kindName   = 'n'
	kindPair   = 'p'
	kindTime   = 't'
)

// A room is where a book lies: a shelf, or memory where there is none.
type room struct {
	shelf *dnscache.Shelf
	mu    sync.RWMutex
	mem   map[string]string // nil where there is a shelf; guarded by mu
}

func newRoom(shelf *dnscache.Shelf) *room {
	r := &room{shelf: shelf}
	if shelf == nil {
		r.mem = map[string]string{}
	}
	return r
}

// get is the value of a key; false where there is none.
func (r *room) get(key []byte) (value []byte, ok bool, err error) {
	if r.shelf == nil {
		r.mu.RLock()
		defer r.mu.RUnlock()
		text, ok := r.mem[string(key)]
		return []byte(text), ok, nil
	}
	ok, err = r.shelf.Read(key, func(v []byte) error {
		value = append(value, v...)
		return nil
	})
	return value, ok, err
}

// write keeps entries, those without a value are taken away.
func (r *room) write(entries []dnscache.ShelfEntry) error {
	if r.shelf != nil {
		return r.shelf.Write(entries)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		if e.Value == nil {
			delete(r.mem, string(e.Key))
		} else {
			r.mem[string(e.Key)] = string(e.Value)
		}
	}
	return nil
}

// each yields what begins with prefix, from a key on, in order of key, until fn
// returns false.
func (r *room) each(prefix, from []byte, fn func(key, value []byte) bool) error {
	if r.shelf != nil {
		return r.shelf.RangeFrom(prefix, from, fn)
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	var keys []string
	for key := range r.mem {
		if strings.HasPrefix(key, string(prefix)) && key >= string(from) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		if !fn([]byte(key), []byte(r.mem[key])) {
			return nil
		}
	}
	return nil
}

func domainKey(domain string) []byte { return dnscache.AppendLabels([]byte{kindDomain}, domain) }

func nameKey(name string) []byte { return dnscache.AppendLabels([]byte{kindName}, name) }

// pairsOf is what the keys of a domain's pairs begin with.
func pairsOf(domain uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindPair}, domain)
}

func pairKey(domain uint64, client netip.Addr) []byte {
	return append(pairsOf(domain), client.AsSlice()...)
}

// clientOf is the client of a pair's key.
func clientOf(key []byte) (netip.Addr, bool) {
	if len(key) < 1+8 {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(key[1+8:])
}

func timeKey(sec uint32, domain string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kindTime}, sec), domain...)
}

func timeValue(sec uint32) []byte { return binary.BigEndian.AppendUint32(nil, sec) }

// timeOf reads a value; 0 is none.
func timeOf(value []byte) uint32 {
	if len(value) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(value)
}

// header is what a book says of itself.
type header struct {
	seed                  uint64
	began                 uint32 // the earliest evidence
	warmUp, young         uint32 // seconds, as last configured
	domains, names, pairs uint64
}

const headerFormat = 1

func (h *header) value() []byte {
	b := binary.BigEndian.AppendUint64([]byte{headerFormat}, h.seed)
	b = binary.BigEndian.AppendUint32(b, h.began)
	b = binary.BigEndian.AppendUint32(b, h.warmUp)
	b = binary.BigEndian.AppendUint32(b, h.young)
	for _, n := range []uint64{h.domains, h.names, h.pairs} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

func (h *header) read(b []byte) bool {
	if len(b) != 1+8+3*4+3*8 || b[0] != headerFormat {
		return false
	}
	h.seed = binary.BigEndian.Uint64(b[1:])
	h.began = binary.BigEndian.Uint32(b[9:])
	h.warmUp = binary.BigEndian.Uint32(b[13:])
	h.young = binary.BigEndian.Uint32(b[17:])
	for i, n := range []*uint64{&h.domains, &h.names, &h.pairs} {
		*n = binary.BigEndian.Uint64(b[21+8*i:])
	}
	return true
}
