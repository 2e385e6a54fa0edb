package dnscache

import (
	"bytes"
	"fmt"

	badger "github.com/dgraph-io/badger/v4"
)

// maxWarmKeys bounds the scan at the start. A history with more keys is opened
// with a filter that lets everything through; look-ups stay right and cost more.
const maxWarmKeys = 64 << 20

// warmer reads the store once at the start: all keys go into the filter, the
// chains with something in the last window into the index.
type warmer struct {
	cache  *Cache
	since  int64 // event time from which a version is recent
	prefix int   // length of the key before the name, of the kind at hand
	others bool

	chain  []byte // prefix of the chain at hand
	runs   []loadedRun
	text   []byte // of the names in runs
	recent bool
	over   bool // more recent versions than the index keeps
}

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
	for _, others := range []bool{true, false} {
		w := warmer{cache: c, since: st.clock - c.windowNs, prefix: pairPrefix, others: others}
		kind := byte(kindPair)
		if others {
			w.prefix, kind = othersPrefix, kindOthers
		}
		if err := w.scan(txn, kind, &keys); err != nil {
			return err
		}
	}
	return nil
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

func (w *warmer) scan(txn *badger.Txn, kind byte, keys *int) error {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kind}})
	defer it.Close()
	for it.Rewind(); it.Valid() && !w.cache.tooMany(keys); it.Next() {
		item := it.Item()
		key := item.Key()
		if len(key) < w.prefix {
			return fmt.Errorf("%w: %w", ErrCorrupt, errRecord)
		}
		if !bytes.Equal(key[:w.prefix], w.chain) {
			w.finish()
			w.begin(key[:w.prefix])
		}
		if err := w.take(item); err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
	if !w.cache.filter.open.Load() { // else the last chain is not whole
		w.finish()
	}
	return nil
}

// begin starts a chain: the filter learns it.
func (w *warmer) begin(prefix []byte) {
	w.chain = append(w.chain[:0], prefix...)
	w.runs, w.text = w.runs[:0], w.text[:0]
	w.recent, w.over = false, false
	k := w.key()
	w.cache.filter.add(k.hash)
	if kind, shape, ok := k.addr.fact(); ok {
		w.cache.facts.Or(factBit(kind, shape))
	}
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
		return nil
	}
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
		return
	}
	r := coldReader{loaded: w.runs}
	k.stamp = *s.stamp(k.hash)
	c.install(s, &k, &r)
	c.count.warmed.Add(uint64(len(w.runs)))
}
