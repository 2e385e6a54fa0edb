package visibility

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flowname/correlate"
	"flowname/dnscache"
	"flowname/flows"
)

// A statusCase is a case of testdata/statuses.txt.
type statusCase struct {
	t     *testing.T
	where string // line and title
	cfg   Config
	cache *dnscache.Cache
	table *Table
	at    int64
	seen  [NumStatuses]bool
}

// begin opens cache and table, once resolvers and forwarders are known.
func (c *statusCase) begin() {
	if c.table != nil {
		return
	}
	cache, err := dnscache.Open(dnscache.Config{Seed: 1, Forwarders: c.cfg.Forwarders})
	if err != nil {
		c.t.Fatal(err)
	}
	c.cache = cache
	c.cfg.Inside, c.cfg.Room, c.cfg.Seed = &correlate.Inside{Cache: cache}, NewRoom(100), 1
	c.table = New(c.cfg)
}

// do does what a line says.
func (c *statusCase) do(fields []string) {
	switch fields[0] {
	case "resolver":
		c.cfg.Resolvers = append(c.cfg.Resolvers, host(fields[1]))
	case "forwarder":
		c.cfg.Forwarders = append(c.cfg.Forwarders, host(fields[1]))
	case "dns":
		c.begin()
		c.dns(fields[1:])
	case "flows":
		c.begin()
		c.flows(fields[1:])
	case "want":
		c.begin()
		c.want(netip.MustParseAddr(fields[1]), fields[2], strings.Join(fields[3:], " "))
	default:
		c.t.Fatalf("%s: %q is no line of a case", c.where, fields)
	}
}

func host(text string) netip.Prefix {
	a := netip.MustParseAddr(text)
	return netip.PrefixFrom(a, a.BitLen())
}

func (c *statusCase) dns(fields []string) {
	client := netip.MustParseAddr(fields[0])
	after, err := strconv.Atoi(fields[1])
	if err != nil {
		c.t.Fatal(err)
	}
	r := dnscache.Response{
		TimeNs: t0 + int64(after)*second, Client: client, Source: dnscache.SourcePackets, Name: []byte("a.example"),
		QuestionOnly: slices.Contains(fields, "asked"),
	}
	if i := slices.Index(fields, "by"); i > 0 {
		r.Client, r.Subnet = netip.MustParseAddr(fields[i+1]), host(fields[0])
	}
	c.cache.File(&r, t0)
}

func (c *statusCase) flows(fields []string) {
	n, err := strconv.Atoi(fields[0])
	if err != nil {
		c.t.Fatal(err)
	}
	port, err := strconv.Atoi(fields[3])
	if err != nil {
		c.t.Fatal(err)
	}
	for range n {
		f := tcp(netip.MustParseAddr(fields[1]), netip.MustParseAddr(fields[2]), t0+c.at*second)
		c.at++
		f.DstPort = uint16(port)
		if fields[4] == "udp" {
			f.Proto, f.TCPFlags = flows.ProtoUDP, 0
		}
		f.Unnamed = correlate.ClientUnseen
		for _, b := range correlate.Bases() {
			if b.String() == fields[5] {
				named(f, b)
			}
		}
		for _, reason := range correlate.Reasons() {
			if reason.String() == fields[5] {
				f.Unnamed = reason
			}
		}
		if fields[5] == "reply" {
			f.SrcPort, f.DstPort = f.DstPort, f.SrcPort
		}
		doh := false
		for _, more := range fields[6:] {
			if doh = more == "doh"; !doh {
				flags, err := strconv.ParseUint(more, 0, 16)
				if err != nil {
					c.t.Fatal(err)
				}
				f.TCPFlags = uint16(flags)
			}
		}
		c.table.Flow(f, doh)
	}
}

func (c *statusCase) want(client netip.Addr, status, why string) {
	rows, _ := c.table.AppendRows(nil, Part{}, 0)
	got := "none"
	for i := range rows {
		if r := &rows[i]; r.Client == client {
			r.Sight = c.table.SightOf(client)
			j := Judge{Resolvers: c.cfg.Resolvers, Forwarders: c.cfg.Forwarders}
			s := j.Of(r)
			got = strings.TrimSpace(fmt.Sprintf("%s %s", s, j.Why(r, s)))
			c.seen[s] = true
		}
	}
	if want := strings.TrimSpace(status + " " + why); got != want {
		c.t.Errorf("%s: %v is %q, want %q", c.where, client, got, want)
	}
}

// TestStatuses reads clients' lives and asks for the status of each.
func TestStatuses(t *testing.T) {
	text, err := os.ReadFile("testdata/statuses.txt")
	if err != nil {
		t.Fatal(err)
	}
	var seen [NumStatuses]bool
	c := &statusCase{t: t}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "#":
		case fields[0] == "case":
			c = &statusCase{t: t, seen: c.seen, where: fmt.Sprintf("line %d: %s", n, strings.TrimSpace(line))}
		default:
			c.do(fields)
		}
	}
	if seen = c.seen; slices.Contains(seen[:], false) {
		t.Errorf("not every status has a case: %v of %v", seen, Statuses())
	}
}
