package logs

import (
	"testing"

	"flowname/dnscache"
)

// serverLines are lines of DNS servers' logs as they come most often.
var serverLines = []struct {
	format string
	lines  []string
}{
	{"bind", []string{"23-Nov-2026 17:17:06.577 queries: info: client @0x7f0c338fb098 192.0.2.7#35587 (www.site.example): query: www.site.example IN A +E(0)K (192.0.2.53)"}},
	{"unbound", []string{"[1795454195] unbound[24680:0] reply: 192.0.2.7 www.site.example. A IN NOERROR 0.000480 0 72"}},
	{"dnsmasq", []string{
		"Nov 23 17:17:06 dnsmasq[77]: 8 192.0.2.7/53047 query[A] www.site.example from 192.0.2.7",
		"Nov 23 17:17:06 dnsmasq[77]: 8 192.0.2.7/53047 forwarded www.site.example to 192.0.2.53",
		"Nov 23 17:17:06 dnsmasq[77]: 8 192.0.2.7/53047 reply www.site.example is <CNAME>",
		"Nov 23 17:17:06 dnsmasq[77]: 8 192.0.2.7/53047 reply cdn.example is 198.51.100.2",
	}},
	{"dnsmasq", []string{
		"Nov 23 17:17:06 dnsmasq[77]: query[A] www.site.example from 192.0.2.7",
		"Nov 23 17:17:06 dnsmasq[77]: forwarded www.site.example to 192.0.2.53",
		"Nov 23 17:17:06 dnsmasq[77]: reply www.site.example is <CNAME>",
		"Nov 23 17:17:06 dnsmasq[77]: reply cdn.example is 198.51.100.2",
	}},
	{"coredns", []string{`2026-11-23T17:17:06.500000000Z stdout F [INFO] 192.0.2.7:60887 - 40038 "A IN www.site.example. udp 41 false 1232" NOERROR qr,aa,rd 58 0.000332193s`}},
}

// lineReader is a Reader that gives its evidence to nobody, and bytes to give it.
func lineReader(format string, texts []string) (r *Reader, lines [][]byte, size int64) {
	r = NewReader(ByName(format), reference, Sink{
		Response:   func(*dnscache.Response) {},
		Connection: func(*dnscache.Connection) {},
	})
	for _, text := range texts {
		lines = append(lines, []byte(text))
		size += int64(len(text)) + 1
	}
	return r, lines, size
}

func TestServerLinesDoNotAllocate(t *testing.T) {
	for _, c := range serverLines {
		r, lines, _ := lineReader(c.format, c.lines)
		n := testing.AllocsPerRun(100, func() {
			for _, line := range lines {
				r.Line(line)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", c.format, n)
		}
		if s := r.Stats(); s.ByReason[Used] == 0 || s.Responses == 0 {
			t.Errorf("%s: %+v", c.format, s)
		}
	}
}

func BenchmarkServerLines(b *testing.B) {
	for _, c := range serverLines {
		b.Run(c.format, func(b *testing.B) {
			r, lines, size := lineReader(c.format, c.lines)
			b.SetBytes(size)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				for _, line := range lines {
					r.Line(line)
					n++
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
