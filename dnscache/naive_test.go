package dnscache

import (
	"cmp"
	"net/netip"
	"slices"
)

// model is the cache as one would write it with time to spare: lists that are
// searched from end to end and never forget.
type model struct {
	pairs  map[modelKey][]modelRun
	made   map[modelFact][]modelRun
	others map[netip.Addr][]modelRun
	seen   map[netip.Addr]bool
	began  int64
	count  int
}

// modelKey is a chain: of answers, of connections to an address, or of questions
// for a name, which have no address.
type modelKey struct {
	client, addr netip.Addr
	connection   bool
	asked        string
}

// modelFact is a chain of connections made: what the source told of the ends.
type modelFact struct {
	Tuple
	tls, inbound bool
}

type modelRun struct {
	name, canon string
	source      Source
	first, last int64
	count       uint64
	ttl         uint32
	order       int // of filing
}

func newModel() *model {
	return &model{
		pairs:  map[modelKey][]modelRun{},
		made:   map[modelFact][]modelRun{},
		others: map[netip.Addr][]modelRun{},
		seen:   map[netip.Addr]bool{},
	}
}

func (m *model) saw(client netip.Addr, at int64) {
	if client.IsValid() {
		m.seen[client] = true
	}
	if m.began == 0 || at < m.began {
		m.began = at
	}
}

func (m *model) run(name []byte, at int64, source Source) modelRun {
	m.count++
	return modelRun{name: string(name), first: at, last: at, count: 1, source: source, order: m.count}
}

func (m *model) file(r *Response) {
	m.saw(r.Client, r.TimeNs)
	if r.QuestionOnly {
		k := modelKey{client: r.Client, asked: string(r.Name)}
		m.pairs[k] = modelAdd(m.pairs[k], m.run(r.Name, r.TimeNs, r.Source), false)
		return
	}
	for _, a := range r.Addrs {
		x := m.run(r.Name, r.TimeNs, r.Source)
		x.canon, x.ttl = string(r.Canonical), a.TTL
		k := modelKey{client: r.Client, addr: a.Addr}
		m.pairs[k] = modelAdd(m.pairs[k], x, false)
		m.others[a.Addr] = modelAdd(m.others[a.Addr], x, true)
	}
}

func (m *model) fileConnection(c *Connection) {
	m.saw(netip.Addr{}, c.TimeNs)
	x := m.run(c.Name, c.TimeNs, c.Source)
	if len(c.Name) > 0 {
		k := modelKey{client: c.Client, addr: c.Server, connection: true}
		m.pairs[k] = modelAdd(m.pairs[k], x, false)
		o := x
		o.first -= int64(c.Source.class())
		o.last = o.first
		m.others[c.Server] = modelAdd(m.others[c.Server], o, true)
	}
	x.canon = string(c.Process.Path)
	if x.name != "" || x.canon != "" {
		k := modelFact{Tuple{c.Client, c.Server, c.ClientPort, c.ServerPort, c.Proto}, c.Source.IsTLS(), c.Inbound}
		m.made[k] = modelAdd(m.made[k], x, false)
	}
}

// modelAdd follows the rule of runs as doc.go says it.
func modelAdd(list []modelRun, x modelRun, others bool) []modelRun {
	into := -1
	var before *modelRun
	for i := range list {
		v := &list[i]
		if v.first > x.first {
			continue
		}
		if before == nil || v.first > before.first || v.first == before.first && v.order > before.order {
			before = v
		}
		if v.name == x.name && v.first == x.first ||
			others && v.joins(&x) && (into < 0 || v.first > list[into].first) {
			into = i
		}
	}
	if !others && into < 0 && before != nil && before.joins(&x) {
		into = slices.IndexFunc(list, func(v modelRun) bool { return v.order == before.order })
	}
	if into < 0 {
		return append(list, x)
	}
	v := &list[into]
	if x.first == v.first || x.first == v.last {
		return list
	}
	v.count++
	if x.first > v.last {
		v.last, v.ttl, v.canon, v.source = x.first, x.ttl, x.canon, x.source
	}
	return list
}

func (v *modelRun) joins(x *modelRun) bool {
	return v.name == x.name && v.first >= x.first-maxRun && v.source.class() == x.source.class()
}

func (m *model) client(client, addr netip.Addr, start, tol, horizon int64) []Match {
	return modelSelect(m.pairs[modelKey{client: client, addr: addr}], start, tol, horizon)
}

func (m *model) asked(client, addr netip.Addr, start, tol int64) []Match {
	var all []Match
	for _, answer := range modelSelect(m.others[addr], start+tol+askedAfter, 0, 0) {
		questions := modelSelect(m.pairs[modelKey{client: client, asked: answer.Name}], start, tol, 0)
		if len(questions) == 0 {
			continue
		}
		q := questions[0]
		for _, then := range modelSelect(m.others[addr], min(q.AtNs+askedAfter, start+tol+askedAfter), 0, 0) {
			if then.Name == q.Name && q.AtNs <= then.AtNs+int64(then.TTL)*1e9+askedBefore {
				q.Canonical, q.TTL = then.Canonical, then.TTL
				all = append(all, q)
			}
		}
	}
	dist := func(m Match) int64 { return max(m.AtNs-start, start-m.AtNs) }
	slices.SortFunc(all, func(a, b Match) int {
		return cmp.Or(cmp.Compare(dist(a), dist(b)), -cmp.Compare(a.AtNs, b.AtNs), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// connections is by search through all there are; those of one distance may come
// in any order.
func (m *model) connections(t Tuple, start, tol int64) []Made {
	var all []Made
	for k, list := range m.made {
		agrees := func(told, is uint16) bool { return told == 0 || told == is }
		if k.Client != t.Client || k.Server != t.Server || !agrees(k.ClientPort, t.ClientPort) ||
			!agrees(k.ServerPort, t.ServerPort) || !agrees(uint16(k.Proto), uint16(t.Proto)) {
			continue
		}
		before := madeBefore
		if k.ClientPort != 0 && k.ServerPort != 0 {
			before = madeBeforeLong
		}
		for _, x := range modelSelect(list, start, tol+madeAfter, 0) {
			if x.AtNs >= start-tol-before {
				all = append(all, Made{
					Name: x.Name, AtNs: x.AtNs, Source: x.Source, Program: Program{Path: x.Canonical}, Inbound: k.inbound,
				})
			}
		}
	}
	return all
}

func modelSelect(list []modelRun, start, tol, horizon int64) []Match {
	limit := start + tol
	dist := func(at int64) int64 { return max(at-start, start-at) }
	better := func(a, b Match) int {
		la, lb := a.AtNs > limit, b.AtNs > limit
		switch {
		case la != lb && lb:
			return -1
		case la != lb:
			return 1
		}
		return cmp.Or(cmp.Compare(dist(a.AtNs), dist(b.AtNs)), -cmp.Compare(a.AtNs, b.AtNs))
	}
	best := map[string]Match{}
	for _, v := range list {
		for _, at := range []int64{v.first, v.last} {
			if at > limit && (at == v.last && v.first != v.last || at > horizon) {
				continue
			}
			x := Match{Name: v.name, Canonical: v.canon, AtNs: at, TTL: v.ttl, Source: v.source, DomainAt: domainAt(v.name), CanonicalAt: domainAt(v.canon)}
			if had, ok := best[v.name]; !ok || better(x, had) < 0 {
				best[v.name] = x
			}
		}
	}
	var all []Match
	for _, x := range best {
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b Match) int { return cmp.Or(better(a, b), cmp.Compare(a.Name, b.Name)) })
	return all[:min(len(all), MaxMatches)]
}

func (m *model) history(q Query) []Row {
	to := q.ToNs
	if to == 0 {
		to = 1 << 62
	}
	if q.AtNs != 0 {
		to = min(to, q.AtNs)
	}
	in := func(t int64) bool { return t >= q.FromNs && t <= to }
	rows := map[modelKey]*Row{}
	for k, list := range m.pairs {
		if q.Addr.IsValid() && k.addr != q.Addr || q.Client.IsValid() && k.client != q.Client {
			continue
		}
		for _, v := range list {
			if q.Name != "" && v.name != q.Name || !in(v.first) && !in(v.last) {
				continue
			}
			count := v.count
			if !in(v.first) {
				v.first, count = v.last, max(count-1, 1)
			}
			if !in(v.last) {
				v.last, count = v.first, max(count-1, 1)
			}
			key := k
			key.asked = v.name
			r := rows[key]
			if r == nil {
				r = &Row{Name: v.name, Client: k.client, Addr: k.addr, FirstNs: v.first}
				rows[key] = r
			}
			if v.last >= r.LastNs {
				r.LastNs, r.TTL, r.Canonical, r.Source = v.last, v.ttl, v.canon, v.source
			}
			r.FirstNs = min(r.FirstNs, v.first)
			r.Count += count
		}
	}
	var all []Row
	for k, r := range rows {
		if q.AtNs == 0 || !modelBeaten(rows, k, q) {
			all = append(all, *r)
		}
	}
	return all
}

// modelBeaten says whether another row of the group of k's is newer.
func modelBeaten(rows map[modelKey]*Row, k modelKey, q Query) bool {
	for o, r := range rows {
		same := o.client == k.client && o.connection == k.connection && o.addr == k.addr
		if !q.Addr.IsValid() {
			same = o.client == k.client && o.connection == k.connection && o.asked == k.asked &&
				o.addr.IsValid() == k.addr.IsValid() && o.addr.Is4() == k.addr.Is4()
		}
		if same && r.LastNs > rows[k].LastNs {
			return true
		}
	}
	return false
}
