package dnscache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"

	badger "github.com/dgraph-io/badger/v4"
)

// Scan goes through all names of the history once and yields the rows of those
// that want says yes to, in the order and of the meaning that History has for a
// query of all names from FromNs to ToNs. What is not wanted costs a key of the
// name index; it is the way to ask for more names than have an index look-up
// each. The zero addr is of questions whose answer the source could not tell.
func (h *History) Scan(ctx context.Context, fromNs, toNs int64, want func(name string, addr netip.Addr) bool, yield func(Row) bool) error {
	sk, err := newSink(ctx, Query{Name: "*.", FromNs: fromNs, ToNs: toNs}, yield)
	if err != nil {
		return err
	}
	txn := h.store.read()
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindName}})
	defer it.Close()
	runs := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{kindPair}})
	defer runs.Close()
	s := scan{sink: sk, want: want, runs: runs}
	for it.Rewind(); it.Valid() && !sk.done; it.Next() {
		if err := errors.Join(s.key(it.Item().Key()), sk.stop()); err != nil {
			return fmt.Errorf("dnscache: scan: %w", err)
		}
	}
	sk.finish()
	return nil
}

type scan struct {
	*sink
	want func(name string, addr netip.Addr) bool
	runs *badger.Iterator

	labels []byte // of the key before, and the name that they are
	text   string
}

func (s *scan) key(key []byte) error {
	end := len(key) - 33
	if end < 1 || !bytes.Equal(s.labels, key[:end]) { // the keys of a name lie together
		name, _, _, err := readNameKey(key)
		if err != nil {
			return err
		}
		s.labels, s.text = append(s.labels[:0], key[:end]...), name
	}
	client, addr := readIP(key[end+1:]), readIP(key[end+17:])
	shown := netip.Addr{}
	if !reserved(addr) {
		shown = addr.addr()
	}
	if !s.want(s.text, shown) {
		return nil
	}
	return s.addRuns(s.runs, s.text, client, addr)
}
