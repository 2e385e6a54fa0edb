package baseline

// pairs remembers which clients asked for which domains, so that each pair is
// counted once: all of them while there is room, then those whose hash ends in as
// many zero bits as it takes, each of which stands for 1<<skip. It is the distinct
// sampling of Gibbons (VLDB 2001).
type pairs struct {
	slots []uint64 // by the upper bits of the hash; 0: free
	bits  uint8    // len(slots) is 1<<bits
	used  int
	max   int // of used
	skip  uint8
}

const firstPairBits = 12

// add says how many pairs the one with this hash stands for if it is new, else 0,
// and whether it was remembered before.
func (p *pairs) add(hash uint64) (weight uint64, known bool) {
	if hash&(1<<p.skip-1) != 0 {
		return 0, false
	}
	if len(p.slots) == 0 {
		p.rehash(firstPairBits)
	}
	hash = max(hash, 1)
	i := p.seek(hash)
	if p.slots[i] != 0 {
		return 0, true
	}
	p.slots[i] = hash
	weight = 1 << p.skip
	if p.used++; p.used > p.room() {
		p.makeRoom()
	}
	return weight, false
}

// touch reads where a pair would be.
func (p *pairs) touch(hash uint64) uint64 {
	if hash&(1<<p.skip-1) != 0 || len(p.slots) == 0 {
		return 0
	}
	return p.slots[hash>>(64-p.bits)]
}

// room is how many there can be before the table is made larger or thinner.
func (p *pairs) room() int { return min(len(p.slots)/4*3, p.max) }

func (p *pairs) seek(hash uint64) int {
	i := int(hash >> (64 - p.bits))
	for p.slots[i] != 0 && p.slots[i] != hash {
		i = (i + 1) & (len(p.slots) - 1)
	}
	return i
}

func (p *pairs) makeRoom() {
	if p.used <= p.max {
		p.rehash(p.bits + 1)
		return
	}
	for p.used > p.max && p.skip < 63 {
		p.skip++
		p.rehash(p.bits)
	}
}

// rehash moves those that are still remembered to a table of 1<<bits slots.
func (p *pairs) rehash(bits uint8) {
	old := p.slots
	p.slots, p.bits, p.used = make([]uint64, 1<<bits), bits, 0
	for _, hash := range old {
		if hash != 0 && hash&(1<<p.skip-1) == 0 {
			p.slots[p.seek(hash)] = hash
			p.used++
		}
	}
}
