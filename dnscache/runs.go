package dnscache

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"

	badger "github.com/dgraph-io/badger/v4"
)

// Kind is what a Run is of.
type Kind uint8

// The kinds of runs.
const (
	KindAnswer     Kind = iota // the name has the address
	KindQuestion               // the client asked for the name; what it was told is not known
	KindConnection             // the client connected to the address by the name
	KindOutcome                // the name has no address, by Type and RCode
)

// Run is a piece of the history as it is kept: evidence of one kind and client
// within four seconds.
type Run struct {
	Kind            Kind
	Name, Canonical string
	Addr            netip.Addr // the zero Addr: there is none
	Client          netip.Addr // the zero Addr: the source could not tell
	// FirstNs and LastNs are the times of the first and last response.
	FirstNs, LastNs int64
	Count           uint64
	TTL             uint32 // seconds, or UnknownTTL
	Source          Source
	// Type is the question's of an outcome: A, AAAA, SVCB or HTTPS; 0 is another
	// one, or not known. RCode is NOERROR where the name has no such records, or
	// the error.
	Type, RCode uint16
}

// Runs calls yield for each Run that q asks for until it returns false, and so
// gives what History puts together to rows: by address in order of client and
// name, by name in order of name, client and what the client was told, the newest
// first. With a name, but without an address, outcomes are among them. It needs
// little memory, however many there are. AtNs can not be asked for; the Run is
// valid until yield returns, its strings for ever.
func (c *Cache) Runs(ctx context.Context, q Query, yield func(*Run) bool) error {
	sk, err := newRunSink(ctx, q, yield)
	if err != nil {
		return err
	}
	if c.store == nil {
		return c.indexRuns(sk)
	}
	if err := c.Flush(c.filedNs.Load()); err != nil {
		return err
	}
	return c.store.runs(sk)
}

// Runs is as Cache.Runs.
func (h *History) Runs(ctx context.Context, q Query, yield func(*Run) bool) error {
	sk, err := newRunSink(ctx, q, yield)
	if err != nil {
		return err
	}
	return h.store.runs(sk)
}

func newRunSink(ctx context.Context, q Query, yield func(*Run) bool) (*sink, error) {
	if q.AtNs != 0 {
		return nil, fmt.Errorf("%w: runs are not selected by a moment", ErrBadQuery)
	}
	sk, err := newSink(ctx, q, nil)
	if err == nil {
		sk.each = yield
	}
	return sk, err
}

// kind is what the answers at hand are.
func (sk *sink) kind() Kind {
	switch {
	case sk.made:
		return KindConnection
	case !sk.row.Addr.IsValid():
		return KindQuestion
	}
	return KindAnswer
}

func (sk *sink) emitRun(r *Run) {
	if sk.done {
		return
	}
	sk.rows++
	sk.done = !sk.each(r) || sk.rows == sk.q.Limit
}

// addOutcome takes a run of outcomes as far as it is in time, as add does.
func (sk *sink) addOutcome(x *outcomeRun) {
	made, row := sk.made, sk.row
	sk.made, sk.row = false, Row{Name: x.name, Client: x.client.clientAddr()}
	each := sk.each
	sk.each = func(r *Run) bool {
		r.Kind, r.Type, r.RCode = KindOutcome, x.about, x.rcode
		return each(r)
	}
	sk.add(&x.run)
	sk.made, sk.row, sk.each = made, row, each
}

// runs answers from the store.
func (s *store) runs(sk *sink) error {
	if sk.beneath {
		defer s.scanned()()
	}
	if sk.q.Addr.IsValid() {
		return s.history(sk)
	}
	txn := s.read()
	defer txn.Discard()
	for i, client := range sk.clients() {
		var o *outcomeReader
		if i == 0 { // the next is the client's shadow, which has none
			o = s.outcomesOf(txn, sk, client)
		}
		err := s.historyOfName(txn, sk, client, o)
		if err == nil {
			err = o.upTo(sk, nil)
		}
		o.close()
		if err != nil {
			return fmt.Errorf("dnscache: runs: %w", err)
		}
	}
	return nil
}

// outcomeReader goes through the outcomes of a name in step with its name index,
// so that what a client was told comes together. A nil one has none.
type outcomeReader struct{ it *badger.Iterator }

func (s *store) outcomesOf(txn *badger.Txn, sk *sink, client []byte) *outcomeReader {
	prefix := appendLabels([]byte{kindOutcome}, sk.name)
	if !sk.beneath {
		prefix = append(append(prefix, 0), client...)
	}
	o := &outcomeReader{txn.NewIterator(badger.IteratorOptions{Prefix: prefix})}
	o.it.Rewind()
	return o
}

func (o *outcomeReader) close() {
	if o != nil {
		o.it.Close()
	}
}

// upTo adds the outcomes of names and clients before that of a key of the name
// index; nil: all that are left.
func (o *outcomeReader) upTo(sk *sink, nameKey []byte) error {
	if o == nil {
		return nil
	}
	for ; o.it.Valid() && !sk.done; o.it.Next() {
		key := o.it.Item().Key()
		x, err := readOutcomeKey(key)
		if err != nil {
			return err
		}
		if nameKey != nil && bytes.Compare(key[1:len(key)-outcomeTail], nameKey[1:len(nameKey)-16]) >= 0 {
			return nil
		}
		if sk.asks(x.client) && x.run.first <= sk.to && addSat(x.run.first, maxRun) >= sk.from && sk.wanted(x.name, ip{hi: factPrefix}) {
			if err := o.it.Item().Value(x.run.readValue); err != nil {
				return err
			}
			sk.addOutcome(&x)
		}
		if err := sk.stop(); err != nil {
			return err
		}
	}
	return nil
}

// indexRuns answers from the index.
func (c *Cache) indexRuns(sk *sink) error {
	rows, err := c.indexRows(sk)
	if err != nil {
		return err
	}
	var outcomes []outcomeRun
	if !sk.q.Addr.IsValid() {
		outcomes = c.appendOutcomes(nil, sk)
	}
	upTo := func(key []byte) {
		for len(outcomes) > 0 && !sk.done {
			x := appendOutcomeKey(nil, &outcomes[0])
			if key != nil && bytes.Compare(x[1:len(x)-outcomeTail], key[1:len(key)-16]) >= 0 {
				return
			}
			sk.addOutcome(&outcomes[0])
			outcomes = outcomes[1:]
		}
	}
	for i := range rows {
		r := &rows[i]
		upTo(appendNameKey(nil, r.name, r.client, r.addr))
		sk.begin(r.name, r.client, r.addr)
		for k := range r.runs {
			sk.add(&r.runs[k])
		}
		if sk.done {
			return nil
		}
	}
	upTo(nil)
	return nil
}
