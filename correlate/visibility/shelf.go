package visibility

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"net/netip"
	"slices"

	"flowname/dnscache"
)

// On the shelf rows lie in parts of at most partRows: a part's key is its number, its value a version and then the rows. A part that has not changed is not
// written again. Numbers are varints, times whole seconds. Beside the parts lies what
// statuses are decided by.
const (
	partRows     = 1 << 10
	shelfVersion = 1
)

// ErrShelf is of something on the shelf that is not what a Keeper has written.
var ErrShelf = errors.New("visibility: what is kept of clients can not be read")

// A Keeper keeps rows on a shelf. The zero Keeper with a Shelf is ready.
type Keeper struct {
	Shelf *dnscache.Shelf
	judge []byte // as it is on the shelf, if that is known
	// parts are the hashes of what is on the shelf; nil: not known.
	parts []uint64
	seed  maphash.Seed
	buf   []byte
}

// Save puts the rows of all parts in the place of those on the shelf. What a kill
// interrupts is put right by the next Save.
func (k *Keeper) Save(parts iter.Seq[[]Row], j *Judge) error {
	if err := k.saveJudge(j); err != nil {
		return err
	}
	if k.parts == nil {
		k.seed = maphash.MakeSeed()
		if err := k.Shelf.Range(nil, func(key, value []byte) bool {
			if len(key) != partKeySize {
				return true
			}
			number := int(binary.BigEndian.Uint32(key))
			for len(k.parts) < number { // one that a kill has left out
				k.parts = append(k.parts, 0)
			}
			k.parts = append(k.parts, maphash.Bytes(k.seed, value))
			return true
		}); err != nil {
			return err
		}
	}
	number := 0
	for rows := range parts {
		for ; len(rows) > 0; number++ {
			n := min(len(rows), partRows)
			if err := k.savePart(number, rows[:n]); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	for i := number; i < len(k.parts); i++ {
		if err := k.Shelf.Write([]dnscache.ShelfEntry{{Key: partKey(i)}}); err != nil {
			return err
		}
	}
	k.parts = k.parts[:min(number, len(k.parts))]
	return nil
}

// judgeKey is where the Judge lies, as JSON.
const judgeKey = "judge"

func (k *Keeper) saveJudge(j *Judge) error {
	text, err := json.Marshal(j)
	if err != nil || bytes.Equal(text, k.judge) {
		return err
	}
	k.judge = text
	return k.Shelf.Write([]dnscache.ShelfEntry{{Key: []byte(judgeKey), Value: text}})
}

const partKeySize = 4

func partKey(number int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(number)) }

func (k *Keeper) savePart(number int, rows []Row) error {
	k.buf = append(k.buf[:0], shelfVersion)
	for i := range rows {
		k.buf = rows[i].append(k.buf)
	}
	hash := maphash.Bytes(k.seed, k.buf)
	if number < len(k.parts) && k.parts[number] == hash {
		return nil
	}
	if err := k.Shelf.Write([]dnscache.ShelfEntry{{Key: partKey(number), Value: k.buf}}); err != nil {
		return err
	}
	if number == len(k.parts) {
		k.parts = append(k.parts, 0)
	}
	k.parts[number] = hash
	return nil
}

// Load gives the rows on the shelf, in order of clients, and by what they were
// judged. What can not be read is left out, and is the error; the rest is given all
// the same.
func (k *Keeper) Load() (rows []Row, j Judge, err error) {
	rangeErr := k.Shelf.Range(nil, func(key, value []byte) bool {
		if len(key) != partKeySize {
			if json.Unmarshal(value, &j) != nil {
				err = fmt.Errorf("%w: %s", ErrShelf, key)
			}
			return true
		}
		if len(value) == 0 || value[0] != shelfVersion {
			err = fmt.Errorf("%w: part %x", ErrShelf, key)
			return true
		}
		for value = value[1:]; len(value) > 0; {
			var r Row
			if value = r.read(value); value == nil {
				err = fmt.Errorf("%w: part %x", ErrShelf, key)
				break
			}
			rows = append(rows, r)
		}
		return true
	})
	return newest(rows), j, errors.Join(err, rangeErr)
}

// newest puts rows in order of clients, and of those of the same client, which a kill
// between two parts can leave, keeps the newest.
func newest(rows []Row) []Row {
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(a.Client.Compare(b.Client), cmp.Compare(b.LastNs, a.LastNs))
	})
	return slices.CompactFunc(rows, func(a, b Row) bool { return a.Client == b.Client })
}

// Signs of a kept row.
const (
	keptDirect = 1 << iota
	keptForwarded
)

// numbers are all that a row has but for addresses, in their order on the shelf.
func (r *Row) numbers(visit func(*uint64)) {
	for i := range r.Flows {
		visit(&r.Flows[i])
	}
	for _, n := range []*uint64{
		&r.Bytes, &r.OwnBytes, &r.Other, &r.Outside, &r.DoH,
		&r.Lately.Flows, &r.Lately.Own, &r.Lately.LookedUp, &r.Lately.Others,
	} {
		visit(n)
	}
	for i := range r.Lately.Asked {
		visit(&r.Lately.Asked[i])
	}
}

func (r *Row) append(b []byte) []byte {
	b = appendAddr(b, r.Client)
	b = appendAddr(b, r.Resolver)
	r.numbers(func(n *uint64) { b = binary.AppendUvarint(b, *n) })
	signs := uint64(0)
	if r.Sight.Direct {
		signs |= keptDirect
	}
	if r.Sight.Forwarded {
		signs |= keptForwarded
	}
	for _, n := range []uint64{
		uint64(r.Kind), uint64(r.Lately.period), uint64(r.Lately.share), uint64(seconds(r.FirstNs)), uint64(seconds(r.LastNs)),
		uint64(r.Sight.Sources), signs, uint64(r.Sight.AnsweredNs / second), uint64(r.Sight.AskedNs / second),
	} {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

const second = 1_000_000_000

// read reads a row and gives the rest; nil where it is none.
func (r *Row) read(b []byte) []byte {
	var bad bool
	number := func() (n uint64) {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			bad, b = true, nil
			return 0
		}
		b = b[size:]
		return n
	}
	small := func(most uint64) uint64 {
		n := number()
		bad = bad || n > most
		return n
	}
	var ok bool
	if r.Client, b, ok = readAddr(b); !ok || !r.Client.IsValid() {
		return nil
	}
	if r.Resolver, b, ok = readAddr(b); !ok {
		return nil
	}
	r.numbers(func(n *uint64) { *n = number() })
	const most = 1<<32 - 1
	r.Kind = Asked(small(uint64(NumAsked) - 1))
	r.Lately.period, r.Lately.share = uint16(small(1<<16-1)), uint16(small(1<<16-1))
	r.FirstNs, r.LastNs = int64(small(most))*second, int64(small(most))*second
	r.Sight.Sources = dnscache.SourceSet(number())
	signs := small(keptDirect | keptForwarded)
	r.Sight.Direct, r.Sight.Forwarded = signs&keptDirect != 0, signs&keptForwarded != 0
	r.Sight.AnsweredNs, r.Sight.AskedNs = int64(small(most))*second, int64(small(most))*second
	if bad {
		return nil
	}
	if b == nil {
		b = []byte{}
	}
	return b
}

// appendAddr appends an address with its length before it.
func appendAddr(b []byte, a netip.Addr) []byte {
	text := a.AsSlice()
	return append(append(b, byte(len(text))), text...)
}

func readAddr(b []byte) (a netip.Addr, rest []byte, ok bool) {
	if len(b) == 0 || len(b) <= int(b[0]) {
		return a, nil, false
	}
	n := 1 + int(b[0])
	if b[0] == 0 {
		return a, b[1:], true
	}
	a, ok = netip.AddrFromSlice(b[1:n])
	return a, b[n:], ok
}
