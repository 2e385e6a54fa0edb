package pdns

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"flowname/dnscache"
)

// MaxRecords is how many records a query gathers at most.
const MaxRecords = 100_000

// A Record says when a name had an address.
type Record struct {
	Name string // presentation form, no final dot
	Addr netip.Addr
	// FirstNs and LastNs are the times of the first and last answer, Unix
	// nanoseconds; Count is how many there were.
	FirstNs, LastNs int64
	Count           uint64
}

// Type is the record's type, "A" or "AAAA".
func (r *Record) Type() string {
	if r.Addr.Is4() {
		return "A"
	}
	return "AAAA"
}

// first and last are in whole seconds: the first rounded down, the last up to
// where it lies in.
func (r *Record) first() int64 { return r.FirstNs / 1e9 }
func (r *Record) last() int64  { return r.LastNs / 1e9 }

// A History can be asked for its rows: the cache of a running daemon, or the
// directory of one that has ended.
type History interface {
	History(context.Context, dnscache.Query, func(dnscache.Row) bool) error
}

// gather makes records of the rows that q asks for, in order. cut says that
// there are more than MaxRecords.
func gather(ctx context.Context, h History, q dnscache.Query, keep func(*Record) bool) (records []Record, cut bool, err error) {
	type key struct {
		name string
		addr netip.Addr
	}
	found := map[key]int{}
	err = h.History(ctx, q, func(row dnscache.Row) bool {
		if !row.Addr.IsValid() || !row.Source.IsDNS() {
			return true
		}
		k := key{row.Name, row.Addr}
		i, ok := found[k]
		if !ok {
			if cut = len(records) == MaxRecords; cut {
				return false
			}
			i = len(records)
			found[k] = i
			records = append(records, Record{Name: row.Name, Addr: row.Addr, FirstNs: row.FirstNs, LastNs: row.LastNs})
		}
		r := &records[i]
		r.FirstNs, r.LastNs = min(r.FirstNs, row.FirstNs), max(r.LastNs, row.LastNs)
		r.Count += row.Count
		return true
	})
	if err != nil {
		return nil, false, err
	}
	records = slices.DeleteFunc(records, func(r Record) bool { return !keep(&r) })
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Type(), b.Type()), a.Addr.Compare(b.Addr))
	})
	return records, cut, nil
}

// queryFor is the query for an address or a name in the form that people type.
func queryFor(subject string) dnscache.Query {
	if addr, err := netip.ParseAddr(subject); err == nil {
		return dnscache.Query{Addr: addr.Unmap().WithZone("")}
	}
	return dnscache.Query{Name: canonical(subject)}
}

// canonical is a name as the history has it.
func canonical(name string) string {
	name = strings.ToLower(name)
	if name != "." && strings.HasSuffix(name, ".") && !strings.HasSuffix(name, `\.`) {
		name = name[:len(name)-1]
	}
	return name
}
