package dnscache

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// historyOf writes rows as "name addr client first-last xcount".
func historyOf(t *testing.T, h historian, q Query) string {
	t.Helper()
	var b strings.Builder
	for _, r := range rowsOf(t, h, q) {
		fmt.Fprintf(&b, "%s %v %v %g-%g x%d\n", r.Name, r.Addr, r.Client,
			float64(r.FirstNs-t0)/1e9, float64(r.LastNs-t0)/1e9, r.Count)
	}
	return b.String()
}

func fileHistory(c *Cache) {
	six := netip.MustParseAddr("2001:db8::1")
	answer(c, alice, t0, "www.example.org", server, other)
	answer(c, alice, t0+ms, "www.example.org", six)
	answer(c, alice, t0+100*sec, "shop.example.net", server)
	answer(c, bob, t0+50*sec, "www.example.org", server)
	answer(c, alice, t0+200*sec, "www.example.org", other)
	answer(c, netip.Addr{}, t0+10*sec, "example.org", server)
	answer(c, alice, t0+20*sec, `a\.b.example.org`, netip.IPv4Unspecified())
	answer(c, alice, t0+30*sec, "badexample.org", server)
}

// historyCases are questions about what fileHistory has filed.
func historyCases() []historyCase {
	const any = "invalid IP"
	return []historyCase{
		{"address", Query{Addr: server}, []string{
			"example.org 192.0.2.1 " + any + " 10-10 x1",
			"badexample.org 192.0.2.1 10.0.0.1 30-30 x1",
			"shop.example.net 192.0.2.1 10.0.0.1 100-100 x1",
			"www.example.org 192.0.2.1 10.0.0.1 0-0 x1",
			"www.example.org 192.0.2.1 2001:db8::b 50-50 x1",
		}},
		{"address, client, then", Query{Addr: server, Client: alice, AtNs: t0 + 20*sec}, []string{
			"www.example.org 192.0.2.1 10.0.0.1 0-0 x1",
		}},
		{"address, client, later", Query{Addr: server, Client: alice, AtNs: t0 + 150*sec}, []string{
			"shop.example.net 192.0.2.1 10.0.0.1 100-100 x1",
		}},
		{"address, client, before all", Query{Addr: server, Client: alice, AtNs: t0 - 1}, nil},
		{"address, each client", Query{Addr: server, AtNs: t0 + 60*sec}, []string{
			"example.org 192.0.2.1 " + any + " 10-10 x1",
			"badexample.org 192.0.2.1 10.0.0.1 30-30 x1",
			"www.example.org 192.0.2.1 2001:db8::b 50-50 x1",
		}},
		{"address, range", Query{Addr: other, FromNs: t0 + 1, ToNs: t0 + 200*sec}, []string{
			"www.example.org 198.51.100.7 10.0.0.1 200-200 x1",
		}},
		{"name", Query{Name: "WWW.example.org."}, []string{
			"www.example.org 192.0.2.1 10.0.0.1 0-0 x1",
			"www.example.org 198.51.100.7 10.0.0.1 0-200 x2",
			"www.example.org 2001:db8::1 10.0.0.1 0.001-0.001 x1",
			"www.example.org 192.0.2.1 2001:db8::b 50-50 x1",
		}},
		{"name, all addresses of the newest answers", Query{Name: "www.example.org", Client: alice, AtNs: t0 + 60*sec}, []string{
			"www.example.org 192.0.2.1 10.0.0.1 0-0 x1",
			"www.example.org 198.51.100.7 10.0.0.1 0-0 x1",
			"www.example.org 2001:db8::1 10.0.0.1 0.001-0.001 x1",
		}},
		{"name, then fewer", Query{Name: "www.example.org", Client: alice, AtNs: t0 + 300*sec}, []string{
			"www.example.org 198.51.100.7 10.0.0.1 0-200 x2",
			"www.example.org 2001:db8::1 10.0.0.1 0.001-0.001 x1",
		}},
		{"domain", Query{Name: "*.Example.ORG", ToNs: t0 + 40*sec, FromNs: t0 + sec}, []string{
			"example.org 192.0.2.1 " + any + " 10-10 x1",
			`a\.b.example.org 0.0.0.0 10.0.0.1 20-20 x1`,
		}},
		{"an escaped dot is no label's end", Query{Name: "*.b.example.org"}, nil},
		{"name and address", Query{Name: "*.net", Addr: server}, []string{
			"shop.example.net 192.0.2.1 10.0.0.1 100-100 x1",
		}},
		{"all, limited", Query{Name: "*.", Limit: 2}, []string{
			"shop.example.net 192.0.2.1 10.0.0.1 100-100 x1",
			"badexample.org 192.0.2.1 10.0.0.1 30-30 x1",
		}},
	}
}

type historyCase struct {
	name string
	q    Query
	want []string
}

func TestHistory(t *testing.T) {
	memory := open(t, Config{})
	fileHistory(memory)
	dir := t.TempDir()
	disk, err := Open(Config{Dir: dir, Retention: 100 * 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	fileHistory(disk)
	check := func(t *testing.T, h historian) {
		for _, tt := range historyCases() {
			t.Run(tt.name, func(t *testing.T) {
				want := strings.Join(append(tt.want, ""), "\n")
				if got := historyOf(t, h, tt.q); got != want {
					t.Errorf("History(%+v)\n got %s\nwant %s", tt.q, got, want)
				}
			})
		}
	}
	t.Run("memory", func(t *testing.T) { check(t, memory) })
	t.Run("disk", func(t *testing.T) { check(t, disk) })
	if err := disk.Close(t0); err != nil {
		t.Fatal(err)
	}
	h, err := OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("closed", func(t *testing.T) { check(t, h) })
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestHistoryRefuses(t *testing.T) {
	c := open(t, Config{})
	for _, q := range []Query{
		{}, {Client: alice}, {Name: "a\x01"}, {Name: strings.Repeat("x", 2000)}, {Addr: server, AtNs: -1},
		{Addr: server, FromNs: -1}, {Addr: server, ToNs: -1}, {Addr: server, Limit: -1},
	} {
		err := c.History(context.Background(), q, func(Row) bool { return true })
		if !errors.Is(err, ErrBadQuery) {
			t.Errorf("History(%+v) = %v, want ErrBadQuery", q, err)
		}
	}
}

func TestHistoryStops(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		c := open(t, Config{Dir: dir, Retention: 100 * 365 * 24 * time.Hour})
		for i := range 2000 {
			answer(c, alice, t0+int64(i)*sec, fmt.Sprintf("n%d.example", i%60), server)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := c.History(ctx, Query{Addr: server}, func(Row) bool { return true }); !errors.Is(err, context.Canceled) {
			t.Errorf("dir %q: cancelled History = %v", dir, err)
		}
		n := 0
		err := c.History(context.Background(), Query{Name: "*.example"}, func(Row) bool { n++; return n < 3 })
		if err != nil || n != 3 {
			t.Errorf("dir %q: History went on to %d rows after it was stopped at 3: %v", dir, n, err)
		}
	}
}
