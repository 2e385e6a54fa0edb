package logs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flowname/dnscache"
)

func TestStream(t *testing.T) {
	const query = "23-Nov-2026 17:16:35.277 queries: info: client @0x7fd9f6830098 127.0.2.11#57690 (n.example): query: n.example IN A +E(0) (127.0.1.8)"
	for _, c := range []struct {
		name        string
		lines       []string
		used, wrong uint64
	}{
		{"at once", []string{query, query}, 2, 0},
		{"behind some noise", append(strings.Split(strings.Repeat("starting\n", 5)+"end", "\n"), query), 1, 6},
		{"behind much noise", append(strings.Split(strings.Repeat("starting\n", 50)+"end", "\n"), query), 1, 51},
		{"behind long noise", append(strings.Split(strings.Repeat(strings.Repeat("x", 20000)+"\n", 5)+"end", "\n"), query), 1, 6},
		{"never", []string{"a", "b"}, 0, 2},
		{"too long", []string{strings.Repeat("x", MaxLine+1), query + "\r"}, 1, 0},
	} {
		n := uint64(0)
		s := NewStream(nil, Config{}, Sink{Response: func(*dnscache.Response) { n++ }})
		for _, line := range c.lines {
			s.Line([]byte(line), 1)
		}
		s.Flush()
		stats := s.Stats()
		if n != c.used || stats.ByReason[Used] != c.used || stats.ByReason[NotTheFormat] != c.wrong || stats.Lines != uint64(len(c.lines)) {
			t.Errorf("%s: %d came, %+v, want %d used and %d wrong", c.name, n, stats, c.used, c.wrong)
		}
		if known := s.Format() != nil; known != (c.used > 0) {
			t.Errorf("%s: format %v", c.name, s.Format())
		}
	}
}

// A stream without years goes on over New Year.
func TestStreamOverNewYear(t *testing.T) {
	var years []int
	s := NewStream(ByName("dnsmasq"), Config{ReferenceNs: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).UnixNano()}, Sink{
		Response: func(r *dnscache.Response) { years = append(years, time.Unix(0, r.TimeNs).UTC().Year()) },
	})
	for serial, at := range []time.Time{
		time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC),
		time.Date(2027, 1, 2, 12, 0, 0, 0, time.UTC),
		time.Date(2027, 12, 31, 12, 0, 0, 0, time.UTC),
	} {
		head := fmt.Sprintf("%s dnsmasq[7]: %d 192.0.2.7/4242 ", at.Format(time.Stamp), serial+1)
		s.Line([]byte(head+"query[A] n.example from 192.0.2.7"), at.UnixNano())
		s.Line([]byte(head+"reply n.example is 198.51.100.1"), at.UnixNano())
	}
	s.Flush()
	seen := map[int]bool{}
	for _, y := range years {
		seen[y] = true
	}
	if len(seen) != 2 || !seen[2026] || !seen[2027] {
		t.Errorf("years %v", years)
	}
}
