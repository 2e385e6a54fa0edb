package baseline

import (
	"net/netip"
	"sync"

	"flowname/dnscache"
)

// Sightings of names wait in stripes, so that those who bring them do not wait for
// each other or for the book. A stripe that has handOver tries to give them to the
// book, and one that has mostWaiting waits for it, which bounds all stripes to 2 MB.
const (
	stripeBits  = 4
	handOver    = 256
	mostWaiting = 2048
)

// A stripe has sightings that the book has not.
type stripe struct {
	mu      sync.Mutex
	waiting sightings
	_       [64]byte
}

// sightings are look-ups; the names lie one after the other in texts.
type sightings struct {
	all   []sighting
	texts []byte
}

type sighting struct {
	client uint64
	day    int32
	length uint32 // of the name
}

// See counts a response or a question by client, which is the zero Addr where it is
// any client's. It may be called by several goroutines at once and copies what it
// keeps. What names nothing, or nothing registrable, counts for nobody.
func (b *Book) See(r *dnscache.Response, client netip.Addr) {
	if len(r.Name) == 0 || len(r.Name) > maxDomain || r.TimeNs <= 0 {
		return
	}
	who := b.key.client(client)
	last := len(r.Name) - 1
	s := &b.stripes[fold(who^uint64(r.Name[0]), b.key[0]^uint64(last))>>(64-stripeBits)]
	s.mu.Lock()
	s.waiting.all = append(s.waiting.all, sighting{who, DayOf(r.TimeNs), uint32(len(r.Name))})
	s.waiting.texts = append(s.waiting.texts, r.Name...)
	n := len(s.waiting.all)
	s.mu.Unlock()
	if n >= handOver {
		b.offer(s, n >= mostWaiting)
	}
}

// offer takes what waits in a stripe, unless the book is busy and it need not be now.
func (b *Book) offer(s *stripe, now bool) {
	if now {
		b.mu.Lock()
	} else if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	b.takeLocked(s)
}

func (b *Book) takeLocked(s *stripe) {
	s.mu.Lock()
	s.waiting, b.taken = b.taken, s.waiting
	s.mu.Unlock()
	all, texts := b.taken.all, b.taken.texts
	for len(all) > 0 {
		n := min(len(all), batchSize)
		texts = b.countLocked(all[:n], texts)
		all = all[n:]
	}
	b.taken.all, b.taken.texts = b.taken.all[:0], b.taken.texts[:0]
}

// countLocked counts at most batchSize sightings, and returns the texts after theirs.
func (b *Book) countLocked(all []sighting, texts []byte) []byte {
	var hashes [batchSize]uint64
	at := uint32(0)
	for i := range all {
		hashes[i] = b.key.text(texts[at : at+all[i].length])
		b.touched ^= b.names.slot(hashes[i]).hash
		at += all[i].length
	}
	look := &b.batch
	look.clear()
	day := all[0].day
	at = 0
	for i := range all {
		name := texts[at : at+all[i].length]
		at += all[i].length
		id := b.names.domain(&b.key, name, hashes[i])
		if id == 0 {
			b.stats.Nameless++
			continue
		}
		if all[i].day != day {
			b.lookLocked(day)
			day = all[i].day
		}
		look.add(id, name[len(name)-id.length():], all[i].client)
	}
	b.lookLocked(day)
	return texts[at:]
}

// lookLocked counts the batch for a day.
func (b *Book) lookLocked(day int32) {
	n := uint64(b.batch.n)
	if d := b.dayLocked(day, n); d != nil {
		d.lookups(&b.batch)
		b.stats.Lookups += n
	}
	b.batch.clear()
}

// takeAllLocked takes what waits anywhere.
func (b *Book) takeAllLocked() {
	for i := range b.stripes {
		b.takeLocked(&b.stripes[i])
	}
}
