package baseline

import (
	"cmp"
	"slices"
)

// A Row is a domain of a list.
type Row struct {
	Rank   int // from 1
	Domain string
	// Clients is an estimate unless the day's are Exact, see Summary.
	Clients, Lookups, Bytes, Flows uint64
	// Over is how much of what the list is ordered by may be other domains', at
	// most.
	Over uint64
}

// A Summary is what is known of a whole Day.
type Summary struct {
	// Clients and Domains are estimates, within 0.8 % for two of three days.
	Clients, Domains uint64
	Lookups          uint64
	Bytes, Flows     uint64
	Tracked          int
	// Exact says that a Row's clients were counted one by one, and not estimated.
	Exact bool
	// Missing is what a domain may have, at most, that the Day does not list, and
	// what one may have more than its Row says.
	Missing uint64
}

// Number is the day: how many after 1 January 1970.
func (d *Day) Number() int32 { return d.number }

// Summary sums the day up, for lists that are ordered by a measure.
func (d *Day) Summary(by Measure) Summary {
	return Summary{
		Clients: estimate(d.clients, dayPrecision, &d.scratch),
		Domains: estimate(d.domains, dayPrecision, &d.scratch),
		Lookups: d.totals[Lookups], Bytes: d.totals[Bytes], Flows: d.totals[Flows],
		Tracked: len(d.records), Exact: d.exact(), Missing: d.missing(by),
	}
}

// exact says whether the records' counts of clients are better than their sets.
func (d *Day) exact() bool { return d.complete && d.pairs.skip == 0 }

// Top are the first n domains by a measure, or all that are tracked where n is 0.
// What has nothing of it is not listed; equals are in the order of their names.
func (d *Day) Top(by Measure, n int) []Row {
	rows := make([]Row, 0, len(d.records))
	for i := range d.records {
		r := &d.records[i]
		r.sizedAt = 0 // what a sweep uses may be old
		row := Row{
			Domain: r.text, Clients: d.value(r, Clients), Lookups: r.has[Lookups],
			Bytes: r.has[Bytes], Flows: r.has[Flows], Over: r.over[by],
		}
		if row.value(by) > 0 {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.value(by), a.value(by)), cmp.Compare(a.Domain, b.Domain))
	})
	if n > 0 && n < len(rows) {
		rows = rows[:n]
	}
	for i := range rows {
		rows[i].Rank = i + 1
	}
	return rows
}

func (r *Row) value(by Measure) uint64 {
	switch by {
	case Clients:
		return r.Clients
	case Lookups:
		return r.Lookups
	case Bytes:
		return r.Bytes
	}
	return r.Flows
}

// A Change is a domain that entered a list or left it.
type Change struct {
	// Row is the domain's now where it entered, else as it was then.
	Row
	// Now and Then are its ranks, 0 where it has none at all.
	Now, Then int
}

// Changes are the domains that are among the first n now and were not then, and
// those that were and are not, each in the order of their ranks. Both lists are
// whole: those of Top with 0.
func Changes(now, then []Row, n int) (entered, left []Change) {
	rankNow, rankThen := ranks(now), ranks(then)
	for _, r := range now[:min(n, len(now))] {
		if was := rankThen[r.Domain]; was == 0 || was > n {
			entered = append(entered, Change{r, r.Rank, was})
		}
	}
	for _, r := range then[:min(n, len(then))] {
		if is := rankNow[r.Domain]; is == 0 || is > n {
			left = append(left, Change{r, is, r.Rank})
		}
	}
	return entered, left
}

func ranks(rows []Row) map[string]int {
	all := make(map[string]int, len(rows))
	for i := range rows {
		all[rows[i].Domain] = rows[i].Rank
	}
	return all
}
