package timeline

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"flowname/dnscache"
)

// checkLife holds what is true of the phases of any evidence: they are in order,
// every answer is in one of them or beside one, addresses never beside, and
// clients are counted once each.
func checkLife(t *testing.T, responses []dnscache.Response, cfg Config) {
	t.Helper()
	src := sourceOf(responses)
	life, err := Of(t.Context(), src, dnscache.Query{Name: subject}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var total, addresses uint64
	clients := map[netip.Addr]bool{}
	first := int64(1<<63 - 1)
	for i := range src {
		r := &src[i]
		if len(appendKeys(nil, r, cfg.Sinkholes)) == 0 {
			continue
		}
		total++
		first = min(first, r.FirstNs)
		if r.Kind == dnscache.KindAnswer {
			addresses++
		}
		if r.Client.IsValid() {
			clients[r.Client] = true
		}
	}
	var told, beside, listed uint64
	most := 0
	for i, p := range life.Phases {
		told += p.Count
		beside += p.Beside
		most = max(most, p.ClientCount)
		for _, a := range p.Addresses {
			listed += a.Count
			if a.FirstNs < p.FirstNs || a.LastNs > p.LastNs {
				t.Errorf("phase %d: an address is out of its time: %+v", i, p)
			}
		}
		if p.FirstNs > p.LastNs || i > 0 && p.FirstNs < life.Phases[i-1].FirstNs {
			t.Errorf("phase %d is out of order: %+v", i, p)
		}
		if p.AddressCount != len(p.Addresses) && len(p.Addresses) != MaxAddresses || p.ClientCount < len(p.Clients) {
			t.Errorf("phase %d: counts are wrong: %+v", i, p)
		}
		if len(p.Clients) > 0 && p.Clients[0].FirstNs < p.FirstNs || !slices.IsSortedFunc(p.Clients, func(a, b Client) int { return int(a.FirstNs - b.FirstNs) }) {
			t.Errorf("phase %d: clients are wrong: %+v", i, p)
		}
	}
	switch {
	case told+beside != total || life.Count != total:
		t.Errorf("%d answers told and %d beside of %d: %v", told, beside, total, phasesOf(life))
	case total > 0 && life.FirstNs != first:
		t.Errorf("first evidence %d, want %d", life.FirstNs, first)
	case life.ClientCount != len(clients) || most > len(clients):
		t.Errorf("%d clients, and %d in a phase, want %d", life.ClientCount, most, len(clients))
	case listed != addresses && len(life.Phases) > 0 && !slices.ContainsFunc(life.Phases, func(p Phase) bool { return len(p.Addresses) < p.AddressCount }):
		t.Errorf("%d answers with addresses are in phases, want %d: %v", listed, addresses, phasesOf(life))
	}
}

// responsesOf makes evidence of bytes, eight of them a response.
func responsesOf(data []byte) (all []dnscache.Response) {
	at := begin.UnixNano()
	for len(data) >= 8 && len(all) < 3000 {
		b := data[:8]
		data = data[8:]
		at += int64(binary.LittleEndian.Uint16(b)) * int64(1+b[2]%64) * int64(10*time.Millisecond)
		r := dnscache.Response{TimeNs: at, Name: []byte(subject), Source: dnscache.SourcePackets, Type: []uint16{1, 28, 65, 15, 0}[b[3]%5]}
		if b[4]%8 > 0 {
			r.Client = netip.AddrFrom4([4]byte{10, 0, 0, b[4] % 8})
		}
		switch b[5] % 8 {
		case 0:
			r.RCode = 3
		case 1:
			r.RCode = 2
		case 2:
		default:
			for i := range b[5]%8 - 2 {
				a := netip.AddrFrom4([4]byte{198, 51, 100, b[6]%4 + i})
				if r.Type == 28 {
					a = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", b[6]%4+i+1))
				} else if b[6]&0x80 != 0 {
					a = netip.AddrFrom4([4]byte{127, 0, 0, b[6]%4 + i})
				}
				r.Addrs = append(r.Addrs, dnscache.Addr{Addr: a, TTL: uint32(b[7]) * 4})
			}
		}
		all = append(all, r)
	}
	return all
}

func TestAnyEvidence(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5))
	for i := range 400 {
		data := make([]byte, 8*(1+rnd.IntN(400)))
		for k := range data {
			data[k] = byte(rnd.Uint32())
		}
		var cfg Config
		if i%2 == 0 {
			cfg.Settle = time.Duration(1+rnd.IntN(3600)) * time.Second
		}
		checkLife(t, responsesOf(data), cfg)
		if t.Failed() {
			t.Fatalf("round %d", i)
		}
	}
}

func FuzzLife(f *testing.F) {
	f.Add([]byte("12345678"), uint16(600))
	f.Add([]byte("aaaaaaaabbbbbbbbccccccccaaaaaaaa"), uint16(1))
	f.Fuzz(func(t *testing.T, data []byte, settle uint16) {
		checkLife(t, responsesOf(data), Config{Settle: time.Duration(settle) * time.Second})
	})
}

// TestVeryMany: more spans than are kept put those together that are near to
// each other; addresses without end rotate.
func TestVeryMany(t *testing.T) {
	const n = 2 * maxSpans
	var src shuffledSource
	start := begin.UnixNano()
	for i := range n {
		r := dnscache.Run{
			Name: subject, Client: netip.AddrFrom4([4]byte{10, 0, byte(i >> 17), 1}), Addr: netip.AddrFrom4([4]byte{198, 51, 100, [4]byte{1, 2, 1, 3}[i/(n/4)]}),
			FirstNs: start + int64(i)*int64(6*time.Second), LastNs: start + int64(i)*int64(6*time.Second), Count: 1, TTL: 60,
		}
		src = append(src, r)
	}
	life, err := Of(t.Context(), src, dnscache.Query{Name: subject}, Config{})
	if err != nil || len(life.Phases) != 4 || life.Count != n {
		t.Fatalf("%d phases, %d answers, error %v", len(life.Phases), life.Count, err)
	}
	for i, p := range life.Phases {
		if p.Count != n/4 || p.AddressCount != 1 || p.FirstNs != src[i*n/4].FirstNs {
			t.Errorf("got %+v", p)
		}
	}
	for i := range src {
		src[i].Addr = netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)})
	}
	life, err = Of(t.Context(), src, dnscache.Query{Name: subject}, Config{})
	if err != nil || len(life.Phases) != 1 || !life.Phases[0].Rotating || life.Phases[0].AddressCount != maxTracks || life.Phases[0].Beside != n-maxTracks {
		t.Errorf("got %+v, error %v", life, err)
	}
}

// TestSettleGrows: of a content network that is seldom asked for a few phases are
// told, unless the settle time is given.
func TestSettleGrows(t *testing.T) {
	var responses []dnscache.Response
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range 1000 {
		responses = append(responses, dnscache.Response{
			TimeNs: begin.UnixNano() + int64(i)*int64(25*time.Minute), Client: netip.MustParseAddr("10.0.0.1"), Name: []byte(subject), Type: 1,
			Addrs: []dnscache.Addr{{Addr: netip.AddrFrom4([4]byte{198, 51, 100, byte(rnd.IntN(20))}), TTL: 60}},
		})
	}
	life, err := Of(t.Context(), sourceOf(responses), dnscache.Query{Name: subject}, Config{})
	if err != nil || len(life.Phases) > manyPhases || life.Settle <= defaultSettle {
		t.Errorf("%d phases by %v, error %v", len(life.Phases), life.Settle, err)
	}
	life, err = Of(t.Context(), sourceOf(responses), dnscache.Query{Name: subject}, Config{Settle: time.Minute})
	if err != nil || len(life.Phases) < 500 || life.Settle != time.Minute {
		t.Errorf("%d phases by %v, error %v", len(life.Phases), life.Settle, err)
	}
}
