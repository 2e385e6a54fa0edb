package geo

// A Place is an Info that many addresses share.
type Place struct {
	Info
	// ID is never 0 and no other place's, of any cursor of the Reader.
	ID uint64
}

// placeBits is how long the number of a place is. With all numbers in use a cursor
// forgets everything and begins anew; a place takes 104 bytes.
const (
	placeBits = 15
	maxPlaces = 1<<placeBits - 1

	// split in place of a number says that a network's addresses have several.
	split = maxPlaces
)

const placeChunk = 256

// places are the places of a cursor under numbers. Number 0 is where nothing is
// known. A place is what two records say, and is found by their offsets.
type places struct {
	chunks [][]Place
	of     []records // by number
	index  []uint16  // a table of the numbers, half full at most; 0: free
}

// records are two databases' records, each by its offset and one; 0 is none.
type records struct{ asn, geo uint32 }

func (p *places) full() bool { return len(p.of) == maxPlaces }

// at is the place of a number, nil for 0.
func (p *places) at(n uint32) *Place {
	if n == 0 {
		return nil
	}
	return &p.chunks[n/placeChunk][n%placeChunk]
}

// number is that of what two records of a set say together.
func (p *places) number(r *Reader, s *set, of records) uint32 {
	if of == (records{}) {
		return 0
	}
	if p.of == nil {
		p.of = make([]records, 1, maxPlaces)
		p.index = make([]uint16, 2<<placeBits)
	}
	at := slotOf((uint64(of.asn)<<32|uint64(of.geo))*golden, placeBits+1)
	for ; p.index[at] != 0; at = (at + 1) % len(p.index) {
		if n := uint32(p.index[at]); p.of[n] == of {
			return n
		}
	}
	var info Info
	if damaged := s.read(&info, of); damaged > 0 {
		r.damaged.Add(damaged)
	}
	if info.facts() == 0 {
		return 0
	}
	n := uint32(len(p.of))
	p.of, p.index[at] = append(p.of, of), uint16(n)
	if int(n/placeChunk) == len(p.chunks) {
		p.chunks = append(p.chunks, make([]Place, placeChunk))
	}
	*p.at(n) = Place{info, r.places.Add(1)}
	return n
}
