package findings

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strings"
	"time"

	"flowname/dnscache"
	"flowname/dnscache/firstseen"
)

// Shown is the set of codes that an answer shows.
type Shown uint16

// Has says whether c is in it.
func (s Shown) Has(c Code) bool { return s>>c&1 != 0 }

// A Verdict is what an answer shows: of the codes in its Shown.
type Verdict struct {
	Domain string     // where it matters to one of them; aliases the response
	Addr   netip.Addr // the first live address
	Age    int64      // NewDomain, QueryBurst: of the domain

	Null  NullRoutedThenLiveEvidence
	Moved NameMovedEvidence
	Many  ManyAddressesEvidence
	Burst QueryBurstEvidence
	First FirstAsked
}

// NullRoutedThenLiveEvidence is what a NullRoutedThenLive finding rests on.
type NullRoutedThenLiveEvidence struct {
	NullFrom  string `json:"null_from"`
	NullTo    string `json:"null_to"`
	Answers   int    `json:"null_answers"`
	LiveUntil string `json:"live_before,omitempty"` // when it was live before that
	// Asked is client or server: who was null-routed and has a live address now.
	Asked string `json:"same"`
}

// NameMovedEvidence is what a NameMoved finding rests on.
type NameMovedEvidence struct {
	From    uint32 `json:"from_asn,omitempty"`
	To      uint32 `json:"to_asn,omitempty"`
	FromCC  string `json:"from_country,omitempty"`
	ToCC    string `json:"to_country,omitempty"`
	Since   string `json:"there_since"`
	Until   string `json:"there_until"`
	Answers int    `json:"there_hours"` // in which it was asked for
}

// ManyAddressesEvidence is what a ManyAddresses finding rests on. What is counted is
// at least so much.
type ManyAddressesEvidence struct {
	Since     string `json:"since"`
	Addresses int    `json:"addresses_least"`
	Networks  int    `json:"networks_least"`
	By        string `json:"networks_by"` // asn or prefix
	TTL       uint32 `json:"ttl"`
}

// Evidence is that of a code.
func (v *Verdict) Evidence(c Code) any {
	switch c {
	case NewDomain:
		return v.First
	case QueryBurst:
		return v.Burst
	case NullRoutedThenLive:
		return v.Null
	case NameMoved:
		return v.Moved
	case ManyAddresses:
		return v.Many
	}
	return nil
}

func at(sec uint32) string { return time.Unix(int64(sec), 0).UTC().Format(time.RFC3339) }

// look looks at an answer with addresses, after l's signature was taken.
func (n *Names) look(l *life, a *dnscache.Response, client netip.Addr, sec uint32, v *Verdict) (shown Shown) {
	var live [maxAnswered]netip.Addr
	addrs, null := n.sorted(live[:0], a)
	asker := n.asker(client, a.Server)
	if l.youngUntil != 0 {
		if sec >= l.youngUntil {
			l.youngUntil = 0
		} else {
			shown |= n.young(a, client, v)
		}
	}
	switch {
	case len(addrs) == 0 && null && asker != 0 && !isLocal(a.Name):
		l.nulled(asker, sec)
	case len(addrs) > 0:
		v.Addr = addrs[0]
		shown |= n.alive(l, a, client, addrs, asker, sec, v)
	}
	if named := shown &^ (1<<NewDomain | 1<<QueryBurst); named != 0 {
		n.marks.add(l.key, named, sec)
	}
	return shown
}

// sorted appends an answer's live addresses, and says whether it has any that leads
// nowhere. Private ones are neither.
func (n *Names) sorted(dst []netip.Addr, a *dnscache.Response) (live []netip.Addr, null bool) {
	for i := range a.Addrs {
		switch addr := a.Addrs[i].Addr; {
		case isNull(addr) || n.cfg.Sinkholes != nil && n.cfg.Sinkholes(addr):
			null = true
		case !addr.IsGlobalUnicast() || addr.IsPrivate():
		case len(dst) < cap(dst):
			dst = append(dst, addr)
		}
	}
	return dst, null
}

// isLocal says whether a name is the host's own by its text (RFC 6761 section 6.3).
func isLocal(name []byte) bool {
	return bytes.HasPrefix(name, []byte("localhost")) || bytes.HasSuffix(name, []byte(".localhost"))
}

func (n *Names) alive(l *life, a *dnscache.Response, client netip.Addr, addrs []netip.Addr, asker, sec uint32, v *Verdict) (shown Shown) {
	if l.revived(asker, sec) {
		v.Null = NullRoutedThenLiveEvidence{NullFrom: at(l.nullFrom), NullTo: at(l.nullTo), Answers: int(l.nullCount), Asked: "client"}
		if l.liveTo != 0 {
			v.Null.LiveUntil = at(l.liveTo)
		}
		if !client.IsValid() {
			v.Null.Asked = "server"
		}
		l.endNull()
		l.liveTo = sec
		shown |= 1 << NullRoutedThenLive
	}
	if len(a.Canonical) > 0 && l.flags&lifeForeign == 0 && firstseen.Domain(text8(a.Canonical)) != firstseen.Domain(text8(a.Name)) {
		l.flags |= lifeForeign
	}
	if ttl := leastTTL(a); ttl <= shortTTL && n.spread(l, addrs, asker, sec) && !isPool(a.Name) {
		v.Many = ManyAddressesEvidence{
			Since: at(l.dayFrom), Addresses: bits.OnesCount64(l.addresses), Networks: bits.OnesCount64(l.networks), By: "prefix", TTL: ttl,
		}
		if n.byASN {
			v.Many.By = "asn"
		}
		shown |= 1 << ManyAddresses
	}
	if n.places.cursor != nil && l.flags&lifeForeign == 0 && !isPool(a.Name) && n.moved(l, addrs, asker, sec, v) {
		shown |= 1 << NameMoved
	}
	return shown
}

func leastTTL(a *dnscache.Response) uint32 {
	least := a.Addrs[0].TTL
	for i := range a.Addrs {
		least = min(least, a.Addrs[i].TTL)
	}
	return least
}

// spread counts addresses, and says whether a new one makes them many.
func (n *Names) spread(l *life, addrs []netip.Addr, asker, sec uint32) bool {
	news := false
	for _, a := range addrs {
		if !l.counted(hashAddr(n.cfg.Seed, a), asker, sec) {
			continue
		}
		network, ok := n.place(a)
		switch {
		case n.byASN && (!ok || n.cdn[network]):
			continue
		case !n.byASN:
			network = prefixOf(a)
		}
		l.networks |= 1 << (fold(uint64(network)^mix0, mix1) & 63)
		news = true
	}
	return news && l.many(n.byASN)
}

// prefixOf is an address's /16, or the upper 32 bits of an IPv6 one.
func prefixOf(a netip.Addr) uint32 {
	b := a.As16()
	if a.Is4() {
		return uint32(b[12])<<8 | uint32(b[13])
	}
	return binary.BigEndian.Uint32(b[:4])
}

// moved says whether the name has left the network that it had settled in.
func (n *Names) moved(l *life, addrs []netip.Addr, asker, sec uint32, v *Verdict) bool {
	for _, is6 := range [...]bool{false, true} {
		var room [maxHomes]uint32
		networks := room[:0]
		for _, a := range addrs {
			if network, _ := n.place(a); network != 0 && a.Is6() == is6 && len(networks) < cap(networks) && !has(networks, network) {
				networks = append(networks, network)
			}
		}
		if len(networks) == 0 {
			continue
		}
		left, to, ok := l.moved(networks, is6, asker, sec)
		if !ok || n.cdn[left.network] || n.cdn[to] {
			continue
		}
		v.Moved = NameMovedEvidence{Since: at(left.from), Until: at(left.to), Answers: left.answers()}
		v.Moved.From, v.Moved.FromCC = networkOf(left.network)
		v.Moved.To, v.Moved.ToCC = networkOf(to)
		return true
	}
	return false
}

func has(networks []uint32, network uint32) bool {
	for _, had := range networks {
		if had == network {
			return true
		}
	}
	return false
}

func networkOf(network uint32) (asn uint32, country string) {
	if network&countryBit != 0 && network>>16&0x7fff == 0 {
		return 0, strings.ToUpper(string([]byte{byte(network >> 8), byte(network)}))
	}
	return network, ""
}
