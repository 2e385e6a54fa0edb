package dnscache

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSightOfClients(t *testing.T) {
	const second = int64(time.Second)
	forwarder, client, other := netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.0.0.8")
	answer := Response{TimeNs: 100*second + 5, Client: client, Source: SourcePackets, Name: []byte("a.example"),
		Addrs: []Addr{{netip.MustParseAddr("198.51.100.1"), 60}}}
	with := func(change func(*Response)) Response { r := answer; change(&r); return r }
	for _, c := range []struct {
		what  string
		filed []Response
		want  Sight
		known bool
	}{
		{"nothing", nil, Sight{}, false},
		{"an answer", []Response{answer}, Sight{Sources: 1 << SourcePackets, AnsweredNs: 100 * second, Direct: true}, true},
		{"an answer that says no", []Response{with(func(r *Response) { r.Addrs, r.RCode = nil, 3 })},
			Sight{Sources: 1 << SourcePackets, AnsweredNs: 100 * second, Direct: true}, true},
		{"a query's header", []Response{with(func(r *Response) { r.Addrs, r.Name = nil, nil })},
			Sight{Sources: 1 << SourcePackets, AskedNs: 100 * second, Direct: true}, true},
		{"a question of a log", []Response{with(func(r *Response) { r.Addrs, r.QuestionOnly, r.Source = nil, true, SourceBIND })},
			Sight{Sources: 1 << SourceBIND, AskedNs: 100 * second, Direct: true}, true},
		{"a forwarder's client subnet", []Response{with(func(r *Response) { r.Client, r.Subnet = forwarder, netip.PrefixFrom(client, 32) })},
			Sight{Sources: 1 << SourcePackets, AnsweredNs: 100 * second, Forwarded: true}, true},
		{"what a forwarder asks for nobody", []Response{with(func(r *Response) { r.Client = forwarder })}, Sight{}, false},
		{"another's", []Response{with(func(r *Response) { r.Client = other })}, Sight{}, false},
		{"two sources, the older one last", []Response{with(func(r *Response) { r.Source, r.TimeNs = SourceDnstap, 300*second }), answer},
			Sight{Sources: 1<<SourcePackets | 1<<SourceDnstap, AnsweredNs: 300 * second, Direct: true}, true},
	} {
		cache, err := Open(Config{Forwarders: []netip.Prefix{netip.PrefixFrom(forwarder, 32)}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.filed {
			cache.File(&c.filed[i], 1000*second)
		}
		got, known := cache.Client(client)
		if diff := cmp.Diff(c.want, got); diff != "" || known != c.known {
			t.Errorf("%s: known %v, want %v; sight (-want +got):\n%s", c.what, known, c.known, diff)
		}
	}
}

func TestSightIsRestored(t *testing.T) {
	client := netip.MustParseAddr("10.0.0.7")
	cache, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	was := Sight{Sources: 1 << SourceDnstap, AnsweredNs: 50e9, AskedNs: 20e9, Direct: true, Forwarded: true}
	cache.RestoreSight(client, was)
	if got, known := cache.Client(client); known {
		t.Errorf("a client that nobody saw is known: %+v", got)
	}
	cache.Saw(client, 30e9)
	cache.RestoreSight(client, was)
	want := Sight{Sources: 1 << SourceDnstap, AnsweredNs: 50e9, AskedNs: 30e9, Direct: true, Forwarded: true}
	if got, _ := cache.Client(client); got != want {
		t.Errorf("restored %+v, want %+v", got, want)
	}
	for _, nobody := range []netip.Addr{{}, netip.MustParseAddr("192.0.2.1")} {
		cache.RestoreSight(nobody, was)
		if got, known := cache.Client(nobody); known || got != (Sight{}) {
			t.Errorf("%v: %+v, known %v", nobody, got, known)
		}
	}
}

func TestSourceSet(t *testing.T) {
	set := SourceSet(1<<SourcePackets | 1<<SourceSysmon)
	want := []Source{SourcePackets, SourceSysmon}
	if got := slices.Collect(set.All()); !slices.Equal(got, want) {
		t.Errorf("sources of the set: %v, want %v", got, want)
	}
	for range set.All() {
		break
	}
	if numSources >= 61 {
		t.Fatal("the sources have reached the signs of a sight")
	}
}

// BenchmarkSaw notes signs of 10,000 clients, which every response does.
func BenchmarkSaw(b *testing.B) {
	cache, err := Open(Config{})
	if err != nil {
		b.Fatal(err)
	}
	clients := make([]ip, 10000)
	for i := range clients {
		clients[i] = ipOf(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		cache.sawClient(clients[i%len(clients)], int64(1e18)+int64(i)*1e4, signDirect|1<<SourcePackets, 1e9)
		i++
	}
}
