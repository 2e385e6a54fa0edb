package geo

import "net/netip"

// recordPlaces is how many records of a database a cursor remembers. Networks
// share records (a provider's are its system's, a city's are the city's): to find
// a network's record takes a third of the time of reading it.
const (
	recordBits   = 14
	recordPlaces = 1 << recordBits
)

// records remembers what records of one database say, by their offsets, each
// in one place. It is made when the first is remembered.
type records []recordPlace

type recordPlace struct {
	next int // the record's offset and one; 0: nothing is remembered here
	info Info
}

// lookup is Database.lookup with what r remembers; nil remembers nothing.
func (r *records) lookup(db *Database, dst *Info, addr netip.Addr) (found, bad bool) {
	if r == nil {
		return db.lookup(dst, addr)
	}
	off, found, bad := db.find(addr)
	if !found {
		*dst = Info{}
		return false, bad
	}
	if *r == nil {
		*r = make(records, recordPlaces)
	}
	p := &(*r)[recordOf(off)]
	if p.next != off+1 {
		p.next, p.info = 0, Info{}
		if readRecord(&p.info, db.data, off) != 0 {
			*dst = p.info // what Database.lookup gives of a damaged one
			return false, true
		}
		p.next = off + 1
	}
	*dst = p.info
	return dst.facts() != 0, false
}

func recordOf(off int) int {
	const golden = 0x9E3779B97F4A7C15
	return int(uint64(off) * golden >> (64 - recordBits))
}
