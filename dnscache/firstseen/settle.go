package firstseen

import (
	"fmt"
	"net/netip"

	"flowname/dnscache"
)

// batchMost is how many entries are written together.
const batchMost = 4096

// Settle enters what waits. nowNs is the time now, from which on it is told what
// is young; it does not go back. When it returns nil, all that was noted before
// survives a kill of the process. What could not be written is with the next call.
func (b *Book) Settle(nowNs int64) error {
	b.settling.Lock()
	defer b.settling.Unlock()
	b.nowSec = max(b.nowSec, seconds(nowNs))
	if err := b.restore(); err != nil {
		return err
	}
	if err := b.write(); err != nil { // what is left from before
		return err
	}
	p := b.queue.take()
	if p == nil {
		return nil
	}
	var failed error
	var t thing
	for rest := p.bytes; len(rest) > 0; {
		rest = t.read(rest)
		err := b.enter(&t)
		if err == nil && len(b.batch) >= batchMost {
			err = b.write()
		}
		if err != nil {
			failed = err
		}
	}
	if err := b.write(); err != nil {
		failed = err
	}
	b.queue.done(p)
	return failed
}

// enter enters a thing.
func (b *Book) enter(t *thing) error {
	if began := b.header.began; began == 0 || t.sec < began {
		if err := b.begin(t.sec); err != nil {
			return err
		}
	}
	if len(t.name) == 0 {
		return b.enterPair(t.domain, t.client, t.sec)
	}
	domain := string(t.name[t.at:])
	if domain != "" {
		if entered, err := b.enterDomain(domain, t); !entered || err != nil {
			return err
		}
		if t.client.IsValid() {
			if err := b.enterPair(t.domain, t.client, t.sec); err != nil {
				return err
			}
		}
	}
	if !t.answered {
		return nil
	}
	return b.enterName(string(t.name), t)
}

// enterDomain says whether the book has the domain.
func (b *Book) enterDomain(domain string, t *thing) (entered bool, err error) {
	key := domainKey(domain)
	had, known, err := b.get(key)
	switch {
	case err != nil:
		return false, err
	case !known && b.header.domains >= b.cfg.MaxDomains:
		b.count.full.Add(1)
		return false, nil
	case !known && !t.answered && !b.held.absent(t.sec, b.cfg.MaxAbsent):
		b.count.absentHeld.Add(1)
		return false, nil
	case !known:
		b.header.domains++
		b.count.newDomains.Add(1)
	case t.sec >= had:
		return true, nil
	default:
		b.count.earlier.Add(1)
		b.batch[string(timeKey(had, domain))] = nil
	}
	b.batch[string(key)] = timeValue(t.sec)
	b.batch[string(timeKey(t.sec, domain))] = []byte{}
	b.newest = max(b.newest, t.sec)
	if b.isYoung(t.sec) || b.young.Load().find(t.domain) != 0 {
		b.putYoung(t.domain, t.sec)
	}
	return true, nil
}

func (b *Book) enterName(name string, t *thing) error {
	key := nameKey(name)
	had, known, err := b.get(key)
	switch {
	case err != nil:
		return err
	case !known && b.header.names >= b.cfg.MaxNames:
		b.count.full.Add(1)
		return nil
	case !known && !b.held.name(t.domain, t.sec):
		b.count.namesHeld.Add(1)
		return nil
	case !known:
		b.header.names++
		b.count.newNames.Add(1)
	case t.sec >= had:
		return nil
	default:
		b.count.earlier.Add(1)
	}
	b.batch[string(key)] = timeValue(t.sec)
	return nil
}

func (b *Book) enterPair(domain uint64, client netip.Addr, sec uint32) error {
	key := pairKey(domain, client)
	had, known, err := b.get(key)
	switch {
	case err != nil:
		return err
	case !known && b.header.pairs >= b.cfg.MaxPairs:
		b.count.full.Add(1)
		return nil
	case !known:
		b.header.pairs++
		b.count.newPairs.Add(1)
	case sec >= had:
		return nil
	default:
		b.count.earlier.Add(1)
	}
	b.batch[string(key)] = timeValue(sec)
	return nil
}

// get is the time of a key, as it will be when the batch is written.
func (b *Book) get(key []byte) (sec uint32, known bool, err error) {
	value, ok := b.batch[string(key)]
	if !ok {
		if value, ok, err = b.room.get(key); err != nil {
			b.count.readErrors.Add(1)
			return 0, false, err
		}
	}
	return timeOf(value), ok, nil
}

// write writes the batch.
func (b *Book) write() error {
	if len(b.batch) == 0 && b.header == b.written {
		return nil
	}
	entries := make([]dnscache.ShelfEntry, 0, len(b.batch)+1)
	for key, value := range b.batch {
		entries = append(entries, dnscache.ShelfEntry{Key: []byte(key), Value: value})
	}
	entries = append(entries, dnscache.ShelfEntry{Key: []byte{kindBook}, Value: b.header.value()})
	if err := b.room.write(entries); err != nil {
		b.count.writeErrors.Add(1)
		return fmt.Errorf("firstseen: %w", err)
	}
	b.written = b.header
	clear(b.batch)
	b.countKept()
	return nil
}

// countKept tells Stats how much is kept.
func (b *Book) countKept() {
	b.count.domains.Store(b.written.domains)
	b.count.names.Store(b.written.names)
	b.count.pairs.Store(b.written.pairs)
}

// begin moves the beginning. Where the warm-up ended earlier than was thought, what
// came after its end is young after all.
func (b *Book) begin(sec uint32) error {
	until := uint64(b.header.began) + uint64(b.header.warmUp)
	first := b.header.began == 0
	b.header.began = sec
	b.lowerBegan(sec)
	from := uint64(sec) + uint64(b.header.warmUp)
	if first || from > uint64(b.newest) {
		return nil
	}
	if err := b.write(); err != nil {
		return err
	}
	return b.eachSince(uint32(from), func(sec uint32, domain []byte) bool {
		if uint64(sec) >= until {
			return false
		}
		if b.isYoung(sec) {
			b.putYoung(max(hashText(&b.secret, domain), 1), sec)
		}
		return true
	})
}

// isYoung says whether a domain belongs into the table of the young now.
func (b *Book) isYoung(sec uint32) bool { return sec >= b.youngSince() && !b.warming(sec) }

// youngSince is since when a domain must have been first seen to be young now.
func (b *Book) youngSince() uint32 {
	return uint32(max(int64(b.nowSec)-int64(b.cfg.Young.Seconds()), 0)) + 1
}

func (b *Book) putYoung(domain uint64, sec uint32) {
	if b.cfg.Young == 0 {
		return
	}
	t := b.young.Load()
	if t.full() {
		next, displaced := t.renewed(b.youngSince(), b.youngMost)
		b.count.youngDisplaced.Add(uint64(displaced))
		t = next
		t.put(domain, sec)
		b.young.Store(t)
		return
	}
	t.put(domain, sec)
}

// restore reads the young domains of an old book, once the time is known.
func (b *Book) restore() error {
	if b.restored || b.nowSec == 0 {
		return nil
	}
	err := b.eachSince(b.youngSince(), func(sec uint32, domain []byte) bool {
		b.newest = max(b.newest, sec)
		if b.isYoung(sec) {
			b.putYoung(max(hashText(&b.secret, domain), 1), sec)
		}
		return true
	})
	b.restored = err == nil
	return err
}

// eachSince yields the domains that were first seen at sec or later, in order of
// time, until fn returns false.
func (b *Book) eachSince(sec uint32, fn func(sec uint32, domain []byte) bool) error {
	return eachSince(b.room, sec, fn)
}
