package dnscache

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	badger "github.com/dgraph-io/badger/v4"
)

// maxWarmKeys bounds the scan at the start. A history with more entries in its name
// index and clients is opened with a filter that lets everything through; look-ups
// stay right and cost more.
const maxWarmKeys = 64 << 20

// stepKeys is how many keys are stepped over before it is cheaper to seek.
const stepKeys = 32

// refusedChains of all shards in a row have no room: then no other will have.
const refusedChains = 8 << shardBits

// A start does not read runs but those that it wants. Which chains there are is
// in the name index, which has one entry where a name was asked for again and again; it
// tells in which hour that was last, too. A run that is not in it, because the
// process was killed between the two, or because of the two only one was dropped (Stats
// counts it), is not found by look-ups from the next start on.

// warm fills index, filter and clients from the store.
func (c *Cache) warm() error {
	st, err := c.store.state()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	c.saved = st
	c.beganNs.Store(st.began)
	c.newest.Store(st.newest)
	c.outcomes.opened = st.newest
	c.clock.now.Store(st.clock)
	txn := c.store.read()
	defer txn.Discard()
	keys := 0
	if err := c.warmClients(txn, &keys); err != nil {
		return err
	}
	current := currentChains{most: c.cfg.MaxVersions / 4}
	current.setHours(st.clock-c.windowNs, st.clock)
	if err := c.warmNames(txn, &keys, &current); err != nil {
		return err
	}
	w := warmer{cache: c, since: st.clock - c.windowNs}
	if err := w.connections(txn, &keys); err != nil {
		return err
	}
	return w.chains(txn, current.sorted())
}

// tooMany counts a key and says when to give up.
func (c *Cache) tooMany(keys *int) bool {
	*keys++
	if *keys < maxWarmKeys {
		return false
	}
	c.filter.open.Store(true)
	c.facts.Store(^uint64(0))
	return true
}

func (c *Cache) warmClients(txn *badger.Txn, keys *int) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindClient}})
	defer it.Close()
	for it.Rewind(); it.Valid() && !c.tooMany(keys); it.Next() {
		key := it.Item().Key()
		if len(key) != 17 {
			return fmt.Errorf("%w: client: %w", ErrCorrupt, errRecord)
		}
		p := readIP(key[1:])
		h := c.hash.ip(p, saltClient)
		c.filter.add(h)
		s := c.clientShard(h)
		if s.index.n < c.clientQuota {
			c.addClient(s, p, h)
		}
	}
	return nil
}

// currentChains are the chains that had something in the last window: what the name
// index says of an hour is right but for its upper bits, and so they are some more.
type currentChains struct {
	hours [256]bool
	most  int
	list  []chainID
}

type chainID struct{ addr, client ip }

func (x chainID) compare(y chainID) int {
	return cmp.Or(cmp.Compare(x.addr.hi, y.addr.hi), cmp.Compare(x.addr.lo, y.addr.lo),
		cmp.Compare(x.client.hi, y.client.hi), cmp.Compare(x.client.lo, y.client.lo))
}

func (x *currentChains) setHours(from, to int64) {
	first, last := from/nameRefresh, to/nameRefresh
	for hour := first; hour <= last && hour < first+int64(len(x.hours)); hour++ {
		x.hours[byte(hour)] = true
	}
}

func (x *currentChains) add(hour byte, client, addr ip) {
	if x.hours[hour] && len(x.list) < x.most {
		x.list = append(x.list, chainID{addr, client})
	}
}

// sorted is each of them once, in the order of their keys.
func (x *currentChains) sorted() []chainID {
	slices.SortFunc(x.list, chainID.compare)
	return slices.Compact(x.list)
}

// warmNames tells the filter of all chains, and notes the current ones. It reads old
// writings and what has expired like the rest, because telling them apart takes
// longer than all else, and a filter may say yes.
func (c *Cache) warmNames(txn *badger.Txn, keys *int, current *currentChains) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindName}, AllVersions: true})
	defer it.Close()
	var last ip
	for it.Rewind(); it.Valid() && !c.tooMany(keys); it.Next() {
		item := it.Item()
		client, addr, ok := nameKeyEnds(item.Key())
		if !ok {
			return fmt.Errorf("%w: name: %w", ErrCorrupt, errRecord)
		}
		h := c.hash.ip(addr, saltAddress)
		if kind, shape, ok := addr.fact(); ok {
			c.facts.Or(factBit(kind, shape))
		} else if addr != last {
			c.filter.add(h)
			last = addr
		}
		c.filter.add(c.hash.ip(client, h))
		current.add(item.UserMeta(), client, addr)
	}
	return nil
}

// warmer reads chains from the store: those with something in the last window go into
// the index.
type warmer struct {
	cache  *Cache
	since  int64 // event time from which a version is recent
	prefix int   // length of the key before the name, of the kind at hand
	others bool

	chain   []byte // prefix of the chain at hand
	runs    []loadedRun
	text    []byte // of the names in runs
	recent  bool
	over    bool // more recent versions than the index keeps
	useless int  // keys in a row that were older than their name's floor
	refused int  // chains in a row for which the index had no room
	seek    []byte
}

func (w *warmer) iterator(txn *badger.Txn, others bool, more ...byte) *badger.Iterator {
	w.others = others
	kind := byte(kindPair)
	w.prefix = pairPrefix
	if others {
		w.prefix, kind = othersPrefix, kindOthers
	}
	return txn.NewIterator(badger.IteratorOptions{Prefix: append([]byte{kind}, more...)})
}

// connections reads all facts about connections, which are not in the name index.
func (w *warmer) connections(txn *badger.Txn, keys *int) error {
	first := appendPrefix(nil, ip{}, factIP(factAsked+1, 0, 0), false)[:othersPrefix]
	it := w.iterator(txn, false, first[1:9]...)
	defer it.Close()
	for it.Seek(first); it.Valid() && !w.cache.tooMany(keys); it.Next() {
		key := it.Item().Key()
		if len(key) < w.prefix {
			return fmt.Errorf("%w: %w", ErrCorrupt, errRecord)
		}
		if !bytes.Equal(key[:w.prefix], w.chain) {
			w.finish()
			w.begin(key[:w.prefix])
			k := w.key()
			w.cache.filter.add(k.hash)
			if kind, shape, ok := k.addr.fact(); ok {
				w.cache.facts.Or(factBit(kind, shape))
			}
		}
		if err := w.take(it.Item()); err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
	if !w.cache.filter.open.Load() { // else the last chain is not whole
		w.finish()
	}
	return nil
}

// chains reads the chains in a list, and those of their addresses.
func (w *warmer) chains(txn *badger.Txn, list []chainID) error {
	for _, others := range []bool{true, false} {
		it := w.iterator(txn, others)
		err := w.chainsOf(it, list)
		it.Close()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
	return nil
}

func (w *warmer) chainsOf(it *badger.Iterator, list []chainID) error {
	var prefix []byte
	for i, x := range list {
		if w.refused > refusedChains {
			return nil // the index is full
		}
		if w.others && i > 0 && x.addr == list[i-1].addr {
			continue
		}
		prefix = appendPrefix(prefix[:0], x.client, x.addr, w.others)
		w.begin(prefix)
		forward(it, prefix, i == 0)
		for it.ValidForPrefix(prefix) && !w.over {
			if err := w.take(it.Item()); err != nil {
				return err
			}
			w.next(it)
		}
		w.finish()
	}
	return nil
}

// forward goes to the first key from to on, by steps if it is near.
func forward(it *badger.Iterator, to []byte, far bool) {
	for n := 0; !far && n < stepKeys; n++ {
		if !it.Valid() || bytes.Compare(it.Item().Key(), to) >= 0 {
			return
		}
		it.Next()
	}
	it.Seek(to)
}

// next goes to the next key, or to the next name where the rest of one is of no use.
func (w *warmer) next(it *badger.Iterator) {
	if w.useless < stepKeys {
		it.Next()
		return
	}
	w.useless = 0
	name := it.Item().Key()
	w.seek = append(append(w.seek[:0], name[:len(name)-9]...), 1) // names end with a 0
	it.Seek(w.seek)
}

// begin starts a chain.
func (w *warmer) begin(prefix []byte) {
	w.chain = append(w.chain[:0], prefix...)
	w.runs, w.text = w.runs[:0], w.text[:0]
	w.recent, w.over, w.useless = false, false, 0
}

func (w *warmer) key() coldKey {
	k := coldKey{others: w.others, addr: readIP(w.chain[1:])}
	k.hash = w.cache.hash.ip(k.addr, saltAddress)
	if !w.others {
		k.client = readIP(w.chain[17:])
		k.hash = w.cache.hash.ip(k.client, k.hash)
	}
	return k
}

// take puts a version aside: the recent ones, and of each name the newest of
// the rest, its floor. Names come one after the other, newest first.
func (w *warmer) take(item *badger.Item) error {
	name, first, err := readRun(item.Key(), w.prefix)
	if err != nil {
		return err
	}
	recent := first >= w.since
	w.recent = w.recent || recent
	if n := len(w.runs); n > 0 && w.runs[n-1].floor && bytes.Equal(w.runs[n-1].name, name) || w.over {
		w.useless++
		return nil
	}
	w.useless = 0
	if len(w.runs) == trimChain {
		w.over = true
		return nil
	}
	x := run{first: first}
	if err := item.Value(x.readValue); err != nil {
		return err
	}
	l := loadedRun{name: w.copy(name), canon: w.copy(x.canon), run: x, floor: !recent}
	w.runs = append(w.runs, l)
	return nil
}

// copy keeps b until the next chain.
func (w *warmer) copy(b []byte) []byte {
	w.text = append(w.text, b...)
	return w.text[len(w.text)-len(b):]
}

// finish puts the chain at hand into the index if it is recent. One with more
// versions than the index keeps is left to the first look-up.
func (w *warmer) finish() {
	if !w.recent || w.over || len(w.runs) == 0 {
		return
	}
	c := w.cache
	k := w.key()
	s := c.shardOf(c.hash.ip(k.addr, saltAddress))
	if s.versions.used()+len(w.runs) > c.quota {
		w.refused++
		return
	}
	w.refused = 0
	r := coldReader{loaded: w.runs}
	k.stamp = *s.stamp(k.hash)
	c.install(s, &k, &r)
	c.count.warmed.Add(uint64(len(w.runs)))
}
