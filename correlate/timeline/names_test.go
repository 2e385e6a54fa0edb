package timeline

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"flowname/dnscache"
)

func TestNamesOfAnAddress(t *testing.T) {
	addr, other := netip.MustParseAddr("203.0.113.31"), netip.MustParseAddr("203.0.113.99")
	alice, bob := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	cache := file(t, nil)
	now := time.Now().UnixNano()
	tell := func(day, clock, name string, client netip.Addr, addrs ...netip.Addr) {
		r := dnscache.Response{TimeNs: at(t, day, clock), Client: client, Name: []byte(name), Source: dnscache.SourceDnstap, Type: 1}
		for _, a := range addrs {
			r.Addrs = append(r.Addrs, dnscache.Addr{Addr: a, TTL: 60})
		}
		cache.File(&r, now)
	}
	tell("01", "10:00:00", "moves.example", alice, addr)
	tell("02", "10:00:00", "moves.example", bob, addr, other) // still there, with another beside
	tell("03", "10:00:00", "moves.example", alice, other)
	tell("04", "10:00:00", "moves.example", alice) // nowhere
	tell("05", "10:00:00", "moves.example", netip.Addr{}, addr)
	tell("05", "11:00:00", "moves.example", bob, addr)
	tell("02", "09:00:00", "once.example", bob, addr)
	tell("01", "08:00:00", "other.example", bob, other)
	connect := func(day, name string) {
		cache.FileConnection(&dnscache.Connection{TimeNs: at(t, day, "12:00:00"), Client: alice, Server: addr, Name: []byte(name), Source: dnscache.SourceZeekSSL}, now)
	}
	connect("01", "only.connected.example")
	connect("03", "only.connected.example")
	connect("09", "once.example")
	got, leftOut, err := Names(t.Context(), cache, dnscache.Query{Addr: addr}, Config{})
	if err != nil || leftOut != 0 {
		t.Fatal(leftOut, err)
	}
	day := func(ns int64) int { return int((ns-begin.UnixNano())/int64(24*time.Hour)) + 1 }
	var all []string
	for _, n := range got {
		text := fmt.Sprintf("%s %v %d-%d %d answers %d clients first %v %d connections:", n.Name, n.State, day(n.FirstNs), day(n.LastNs), n.Count, n.ClientCount, n.FirstClient, n.Connections)
		for _, x := range n.Times {
			text += fmt.Sprintf(" %d-%d x%d", day(x.FirstNs), day(x.LastNs), x.Count)
		}
		all = append(all, text)
	}
	want := []string{
		"moves.example live 1-5 4 answers 2 clients first 10.0.0.1 0 connections: 1-2 x2 5-5 x2",
		"only.connected.example live 1-3 0 answers 0 clients first invalid IP 2 connections: 1-3 x0",
		"once.example live 2-2 1 answers 1 clients first 10.0.0.2 1 connections: 2-2 x1",
	}
	if !slices.Equal(all, want) {
		t.Errorf("got\n%q\nwant\n%q", all, want)
	}
}

// failing is a history that fails at its n-th reading.
type failing struct {
	Source
	n *int
}

func (f failing) Runs(ctx context.Context, q dnscache.Query, yield func(*dnscache.Run) bool) error {
	if *f.n--; *f.n == 0 {
		return errors.New("torn")
	}
	return f.Source.Runs(ctx, q, yield)
}

func TestFailingHistory(t *testing.T) {
	c := readLife(t, "testdata/filtered_for_one.life") // which is read three times
	cache := file(t, c.responses)
	for i := 1; i <= 3; i++ {
		n := i
		if _, err := Of(t.Context(), failing{cache, &n}, dnscache.Query{Name: subject}, c.cfg); err == nil || n != 0 {
			t.Errorf("reading %d fails: error %v", i, err)
		}
	}
	addr := netip.MustParseAddr("198.51.100.1")
	for i := 1; i <= 2; i++ {
		n := i
		if _, _, err := Names(t.Context(), failing{cache, &n}, dnscache.Query{Addr: addr}, c.cfg); err == nil {
			t.Errorf("reading %d fails: no error", i)
		}
	}
	life, err := Of(t.Context(), cache, dnscache.Query{Name: "unheard.example"}, Config{})
	if err != nil || len(life.Phases) != 0 {
		t.Errorf("got %+v, error %v", life, err)
	}
}
