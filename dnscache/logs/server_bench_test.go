package logs

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"flowname/dnscache"
)

// A serverLog is lines of a DNS server's log as they come most often.
type serverLog struct {
	name, format string
	lines        []string
}

func serverLogs(t testing.TB) []serverLog {
	msg := packAnswer(t, "www.site.example. A", "www.site.example. 60 IN CNAME cdn.example.", "cdn.example. 30 IN A 198.51.100.1", "cdn.example. 30 IN A 198.51.100.2")
	return []serverLog{
		{"bind", "bind", []string{"23-Nov-2026 17:17:06.577 queries: info: client @0x7f0c338fb098 192.0.2.7#35587 (www.site.example): query: www.site.example IN A +E(0)K (192.0.2.53)"}},
		{"unbound", "unbound", []string{"[1795454195] unbound[24680:0] reply: 192.0.2.7 www.site.example. A IN NOERROR 0.000480 0 72"}},
		{"dnsmasq-extra", "dnsmasq", []string{
			"Nov 23 17:17:06 dnsmasq[77]: 8 192.0.2.7/53047 query[A] www.site.example from 192.0.2.7",
			"Nov 23 17:17:06 dnsmasq[77]: 8 192.0.2.7/53047 forwarded www.site.example to 192.0.2.53",
			"Nov 23 17:17:06 dnsmasq[77]: 8 192.0.2.7/53047 reply www.site.example is <CNAME>",
			"Nov 23 17:17:06 dnsmasq[77]: 8 192.0.2.7/53047 reply cdn.example is 198.51.100.2",
		}},
		{"dnsmasq-plain", "dnsmasq", []string{
			"Nov 23 17:17:06 dnsmasq[77]: query[A] www.site.example from 192.0.2.7",
			"Nov 23 17:17:06 dnsmasq[77]: forwarded www.site.example to 192.0.2.53",
			"Nov 23 17:17:06 dnsmasq[77]: reply www.site.example is <CNAME>",
			"Nov 23 17:17:06 dnsmasq[77]: reply cdn.example is 198.51.100.2",
		}},
		{"coredns", "coredns", []string{`2026-11-23T17:17:06.500000000Z stdout F [INFO] 192.0.2.7:60887 - 40038 "A IN www.site.example. udp 41 false 1232" NOERROR qr,aa,rd 58 0.000332193s`}},
		{"infoblox", "infoblox", []string{"<30>Nov 23 17:17:06 ns1 named[4711]: 23-Nov-2026 17:17:06.329 client 192.0.2.7#61568: UDP: query: www.site.example IN A response: NOERROR + " +
			"www.site.example. 60 IN CNAME cdn.example.; cdn.example. 30 IN A 198.51.100.1; cdn.example. 30 IN A 198.51.100.2;"}},
		{"windows-debug", "windows-dns-debug", []string{strings.TrimSpace(debugResponse)}},
		{"windows-details", "windows-dns-debug", strings.Split(strings.TrimSpace(debugResponse+debugBlock("(3)www(4)Site(7)example(0)",
			"[C00C](3)www(4)Site(7)example(0) CNAME 60 (3)cdn(7)example(0)", "(3)cdn(7)example(0) A 30 198.51.100.1")), "\n")},
		{"adguard-home", "adguard-home", []string{`{"T":"2026-11-23T17:17:06.5Z","QH":"www.site.example","QT":"A","QC":"IN","CP":"","Upstream":"https://dns.example/dns-query","Answer":"` +
			base64.StdEncoding.EncodeToString(msg) + `","IP":"192.0.2.7","Result":{},"Elapsed":480000}`}},
		{"windows-json", "windows-dns-analytic", []string{`{"@timestamp":"2026-11-23T17:17:06.496Z","winlog":{"channel":"16","event_data":{"TCP":"0","InterfaceIP":"192.0.2.53","Destination":"192.0.2.7","QNAME":"www.site.example.","QTYPE":"1","XID":"21223","RCODE":"0","PacketData":"` +
			fmt.Sprintf("0x%X", msg) + `","GUID":"{00000000-0000-0000-0000-000000000000}"}},"event":{"code":"257","provider":"Microsoft-Windows-DNSServer"}}`}},
		{"windows-xml", "windows-dns-analytic", []string{"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>257</EventID><TimeCreated SystemTime='2026-11-23T17:17:06.496Z'/></System>" +
			"<EventData><Data Name='TCP'>0</Data><Data Name='InterfaceIP'>192.0.2.53</Data><Data Name='Destination'>192.0.2.7</Data><Data Name='QNAME'>www.site.example.</Data><Data Name='QTYPE'>1</Data><Data Name='PacketData'>" +
			fmt.Sprintf("%X", msg) + "</Data></EventData></Event>"}},
	}
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
	for _, c := range serverLogs(t) {
		r, lines, _ := lineReader(c.format, c.lines)
		n := testing.AllocsPerRun(100, func() {
			for _, line := range lines {
				r.Line(line)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
		if s := r.Stats(); s.ByReason[Used] == 0 || s.Responses == 0 {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

func BenchmarkServerLines(b *testing.B) {
	for _, c := range serverLogs(b) {
		b.Run(c.name, func(b *testing.B) {
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
