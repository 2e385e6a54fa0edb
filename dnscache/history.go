package dnscache

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Query asks the history what an address was called, or where a name pointed.
// Addr or Name is set, or both.
type Query struct {
	// Name is a name in presentation form, or "*." and a domain: the domain
	// itself and all that is beneath it ("*." alone: every name). Case and a
	// final dot do not matter.
	Name string
	Addr netip.Addr
	// Client narrows to what one client had; the zero Addr is all.
	Client netip.Addr
	// FromNs and ToNs narrow to answers in that time, both included, Unix
	// nanoseconds; 0 is open. First, Last and Count of a Row then tell of those
	// answers only, as far as runs keep them apart.
	FromNs, ToNs int64
	// AtNs, not 0, asks for what was in force then: of an address, for each
	// client the name of its newest answer at or before; of a name, for each name,
	// client and address family all addresses of the newest answer.
	AtNs int64
	// Want narrows to the names and addresses that it says yes to, the zero Addr
	// being of what has none; nil is all. With the name "*." it is the way to ask
	// for more names than have a look-up each: what is not wanted costs a key of the
	// name index. It is asked for the addresses of a name one after the other.
	Want func(name string, addr netip.Addr) bool
	// Limit is how many rows to give at most; 0 is all.
	Limit int
}

// Row is one entry of the history: a client had that address for that name, or
// made a connection to it by that name, or, without an address, asked for it.
type Row struct {
	Name      string
	Canonical string
	Addr      netip.Addr // the zero Addr: the source could not tell
	Client    netip.Addr // the zero Addr: the source could not tell
	// FirstNs and LastNs are the times of the first and last answer.
	FirstNs, LastNs int64
	Count           uint64 // answers, connections or questions
	// TTL (seconds, or UnknownTTL) and Source are the last answer's, as is
	// Canonical.
	TTL    uint32
	Source Source
}

// ErrBadQuery is a Query that asks for nothing or for something impossible.
var ErrBadQuery = errors.New("dnscache: bad query")

// History calls yield for each Row that q asks for until it returns false: one a
// name, address and client, in order of address, client and name, or, where only
// a name is asked for, of domain, client and address. Connections have rows of
// their own, behind those of all answers to the same question, and questions
// come behind the answers of their client. What is pending is written
// first, so that the answer is complete. Without a directory the index answers,
// as far as it goes back.
func (c *Cache) History(ctx context.Context, q Query, yield func(Row) bool) error {
	sk, err := newSink(ctx, q, yield)
	if err != nil {
		return err
	}
	if c.store == nil {
		return c.indexHistory(sk)
	}
	if err := c.Flush(c.filedNs.Load()); err != nil {
		return err
	}
	return c.store.history(sk)
}

// History is a history that no daemon has open.
type History struct{ store *store }

// OpenHistory opens the history in dir for asking only, also one that was left by
// a killed process. The error is ErrLocked while a daemon has it, ErrNoHistory
// when there is none, ErrCorrupt when it can not be read.
func OpenHistory(dir string) (*History, error) {
	if err := holdsHistory(dir); err != nil {
		return nil, err
	}
	s, err := openStore(dir, minBlockCache, nil)
	if err != nil {
		return nil, err
	}
	s.readAhead(aheadToAsk)
	s.lookedUp()
	return &History{s}, nil
}

// History is as Cache.History.
func (h *History) History(ctx context.Context, q Query, yield func(Row) bool) error {
	sk, err := newSink(ctx, q, yield)
	if err != nil {
		return err
	}
	return h.store.history(sk)
}

// Close closes the history.
func (h *History) Close() error { return h.store.close() }

// sink takes runs in the order of the answer, makes rows of them, selects what
// is in force where that is asked, and yields.
type sink struct {
	ctx   context.Context
	yield func(Row) bool
	q     Query
	from  int64
	to    int64

	beneath bool   // the name is a domain with all beneath it
	name    string // without "*."

	each func(*Run) bool // yields runs in place of rows

	row  Row      // the one at hand; Count 0: none yet
	made bool     // it is of connections
	best [3][]Row // of IPv4, of IPv6, without an address
	rows int
	done bool
	work int
}

func newSink(ctx context.Context, q Query, yield func(Row) bool) (*sink, error) {
	sk := &sink{ctx: ctx, yield: yield, q: q, from: q.FromNs, to: q.ToNs}
	if sk.to == 0 {
		sk.to = 1<<63 - 1
	}
	if q.AtNs != 0 {
		sk.to = min(sk.to, q.AtNs)
	}
	sk.q.Addr, sk.q.Client = q.Addr.Unmap().WithZone(""), q.Client.Unmap().WithZone("")
	sk.name = strings.ToLower(q.Name)
	if rest, ok := strings.CutPrefix(sk.name, "*."); ok {
		sk.name, sk.beneath = rest, true
	}
	if n := len(sk.name); n > 1 && labelDot(sk.name, n-1) {
		sk.name = sk.name[:n-1]
	}
	if sk.beneath && sk.name == "" {
		sk.name = "."
	}
	switch {
	case q.Name == "" && !q.Addr.IsValid():
		return nil, fmt.Errorf("%w: neither name nor address", ErrBadQuery)
	case sk.name != "" && !validName([]byte(sk.name)):
		return nil, fmt.Errorf("%w: %q is not a name", ErrBadQuery, q.Name)
	case reserved(ipOf(sk.q.Addr)):
		return nil, fmt.Errorf("%w: no host has the address %v", ErrBadQuery, sk.q.Addr)
	case ipOf(sk.q.Client).isShadow():
		return nil, fmt.Errorf("%w: no host has the address %v", ErrBadQuery, sk.q.Client)
	case q.FromNs < 0 || q.ToNs < 0 || q.AtNs < 0 || q.Limit < 0:
		return nil, fmt.Errorf("%w: negative time or limit", ErrBadQuery)
	}
	return sk, nil
}

// wants says whether a name is asked for.
func (sk *sink) wants(name string) bool {
	if sk.name == "" || name == sk.name {
		return true
	}
	if !sk.beneath {
		return false
	}
	dot := len(name) - len(sk.name) - 1
	return sk.name == "." || dot > 0 && name[dot+1:] == sk.name && labelDot(name, dot)
}

// wanted says whether what is asked for has that name and address.
func (sk *sink) wanted(name string, addr ip) bool {
	if sk.q.Want == nil {
		return true
	}
	if reserved(addr) {
		return sk.q.Want(name, netip.Addr{})
	}
	return sk.q.Want(name, addr.addr())
}

// stop says, now and then, whether nobody waits for the answer any more.
func (sk *sink) stop() error {
	if sk.work++; sk.work&0xff != 0 {
		return nil
	}
	return sk.ctx.Err()
}

// add takes a run of the row at hand, newest first.
func (sk *sink) add(x *run) {
	first, last, count := x.first, x.last, x.count
	if first < sk.from || first > sk.to { // only the run's last answer is known to be in
		first, count = last, max(count-1, 1)
	}
	if last < sk.from || last > sk.to {
		if first == last {
			return
		}
		last, count = first, max(count-1, 1)
	}
	r := &sk.row
	if sk.each != nil {
		sk.emitRun(&Run{
			Kind: sk.kind(), Name: r.Name, Canonical: string(x.canon), Addr: r.Addr, Client: r.Client,
			FirstNs: first, LastNs: last, Count: count, TTL: x.ttl, Source: x.source,
		})
		return
	}
	if r.Count == 0 {
		r.FirstNs, r.LastNs = first, last
	}
	if last >= r.LastNs {
		r.TTL, r.Source, r.Canonical = x.ttl, x.source, string(x.canon)
	}
	r.FirstNs, r.LastNs = min(r.FirstNs, first), max(r.LastNs, last)
	r.Count += count
}

// begin starts a row; the one before is finished.
func (sk *sink) begin(name string, client, addr ip) {
	next := Row{Name: name, Client: client.clientAddr()}
	if !reserved(addr) {
		next.Addr = addr.addr()
	}
	made := client.isShadow()
	sk.end()
	if sk.group(&next, made) != sk.group(&sk.row, sk.made) {
		sk.emitBest()
	}
	sk.row, sk.made = next, made
}

type group struct {
	name         string
	client, addr netip.Addr
	made         bool
}

// group is the rows among which AtNs selects.
func (sk *sink) group(r *Row, made bool) group {
	if sk.q.Addr.IsValid() {
		return group{client: r.Client, addr: r.Addr, made: made}
	}
	return group{client: r.Client, name: r.Name, made: made}
}

// end finishes the row at hand.
func (sk *sink) end() {
	r := sk.row
	sk.row.Count = 0
	switch {
	case r.Count == 0:
	case sk.q.AtNs == 0:
		sk.emit(&r)
	default:
		family := 2
		switch {
		case r.Addr.Is4():
			family = 0
		case r.Addr.IsValid():
			family = 1
		}
		best := sk.best[family]
		if len(best) > 0 && best[0].LastNs > r.LastNs {
			return
		}
		if len(best) > 0 && best[0].LastNs < r.LastNs {
			best = best[:0]
		}
		sk.best[family] = append(best, r)
	}
}

func (sk *sink) emitBest() {
	for i := range sk.best {
		for k := range sk.best[i] {
			sk.emit(&sk.best[i][k])
		}
		sk.best[i] = sk.best[i][:0]
	}
}

func (sk *sink) emit(r *Row) {
	if sk.done {
		return
	}
	sk.rows++
	sk.done = !sk.yield(*r) || sk.rows == sk.q.Limit
}

// finish ends the last row.
func (sk *sink) finish() {
	sk.end()
	sk.emitBest()
}
