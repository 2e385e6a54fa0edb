package logs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// debugBlock is a block of details of a response to a question with records of
// "OWNER TYPE TTL DATA".
func debugBlock(name string, records ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "UDP response info at 00000272D98DD0B0\n  Socket = 736\n  Remote addr 192.0.2.7, port 50683\n  Message:\n    XID       0x25ea\n      RCODE     0 (NOERROR)\n"+
		"    QUESTION SECTION:\n    Offset = 0x000c, RR count = 0\n    Name      \"%s\"\n      QTYPE   A (1)\n      QCLASS  1\n    ANSWER SECTION:\n", name)
	for _, r := range records {
		f := strings.SplitN(r, " ", 4)
		fmt.Fprintf(&b, "    Offset = 0x001d, RR count = 0\n    Name      \"%s\"\n      TYPE   %s  (1)\n      CLASS  1\n      TTL    %s\n      DLEN   4\n      DATA   %s\n", f[0], f[1], f[2], f[3])
	}
	b.WriteString("    AUTHORITY SECTION:\n      empty\n    ADDITIONAL SECTION:\n      empty\n\n")
	return b.String()
}

const debugResponse = "11/23/2026 5:17:06 PM 0F3C PACKET  00000272D98DD0B0 UDP Snd 192.0.2.7       25ea R Q [8081   DR  NOERROR] A      (3)www(4)Site(7)example(0)\n"

// usedIn counts how many lines were used, and says that no other was refused.
func usedIn(t *testing.T, p *tape) uint64 {
	t.Helper()
	for _, r := range Reasons()[1:] {
		if n := p.Stats().ByReason[r]; n > 0 {
			t.Errorf("%d lines are %v", n, r)
		}
	}
	return p.Stats().ByReason[Used]
}

func TestWindowsDebug(t *testing.T) {
	const at = "2026-11-23T17:17:06 192.0.2.7 "
	testLogs(t, "windows-dns-debug", reference, []logCase{
		{"response", debugResponse, []string{at + "www.site.example 1 ?"}, "used"},
		{"failure", "11/23/2026 5:17:06 PM 0F3C PACKET  00000272D98DD0B0 UDP Snd 2001:db8::7     25eb R Q [8381   DR NXDOMAIN] AAAA   (2)no(7)example(0)",
			[]string{"2026-11-23T17:17:06 2001:db8::7 no.example 28 ? rcode=3"}, "used"},
		{"a query", "11/23/2026 5:17:06 PM 0F3C PACKET  00000272D98DD0B0 TCP Rcv 192.0.2.7       25ea   Q [0001   D   NOERROR] A      (3)www(7)example(0)",
			[]string{at + "www.example 1 ?"}, "used"},
		{"the root, without a packet's number", "20261123 17:17:06 4C8 PACKET UDP Snd 192.0.2.7       25ea R Q [8081   DR  NOERROR] NS     (0)",
			[]string{at + ". 2 ?"}, "used"},
		{"its own queries", "11/23/2026 5:17:06 PM 0F3C PACKET  00000272D98DD0B0 UDP Snd 192.0.2.53      0001   Q [0001   D   NOERROR] A      (3)www(7)example(0)\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  00000272D98DD0B0 UDP Rcv 192.0.2.53      0001 R Q [8081   DR  NOERROR] A      (3)www(7)example(0)", nil, "passed passed"},
		{"an update", "11/23/2026 5:17:06 PM 0F3C PACKET  00000272D98DD0B0 UDP Rcv 192.0.2.7       25ea   U [0028       NOERROR] SOA    (7)example(0)", nil, "passed"},
		{"other lines", "DNS Server log file creation at 11/23/2026 5:17:06 PM\nMessage logging key (for packets):\n\tField #  Information\n11/23/2026 5:17:06 PM 0F3C EVENT   The DNS server has started.", nil, "passed passed passed passed"},

		{"a name with odd octets", "11/23/2026 5:17:06 PM 0F3C PACKET  00000272D98DD0B0 UDP Snd 192.0.2.7       25ea R Q [8081   DR  NOERROR] A      (10)a] b.(3)c\\(7)example(0)",
			[]string{at + `a]\032b\.(3)c\\.example 1 ?`}, "used"},
		{"lengths that lie", "11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      (4)www(7)example(0)\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      (3)www(7)example\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      (99)www(0)\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      (3)www(0)x\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      [C00C(3)www(0)\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      " + strings.Repeat("(63)"+strings.Repeat("a", 63), 4) + "(0)",
			nil, "bad_name bad_name bad_name bad_name bad_name bad_name"},
		{"columns", "11/23/2026 5:17:06 PM 0F3C PACKET  0 XXX Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      (3)www(0)\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Xyz 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      (3)www(0)\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  FINE] A      (3)www(0)\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd here 25ea R Q [8081   DR  NOERROR] A      (3)www(0)\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR\n" +
			"11/23/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A\n" +
			"31/31/2026 5:17:06 PM 0F3C PACKET  0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      (3)www(0)",
			nil, "bad_columns bad_columns bad_columns bad_client torn torn bad_time"},
		{"another log", "hello\n1700000000.1 x y\nUDP", nil, "not_the_format not_the_format not_the_format"},
	})
}

func TestWindowsDetails(t *testing.T) {
	const at, name = "2026-11-23T17:17:06 192.0.2.7 www.site.example", "(3)www(4)Site(7)example(0)"
	for _, c := range []struct {
		name, text string
		want       []string
		used       uint64
	}{
		{"addresses", debugResponse + debugBlock(name, "[C00C](3)www(4)Site(7)example(0) A 300 198.51.100.1", "[C00C](3)www(4)Site(7)example(0) A 60 198.51.100.2"),
			[]string{at + " 1 198.51.100.1/300 198.51.100.2/60"}, 9},
		{"chain backwards", debugResponse + debugBlock(name, "(1)c(7)example(0) A 300 198.51.100.1", "(1)b(7)example(0) CNAME 30 [C02B](1)c[C019](7)example(0)", "[C00C](3)www(4)Site(7)example(0) CNAME 60 (1)b(7)example(0)", "(4)bank(7)example(0) A 9 203.0.113.9"),
			[]string{at + ">c.example 1 198.51.100.1/30"}, 17},
		{"no answers", debugResponse + debugBlock(name), []string{at + " 1"}, 1},
		{"two", debugResponse + debugBlock(name, name+" A 300 198.51.100.1") + strings.ReplaceAll(debugResponse, " A  ", " AAAA  ") + debugBlock(name, name+" AAAA 300 2001:db8::1"),
			[]string{at + " 1 198.51.100.1/300", at + " 28 2001:db8::1/300"}, 10},
		{"then without details", debugResponse + debugBlock(name, name+" A 300 198.51.100.1") + debugResponse, []string{at + " 1 198.51.100.1/300", at + " 1 ?"}, 6},
		{"a query's block", strings.Replace(strings.Replace(debugResponse, "Snd", "Rcv", 1), " R Q", "   Q", 1) + debugBlock(name), []string{at + " 1 ?"}, 1},
		{"HTTPS", strings.Replace(debugResponse, " A  ", " HTTPS ", 1) + debugBlock(name, name+" HTTPS 300 x"), []string{at + " 65 ?"}, 5},
		{"text", strings.Replace(debugResponse, " A  ", " TXT ", 1) + debugBlock(name, name+" TXT 300 198.51.100.1"), []string{at + " 16"}, 5},
		{"a failure", strings.Replace(debugResponse, "NOERROR", "SERVFAIL", 1) + debugBlock(name, name+" A 300 198.51.100.1"), []string{at + " 1 rcode=2"}, 5},
		{"torn", debugResponse + strings.Split(debugBlock(name, name+" A 300 198.51.100.1", name+" A 300 198.51.100.2"), "AUTHORITY")[0], []string{at + " 1 198.51.100.1/300 198.51.100.2/300"}, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newTape(t, "windows-dns-debug", reference)
			p.read(c.text)
			if diff := cmp.Diff(c.want, p.evidence); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", c.text, diff)
			}
			if n := usedIn(t, p); n != c.used {
				t.Errorf("%d lines used, want %d: %q", n, c.used, p.reasons)
			}
		})
	}
}

func TestWindowsDetailsRefused(t *testing.T) {
	const at, name = "2026-11-23T17:17:06 192.0.2.7 www.site.example", "(3)www(4)Site(7)example(0)"
	for _, c := range []struct {
		name, text string
		reason     Reason
		want       []string
	}{
		{"of another question", debugResponse + debugBlock("(4)bank(7)example(0)", "(4)bank(7)example(0) A 300 203.0.113.9"), BadName, []string{at + " 1 ?"}},
		{"a question without quotes", debugResponse + strings.Replace(debugBlock(name, name+" A 300 203.0.113.9"), `"`, "", 1), BadName, []string{at + " 1 ?"}},
		{"a TTL that is none", debugResponse + debugBlock(name, name+" A x 198.51.100.1"), BadSyntax, []string{at + " 1 198.51.100.1/0"}},
		{"data without an owner", debugResponse + strings.Replace(debugBlock(name, name+" A 1 203.0.113.9"), "    ANSWER SECTION:\n    Offset = 0x001d, RR count = 0\n    Name ", "    ANSWER SECTION:\n    Other ", 1), BadSyntax, []string{at + " 1"}},
		{"too long", debugResponse + strings.Replace(debugBlock(name, name+" A 1 198.51.100.1"), "    Offset", strings.Repeat("    "+strings.Repeat("x", 1000)+"\n", 200)+"    Offset", 1), Full, []string{at + " 1 ?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newTape(t, "windows-dns-debug", reference)
			p.read(c.text)
			if diff := cmp.Diff(c.want, p.evidence); diff != "" || p.Stats().ByReason[c.reason] == 0 {
				t.Errorf("%v\n(-want +got):\n%s", p.Stats().ByReason, diff)
			}
		})
	}
}

// TestWindowsDates: what stands for the time is that of the server's locale.
func TestWindowsDates(t *testing.T) {
	for _, c := range []struct {
		times []string
		want  string // of the last
	}{
		{[]string{"11/23/2026 5:17:06 PM"}, "2026-11-23T17:17:06"},
		{[]string{"11/23/2026 12:17:06 AM"}, "2026-11-23T00:17:06"},
		{[]string{"11/23/2026 12:17:06 PM"}, "2026-11-23T12:17:06"},
		{[]string{"11/23/2026 5:17:06 p.m."}, "2026-11-23T17:17:06"},
		{[]string{"23/11/2026 17:17:06"}, "2026-11-23T17:17:06"},
		{[]string{"23.11.2026 17:17:06"}, "2026-11-23T17:17:06"},
		{[]string{"3.2.2026 7:17:06"}, "2026-02-03T07:17:06"},
		{[]string{"23-11-2026 17:17:06"}, "2026-11-23T17:17:06"},
		{[]string{"2026-11-23 17:17:06"}, "2026-11-23T17:17:06"},
		{[]string{"2026/11/23 17:17:06"}, "2026-11-23T17:17:06"},
		{[]string{"23-11-2026 17.17.06"}, "2026-11-23T17:17:06"},
		{[]string{"20261123 17:17:06"}, "2026-11-23T17:17:06"},
		{[]string{"23/11/26 17:17:06"}, "2026-11-23T17:17:06"},
		// Either could be the month.
		{[]string{"3/2/2026 5:17:06 PM"}, "2026-03-02T17:17:06"},
		{[]string{"3/2/2026 17:17:06"}, "2026-02-03T17:17:06"},
		{[]string{"25/1/2026 5:17:06 PM", "3/2/2026 5:17:06 PM"}, "2026-02-03T17:17:06"},
		{[]string{"1/25/2026 17:17:06", "3/2/2026 17:17:06"}, "2026-03-02T17:17:06"},
		// Nothing was written after the reference.
		{[]string{"11/12/2026 17:17:06"}, "2026-11-12T17:17:06"},
		{[]string{"12/11/2026 5:17:06 PM"}, "2026-11-12T17:17:06"},
		// These are no times.
		{[]string{"13/13/2026 17:17:06"}, ""},
		{[]string{"11/23/2026 13:17:06 PM"}, ""},
		{[]string{"11/23/2026 5:67:06 PM"}, ""},
		{[]string{"11/23.2026 5:17:06 PM"}, ""},
		{[]string{"11/23 5:17:06 PM"}, ""},
		{[]string{"30.2.2026 5:17:06"}, ""},
		{[]string{"23/11/1926 17:17:06"}, ""},
		{[]string{"11/23/2026 5:17 PM"}, ""},
		{[]string{"20261323 17:17:06"}, ""},
	} {
		p := newTape(t, "windows-dns-debug", reference)
		for _, at := range c.times {
			p.evidence = nil
			p.read(strings.Replace(debugResponse, "11/23/2026 5:17:06 PM", at, 1))
		}
		switch {
		case c.want == "":
			if p.Stats().ByReason[BadTime] != 1 {
				t.Errorf("%q: %v", c.times, p.reasons)
			}
		case len(p.evidence) != 1 || !strings.HasPrefix(p.evidence[0], c.want+" "):
			t.Errorf("%q: got %q, %q, want %s", c.times, p.evidence, p.reasons, c.want)
		}
	}
	p := newTape(t, "windows-dns-debug", Config{Location: time.FixedZone("", 3600)})
	p.read("DNS Server log file creation at 25/1/2026 5:17:06 PM\n" + strings.Replace(debugResponse, "11/23", "3/2", 1))
	if len(p.evidence) != 1 || !strings.HasPrefix(p.evidence[0], "2026-02-03T16:17:06 ") {
		t.Errorf("with a zone and a first line that tells: %q", p.evidence)
	}
}

// TestWindowsDebugState goes on in another Reader behind every line.
func TestWindowsDebugState(t *testing.T) {
	const name = "(3)www(4)Site(7)example(0)"
	text := "DNS Server log file creation at 23/1/2026 5:17:06 PM\n" + strings.Replace(debugResponse, "11/23", "3/2", 1) +
		strings.TrimRight(debugBlock(name, name+" A 300 198.51.100.1", name+" A 300 198.51.100.2"), "\n") + "\n" + strings.Replace(debugResponse, "11/23", "3/2", 1)
	whole := newTape(t, "windows-dns-debug", reference)
	whole.read(text)
	p := newTape(t, "windows-dns-debug", reference)
	var evidence []string
	for line := range strings.Lines(text) {
		next := newTape(t, "windows-dns-debug", reference)
		if err := next.Restore(p.AppendState(nil)); err != nil {
			t.Fatal(err)
		}
		p = next
		p.Line([]byte(strings.TrimSuffix(line, "\n")))
		evidence = append(evidence, p.evidence...)
		p.evidence = nil
	}
	p.Flush()
	evidence = append(evidence, p.evidence...)
	want := []string{"2026-02-03T17:17:06 192.0.2.7 www.site.example 1 198.51.100.1/300 198.51.100.2/300", "2026-02-03T17:17:06 192.0.2.7 www.site.example 1 ?"}
	if diff := cmp.Diff(want, whole.evidence); diff != "" {
		t.Errorf("whole (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, evidence); diff != "" {
		t.Errorf("in pieces (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "w", "w0", "x0\n", "w9\n", "w0\nhello\n", "w0\n\n"} {
		if p.Restore([]byte(bad)) == nil {
			t.Errorf("state %q is taken", bad)
		}
	}
}

func TestWindowsDebugCorpus(t *testing.T) {
	p := readSample(t, "windows-dns-debug", "msdns/dns_debug_crafted.log", reference)
	want := []string{"2026-11-23T17:17:06 10.20.0.11 www.example 1 ?", "2026-11-23T17:17:06 10.20.0.11 www.example 1 ?", "2026-11-23T17:17:07 10.20.0.11 nope.example 1 ? rcode=3"}
	if diff := cmp.Diff(want, p.evidence); diff != "" {
		t.Errorf("plain (-want +got):\n%s", diff)
	}
	usedIn(t, p)
	p = readSample(t, "windows-dns-debug", "msdns/dns_debug_details_crafted.log", reference)
	want = []string{"2026-11-23T17:17:06 10.20.0.11 www.example 1 192.0.2.1/300 192.0.2.2/300"}
	if diff := cmp.Diff(want, p.evidence); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
	usedIn(t, p)
}
