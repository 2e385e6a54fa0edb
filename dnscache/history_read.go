package dnscache

import (
	"bytes"
	"fmt"
	"slices"

	badger "github.com/dgraph-io/badger/v4"
)

// history answers from the store.
func (s *store) history(sk *sink) error {
	if sk.beneath {
		defer s.scanned()()
	}
	txn := s.read()
	defer txn.Discard()
	for _, client := range sk.clients() {
		var err error
		if sk.q.Addr.IsValid() {
			err = s.historyOfAddr(txn, sk, client)
		} else {
			err = s.historyOfName(txn, sk, client, nil)
		}
		if err != nil {
			return fmt.Errorf("dnscache: history: %w", err)
		}
	}
	sk.finish()
	return nil
}

// clients are the parts of keys that the store is searched for: those of the
// client that is asked for and of its shadow, or nothing.
func (sk *sink) clients() [][]byte {
	if !sk.q.Client.IsValid() || sk.beneath && !sk.q.Addr.IsValid() {
		return [][]byte{nil}
	}
	client := ipOf(sk.q.Client)
	return [][]byte{appendIP(nil, client), appendIP(nil, client.shadow())}
}

// asks says whether a client is asked for.
func (sk *sink) asks(client ip) bool {
	want := ipOf(sk.q.Client)
	return !sk.q.Client.IsValid() || client == want || client == want.shadow()
}

// historyOfAddr goes through the runs of an address, which lie together, those of
// one client or of all.
func (s *store) historyOfAddr(txn *badger.Txn, sk *sink, client []byte) error {
	addr := ipOf(sk.q.Addr)
	prefix := append(appendIP([]byte{kindPair}, addr), client...)
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	var chain, seek []byte // the key up to the time of the row at hand; where to go on
	wanted := false
	for it.Rewind(); it.Valid() && !sk.done; {
		key := it.Item().Key()
		if len(key) < pairPrefix {
			return errRecord
		}
		name, first, err := readRun(key, pairPrefix)
		if err != nil {
			return err
		}
		if head := key[:len(key)-8]; !bytes.Equal(head, chain) {
			chain = append(chain[:0], head...)
			text := string(name)
			if wanted = sk.wants(text) && sk.wanted(text, addr); wanted {
				sk.begin(text, readIP(key[17:]), addr)
			}
		}
		switch {
		case !wanted || addSat(first, maxRun) < sk.from: // no more of this row
			seek = append(append(seek[:0], chain[:len(chain)-1]...), 1)
			it.Seek(seek)
		case first > sk.to: // straight to what can be in time
			seek = appendRun(append(seek[:0], chain[:len(chain)-1]...), "", sk.to)
			it.Seek(seek)
		default:
			if err := sk.addItem(it.Item(), first); err != nil {
				return err
			}
			it.Next()
		}
		if err := sk.stop(); err != nil {
			return err
		}
	}
	return nil
}

func (sk *sink) addItem(item *badger.Item, first int64) error {
	return item.Value(func(b []byte) error {
		x := run{first: first}
		if err := x.readValue(b); err != nil {
			return err
		}
		sk.add(&x)
		return nil
	})
}

// historyOfName goes through the name index and looks up the runs of each entry,
// of one client or of all, with the outcomes that are to be among them.
func (s *store) historyOfName(txn *badger.Txn, sk *sink, client []byte, outcomes *outcomeReader) error {
	prefix := appendLabels([]byte{kindName}, sk.name)
	if !sk.beneath {
		prefix = append(append(prefix, 0), client...)
	}
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	runs := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindPair}})
	defer runs.Close()
	var r nameReader
	for it.Rewind(); it.Valid() && !sk.done; it.Next() {
		key := it.Item().Key()
		name, client, addr, err := r.read(key)
		if err != nil {
			return err
		}
		if err := outcomes.upTo(sk, key); err != nil {
			return err
		}
		if sk.asks(client) && sk.wanted(name, addr) {
			if err := sk.addRuns(runs, name, client, addr); err != nil {
				return err
			}
		}
		if err := sk.stop(); err != nil {
			return err
		}
	}
	return nil
}

// addRuns adds the row of one name, client and address.
func (sk *sink) addRuns(it *badger.Iterator, name string, client, addr ip) error {
	sk.begin(name, client, addr)
	key := appendRun(appendPrefix(nil, client, addr, false), name, max(sk.to, 1))
	prefix := key[:len(key)-8]
	for it.Seek(key); it.ValidForPrefix(prefix); it.Next() {
		_, first, err := readRun(it.Item().Key(), pairPrefix)
		if err != nil {
			return err
		}
		if addSat(first, maxRun) < sk.from {
			break
		}
		if err := sk.addItem(it.Item(), first); err != nil {
			return err
		}
		if err := sk.stop(); err != nil {
			return err
		}
	}
	return nil
}

// indexRow is a chain's runs of one name, newest first.
type indexRow struct {
	name         string
	client, addr ip
	runs         []run
}

// indexHistory answers from the index. It copies what it needs of a shard under
// its lock and yields when it has all, in the store's order.
func (c *Cache) indexHistory(sk *sink) error {
	rows, err := c.indexRows(sk)
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		sk.begin(r.name, r.client, r.addr)
		for k := range r.runs {
			sk.add(&r.runs[k])
		}
		if sk.done {
			return nil
		}
	}
	sk.finish()
	return nil
}

// indexRows copies what is asked for, in the store's order.
func (c *Cache) indexRows(sk *sink) ([]indexRow, error) {
	var rows []indexRow
	for i := range c.shards {
		if err := sk.ctx.Err(); err != nil {
			return nil, fmt.Errorf("dnscache: history: %w", err)
		}
		rows = c.shards[i].appendRows(rows, sk, &c.names)
	}
	byAddr := sk.q.Addr.IsValid()
	slices.SortFunc(rows, func(a, b indexRow) int { return a.compare(&b, byAddr) })
	return rows, nil
}

func (a *indexRow) compare(b *indexRow, byAddr bool) int {
	ac, bc := a.client.bytes(), b.client.bytes()
	byClient := bytes.Compare(ac[:], bc[:])
	if byAddr {
		if byClient != 0 {
			return byClient
		}
		return bytes.Compare([]byte(a.name), []byte(b.name))
	}
	if d := bytes.Compare(appendLabels(nil, a.name), appendLabels(nil, b.name)); d != 0 {
		return d
	}
	if byClient != 0 {
		return byClient
	}
	aa, ba := a.addr.bytes(), b.addr.bytes()
	return bytes.Compare(aa[:], ba[:])
}

// appendRows copies the rows of a shard that are asked for.
func (s *shard) appendRows(rows []indexRow, sk *sink, n *names) []indexRow {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := uint32(1); i < s.pairs.next; i++ {
		e := s.pairs.at(i)
		if e.addr == 0 || !sk.asks(e.client) {
			continue
		}
		addr := s.addresses.at(e.addr).key
		if !addr.isConnection() && (!sk.q.Addr.IsValid() || ipOf(sk.q.Addr) == addr) {
			rows = s.appendChain(rows, sk, n, e, addr)
		}
	}
	return rows
}

func (s *shard) appendChain(rows []indexRow, sk *sink, n *names, e *pair, addr ip) []indexRow {
	start := len(rows)
	for i := e.chain.head; i != 0; i = s.versions.at(i).next {
		v := s.versions.at(i)
		if v.first > sk.to || v.last() < sk.from {
			continue
		}
		name := n.get(v.name)
		if !sk.wants(name) || !sk.wanted(name, addr) {
			continue
		}
		k := start
		for k < len(rows) && rows[k].name != name {
			k++
		}
		if k == len(rows) {
			rows = append(rows, indexRow{name: name, client: e.client, addr: addr})
		}
		rows[k].runs = append(rows[k].runs, run{
			first: v.first, last: v.last(), count: uint64(v.count), ttl: v.ttl(),
			source: v.source(), canon: []byte(n.get(v.canon)),
		})
	}
	return rows
}
