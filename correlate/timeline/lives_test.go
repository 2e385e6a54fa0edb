package timeline

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// A case is a file of testdata: what was answered, and the phases that it has.
//
//	# a comment
//	sinkhole 192.0.2.0/24        an entry of the file of sinkholes
//	settle 1m                    the settle time
//	01 10:00:00 alice ANSWER     day and time, client (or - for none), what it was told
//	01 10:00:00 x5 +30m alice A  five times, each half an hour after the one before
//	---
//	STATE FIRST LAST ADDRESSES Nc Na     clients and answers
//
// An ANSWER is addresses, NXDOMAIN, NODATA, SERVFAIL or REFUSED with the question's
// type; ttl=N and cname=NAME may stand behind it.
type lifeCase struct {
	responses []dnscache.Response
	cfg       Config
	want      []string
}

const subject = "c2.example"

var begin = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

func clientNamed(t testing.TB, name string) netip.Addr {
	names := map[string]string{"-": "", "alice": "10.0.0.1", "bob": "10.0.0.2", "carol": "10.0.0.3", "dave": "10.0.0.4"}
	text, ok := names[name]
	if !ok {
		t.Fatalf("who is %q?", name)
	}
	if text == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(text)
}

func readLife(t testing.TB, path string) *lifeCase {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c lifeCase
	told, want, _ := strings.Cut(string(data), "---\n")
	var feed strings.Builder
	for _, line := range strings.Split(told, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0] == "#":
		case words[0] == "sinkhole":
			fmt.Fprintln(&feed, words[1])
		case words[0] == "settle":
			if c.cfg.Settle, err = time.ParseDuration(words[1]); err != nil {
				t.Fatal(err)
			}
		default:
			c.tell(t, words)
		}
	}
	if feed.Len() > 0 {
		var b indicators.Builder
		if _, err := b.Read("sinkholes", strings.NewReader(feed.String())); err != nil {
			t.Fatal(err)
		}
		c.cfg.Sinkholes = b.Set()
	}
	for _, line := range strings.Split(want, "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			c.want = append(c.want, line)
		}
	}
	return &c
}

func at(t testing.TB, day, clock string) int64 {
	at, err := time.Parse("15:04:05", clock)
	d, err2 := strconv.Atoi(day)
	if err != nil || err2 != nil {
		t.Fatal(day, clock, err, err2)
	}
	return begin.AddDate(0, 0, d-1).Add(at.Sub(at.Truncate(24 * time.Hour))).UnixNano()
}

func (c *lifeCase) tell(t testing.TB, words []string) {
	r := dnscache.Response{TimeNs: at(t, words[0], words[1]), Name: []byte(subject), Source: dnscache.SourcePackets, Type: 1}
	words = words[2:]
	times, step := 1, time.Duration(0)
	if words[0][0] == 'x' {
		times, _ = strconv.Atoi(words[0][1:])
		step, _ = time.ParseDuration(words[1][1:])
		words = words[2:]
	}
	r.Client = clientNamed(t, words[0])
	ttl := uint32(60)
	for _, w := range words[1:] {
		codes := map[string]uint16{"NXDOMAIN": 3, "NODATA": 0, "SERVFAIL": 2, "REFUSED": 5}
		types := map[string]uint16{"A": 1, "AAAA": 28, "HTTPS": 65, "MX": 15}
		if code, ok := codes[w]; ok {
			r.RCode = code
		} else if typ, ok := types[w]; ok {
			r.Type = typ
		} else if n, ok := strings.CutPrefix(w, "ttl="); ok {
			x, _ := strconv.Atoi(n)
			ttl = uint32(x)
		} else if name, ok := strings.CutPrefix(w, "cname="); ok {
			r.Canonical = []byte(name)
		} else {
			r.Addrs = append(r.Addrs, dnscache.Addr{Addr: netip.MustParseAddr(w)})
		}
	}
	for i := range r.Addrs {
		r.Addrs[i].TTL = ttl
	}
	for range times {
		c.responses = append(c.responses, r)
		r.TimeNs += int64(step)
	}
}

// phasesOf writes phases as the files have them.
func phasesOf(life *Life) (all []string) {
	clock := func(ns int64) string {
		d := time.Unix(0, ns).UTC()
		return fmt.Sprintf("%02d %s", int(d.Sub(begin)/(24*time.Hour))+1, d.Format("15:04:05"))
	}
	for _, p := range life.Phases {
		state := p.State.String()
		for _, s := range p.Also {
			state += "+" + s.String()
		}
		if p.Rotating {
			state += " rotating"
		}
		var addrs []string
		for _, a := range p.Addresses {
			addrs = append(addrs, a.Addr.String())
		}
		text := fmt.Sprintf("%s %s %s [%s] %dc %da", state, clock(p.FirstNs), clock(p.LastNs), strings.Join(addrs, " "), p.ClientCount, p.Count)
		if p.Beside > 0 {
			text += fmt.Sprintf(" %d beside", p.Beside)
		}
		all = append(all, text)
	}
	return all
}

// file files responses in a history on disk, which nothing leaves.
func file(t testing.TB, responses []dnscache.Response) *dnscache.Cache {
	t.Helper()
	cache, err := dnscache.Open(dnscache.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixNano()
	t.Cleanup(func() { cache.Close(now) })
	for i := range responses {
		cache.File(&responses[i], now)
	}
	return cache
}

func TestLives(t *testing.T) {
	files, err := filepath.Glob("testdata/*.life")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, path := range files {
		c := readLife(t, path)
		life, err := Of(t.Context(), file(t, c.responses), dnscache.Query{Name: subject}, c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, phasesOf(life)); d != "" {
			t.Errorf("%s: -want +got\n%s", filepath.Base(path), d)
		}
	}
}
