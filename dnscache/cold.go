package dnscache

import (
	"bytes"
	"slices"

	badger "github.com/dgraph-io/badger/v4"
)

// coldKey says which chain a look-up is about, and what the index knew of it.
type coldKey struct {
	client, addr ip
	hash         uint64
	others       bool

	known bool   // the index had everything that matters
	from  int64  // the chain's oldest version, or the look-up's start if that is older
	stamp uint32 // the chain's stamp when the index was asked
}

// coldNames bounds the names that a cold read looks at: an address with more
// for one client is a proxy's or a scanner's, and a read must end.
const coldNames = 4096

// coldReader reads one chain from the store.
type coldReader struct {
	store  *store
	q      *selection
	from   int64
	prefix []byte

	forward  *badger.Iterator
	backward *badger.Iterator // made when it is needed
	txn      *badger.Txn

	name []byte // the name at hand
	best int64  // the time of its best version so far, -1 for none
	seek []byte

	// What the index should get: of each name its newest version older than
	// from (its floor), and all versions from there on; over is set when that is
	// too much, and then newest is each name's newest.
	loaded, newest []loadedRun
	over, cut      bool
}

// loadedRun is a stored run with its name, copied.
type loadedRun struct {
	name, canon []byte
	run         run
	floor       bool
}

// cold completes a look-up from the store where the store may know more, and
// keeps what it read in the index, so that the next one need not. It takes and
// gives the selection by value: what is answered from memory stays off the heap.
func (c *Cache) cold(s *shard, k coldKey, have selection) selection {
	if c.store == nil {
		return have
	}
	if !c.filter.mayHold(k.hash) {
		c.count.filtered.Add(1)
		return have
	}
	if k.from == 0 {
		k.from = have.start
		s.mu.RLock()
		k.stamp = *s.stamp(k.hash)
		s.mu.RUnlock()
	}
	c.count.coldReads.Add(1)
	q := have
	r := coldReader{store: c.store, q: &q, from: k.from}
	r.prefix = appendPrefix(nil, k.client, k.addr, k.others)
	if err := r.read(); err != nil {
		c.count.coldErrors.Add(1)
		return q
	}
	if r.cut {
		c.count.coldCut.Add(1)
	}
	c.install(s, &k, &r)
	return q
}

// read goes through the chain's names, by one seek a name and a few steps.
func (r *coldReader) read() error {
	r.txn = r.store.read()
	defer r.txn.Discard()
	r.forward = r.txn.NewIterator(badger.IteratorOptions{Prefix: r.prefix})
	defer r.forward.Close()
	defer func() {
		if r.backward != nil {
			r.backward.Close()
		}
	}()
	r.forward.Rewind()
	for names := 0; r.forward.Valid(); names++ {
		if names == coldNames {
			r.cut = true
			return nil
		}
		name, _, err := readRun(r.forward.Item().Key(), len(r.prefix))
		if err != nil {
			return err
		}
		r.name = append(r.name[:0], name...)
		if err := r.readName(); err != nil {
			return err
		}
	}
	return nil
}

// readName reads one name's versions, newest first, beginning at the iterator's
// place, and leaves the iterator at the next name.
func (r *coldReader) readName() error {
	it := r.forward
	r.best = -1
	for newest := true; r.atName(); it.Next() {
		x, err := r.run(it.Item())
		if err != nil {
			return err
		}
		if newest {
			r.newest = append(r.newest, r.copyOf(&x, true))
			newest = false
		}
		r.keep(&x)
		r.consider(&x)
		if r.over && x.first > r.q.limit {
			if err := r.readAt(); err != nil { // there may be any number that are later
				return err
			}
			break
		}
		if x.first < r.from && r.enough(&x) {
			break
		}
	}
	if r.atName() {
		r.seek = append(append(append(r.seek[:0], r.prefix...), r.name...), 1)
		it.Seek(r.seek)
	}
	return nil
}

// readAt goes straight to the versions of the name at hand around the limit.
func (r *coldReader) readAt() error {
	it := r.forward
	it.Seek(r.keyAt(r.q.limit))
	if !r.atName() {
		return r.readLater()
	}
	for ; r.atName(); it.Next() {
		x, err := r.run(it.Item())
		if err != nil {
			return err
		}
		r.consider(&x)
		if r.enough(&x) {
			return nil
		}
	}
	return nil
}

// consider offers a version to the look-up.
func (r *coldReader) consider(x *run) {
	at, ok := r.q.pick(x.first, x.last)
	if !ok {
		return
	}
	if r.best < 0 || r.q.compare(at, r.best) < 0 {
		r.best = at
	}
	r.offer(x, at)
}

// enough says that no version older than x can be nearer than the best so far,
// though runs overlap when they were filed far apart.
func (r *coldReader) enough(x *run) bool {
	end := addSat(x.first, maxRun)
	return r.best >= 0 && r.best <= r.q.limit && end <= r.q.start &&
		r.q.distance(end) >= r.q.distance(r.best)
}

// readLater offers the oldest version of a name that has later ones only.
func (r *coldReader) readLater() error {
	if r.backward == nil {
		r.backward = r.txn.NewIterator(badger.IteratorOptions{Prefix: r.prefix, Reverse: true})
	}
	r.backward.Seek(r.keyAt(1))
	if !r.backward.Valid() {
		return nil
	}
	x, err := r.run(r.backward.Item())
	if err != nil {
		return err
	}
	r.consider(&x)
	return nil
}

// keyAt is the key of a version of the name at hand, were there one at a time.
func (r *coldReader) keyAt(at int64) []byte {
	r.seek = append(append(r.seek[:0], r.prefix...), r.name...)
	r.seek = appendRun(r.seek, "", max(at, 1))
	return r.seek
}

// atName says whether the iterator stands at a version of the name at hand.
func (r *coldReader) atName() bool {
	if !r.forward.Valid() {
		return false
	}
	rest := r.forward.Item().Key()[len(r.prefix):]
	return len(rest) == len(r.name)+9 && rest[len(r.name)] == 0 && bytes.HasPrefix(rest, r.name)
}

// run decodes an item; it aliases the item.
func (r *coldReader) run(item *badger.Item) (x run, err error) {
	if _, x.first, err = readRun(item.Key(), len(r.prefix)); err != nil {
		return x, err
	}
	err = item.Value(x.readValue)
	return x, err
}

func (r *coldReader) copyOf(x *run, floor bool) loadedRun {
	l := loadedRun{name: bytes.Clone(r.name), canon: bytes.Clone(x.canon), run: *x, floor: floor}
	l.run.canon = nil
	return l
}

// keep puts a version aside for the index, if it belongs there.
func (r *coldReader) keep(x *run) {
	if r.over {
		return
	}
	if n := len(r.loaded); n > 0 && r.loaded[n-1].floor && bytes.Equal(r.loaded[n-1].name, r.name) {
		f := &r.loaded[n-1].run // a longer run that began earlier counts with it
		f.last = max(f.last, x.last)
		return
	}
	if len(r.loaded) == trimChain {
		r.over, r.loaded = true, nil
		return
	}
	r.loaded = append(r.loaded, r.copyOf(x, x.first < r.from))
}

// offer gives a version to the look-up. Its strings are made for it.
func (r *coldReader) offer(x *run, at int64) {
	m := r.q.matches()
	k := 0
	for k < len(m) && m[k].Name != string(r.name) {
		k++
	}
	switch {
	case k < len(m) && r.q.compare(at, m[k].AtNs) >= 0:
		return
	case k == len(m) && k == MaxMatches:
		if w := &m[r.q.worst()]; r.q.compare(at, w.AtNs) > 0 {
			return
		}
	}
	name := string(r.name)
	r.q.merge(&Match{
		Name: name, DomainAt: domainAt(name), AtNs: at, TTL: x.ttl, Source: x.source,
		Canonical: string(x.canon), CanonicalAt: domainAt(string(x.canon)),
	})
}

// forIndex is what the index should get.
func (r *coldReader) forIndex() []loadedRun {
	if !r.over {
		return r.loaded
	}
	slices.SortStableFunc(r.newest, func(a, b loadedRun) int {
		switch {
		case a.run.first > b.run.first:
			return -1
		case a.run.first < b.run.first:
			return 1
		}
		return bytes.Compare(a.name, b.name)
	})
	return r.newest[:min(len(r.newest), trimChain)]
}

// install keeps in the index what was read, unless its chain has lost versions
// meanwhile: they would be missing.
func (c *Cache) install(s *shard, k *coldKey, r *coldReader) {
	runs := r.forIndex()
	s.mu.Lock()
	defer s.mu.Unlock()
	if *s.stamp(k.hash) != k.stamp {
		return
	}
	o, ok := c.ownerOf(s, k)
	if !ok || int(o.chain.n)+len(runs) > hardChain {
		return
	}
	o.chain.touch(max(c.clock.seconds(), 1))
	for i := o.chain.head; i != 0 && !r.over; i = s.versions.at(i).next {
		s.versions.at(i).bits &^= floorMark // the store gave all from its oldest on
	}
	for i := range runs {
		c.installRun(s, o, &runs[i])
	}
	o.chain.unknown = false
	if o.chain.n > maxChain {
		c.trim(s, o, trimChain)
	}
}

// ownerOf finds or makes the place that a cold look-up is about.
func (c *Cache) ownerOf(s *shard, k *coldKey) (owner, bool) {
	h := c.hash.ip(k.addr, saltAddress)
	ai := s.findAddress(k.addr, h)
	if ai == 0 {
		if ai = c.addAddress(s, k.addr, h); ai == 0 {
			return owner{}, false
		}
		s.addresses.at(ai).chain.unknown = true
	}
	if k.others {
		return owner{chain: &s.addresses.at(ai).chain, number: ai, hash: h, others: true}, true
	}
	pi := s.findPair(k.client, k.addr, k.hash)
	if pi == 0 {
		if pi = c.addPair(s, k.client, ai, k.hash); pi == 0 {
			return owner{}, false
		}
	}
	return owner{chain: &s.pairs.at(pi).chain, number: pi, hash: k.hash}, true
}

// installRun puts a run from the store at its place, or only its floor mark
// where the chain has it.
func (c *Cache) installRun(s *shard, o owner, l *loadedRun) {
	name := c.names.intern(l.name)
	if name == 0 {
		return
	}
	var newer uint32
	older := o.chain.head
	for older != 0 && s.versions.at(older).first > l.run.first {
		newer, older = older, s.versions.at(older).next
	}
	for i := older; i != 0 && s.versions.at(i).first == l.run.first; i = s.versions.at(i).next {
		if v := s.versions.at(i); v.name == name {
			if l.floor {
				v.bits |= floorMark
			}
			if !v.unsaved() {
				v.span = max(v.span, uint32(l.run.last-l.run.first))
			}
			c.names.release(name)
			return
		}
	}
	i := s.versions.alloc()
	v := s.versions.at(i)
	*v = version{
		first: l.run.first, span: uint32(l.run.last - l.run.first),
		count: uint32(min(l.run.count, 1<<32-1)), name: name, canon: c.names.intern(l.canon),
		bits: l.run.ttl&ttlMask | uint32(l.run.source)<<sourceShift&sourceMask, next: older,
	}
	if l.floor {
		v.bits |= floorMark
	}
	s.link(o.chain, newer, i)
}
