package syslog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"flowname/dnscache"
	"flowname/dnscache/logs"
)

var arrival = time.Date(2027, 1, 1, 0, 0, 5, 0, time.UTC)

func TestParse(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		{"<30>Dec 31 23:59:58 ns1 named[42]: client x", "2026-12-31T23:59:58.000000Z ns1 named[42]: client x"},
		{"<30>Jan  1 00:00:04 ns1 named: client x\n", "2027-01-01T00:00:04.000000Z ns1 named: client x"},
		{"<30>Jan  1 00:00:04 dnsmasq[7]: query[A] n from 192.0.2.7\x00", "2027-01-01T00:00:04.000000Z - dnsmasq[7]: query[A] n from 192.0.2.7"},
		{"Jan  1 00:00:04 ns1 named[1]: no priority", "2027-01-01T00:00:04.000000Z ns1 named[1]: no priority"},
		{"<14>Jan  1 00:00:04 PA-VM 1,2027/01/01 00:00:04,0011,THREAT,url", "2027-01-01T00:00:04.000000Z PA-VM 1,2027/01/01 00:00:04,0011,THREAT,url"},
		{"<14>Jan  1 00:00:04 1,2027/01/01 00:00:04,0011,THREAT,url", "2027-01-01T00:00:04.000000Z - 1,2027/01/01 00:00:04,0011,THREAT,url"},
		{"<189>Jan 1 2026 00:00:04 asa1 : %ASA-6-1: text", "2026-01-01T00:00:04.000000Z asa1 : %ASA-6-1: text"},
		{"<189>123: *Jan  1 00:00:04.123: %SYS-5-X: text", "2027-01-01T00:00:04.123000Z - %SYS-5-X: text"},
		{"<189>123: r1: .Jan  1 00:00:04", "123: r1: .Jan  1 00:00:04"},
		{"<189>Jan  1 00:00:04 UTC: %SYS-5-X: text", "2027-01-01T00:00:04.000000Z - %SYS-5-X: text"},
		{"<30>2026-11-23T17:16:35.277+01:00 ns1 unbound[3]: [3:0] info: x", "2026-11-23T17:16:35.277000+01:00 ns1 unbound[3]: [3:0] info: x"},
		{"<189>date=2026-11-23 time=10:00:00 devname=\"f\" type=\"utm\"", "date=2026-11-23 time=10:00:00 devname=\"f\" type=\"utm\""},
		{"<30>1 2026-11-23T17:16:35Z ns1 named 42 - - \xef\xbb\xbfclient x", "2026-11-23T17:16:35.000000Z ns1 named[42]: client x"},
		{`<30>1 2026-11-23T17:16:35Z ns1 app - ID [a@1 x="]\"y"][b@1] text`, "2026-11-23T17:16:35.000000Z ns1 app: text"},
		{"<30>1 - - - - - - text", "2027-01-01T00:00:05.000000Z - text"},
		{"<30>1 2026-11-23T17:16:35Z ns1 app - - [torn", "2026-11-23T17:16:35.000000Z ns1 app - - [torn"},
		{`<30>Jan  1 00:00:04 h app: @cee: {"a":1}`, `2027-01-01T00:00:04.000000Z h app: {"a":1}`},
		{"<30>Feb 31 00:00:04 h app: x", "Feb 31 00:00:04 h app: x"},
		{"<999999>x", "<999999>x"},
		{"<>", "<>"},
		{"<30>", ""},
		{"", ""},
		{"just text", "just text"},
	} {
		m := Parse([]byte(c.message), arrival)
		if got := string(m.AppendLine(nil, arrival)); got != c.want {
			t.Errorf("%q: got\n%s, want\n%s", c.message, got, c.want)
		}
	}
}

// A collected is what a Receiver's sink was given.
type collected struct{ names []string }

func (c *collected) sink() logs.Sink {
	return logs.Sink{
		Response: func(r *dnscache.Response) {
			text := string(r.Name)
			for _, a := range r.Addrs {
				text += " " + a.Addr.String()
			}
			c.names = append(c.names, text)
		},
		Connection: func(x *dnscache.Connection) { c.names = append(c.names, string(x.Name)) },
	}
}

const bindText = "client @0x7fd9f6830098 192.0.2.7#57690 (n%d.example): query: n%d.example IN A +E(0) (127.0.1.8)"

// Programs are told apart by sender, host and name, and each by its own format.
func TestReceiver(t *testing.T) {
	var got collected
	r := NewReceiver(Config{Sink: got.sink()})
	from := netip.MustParseAddr("::ffff:192.0.2.1")
	for _, message := range []string{
		"<30>Jan  1 00:00:04 h named[1]: " + fmt.Sprintf(bindText, 1, 1),
		"<30>Jan  1 00:00:04 h dnsmasq[2]: 5 192.0.2.7/4242 query[A] n2.example from 192.0.2.7",
		"<30>Jan  1 00:00:04 h named[1]: " + fmt.Sprintf(bindText, 3, 3),
		"<30>Jan  1 00:00:04 h cron[9]: ran",
		"<30>Jan  1 00:00:04 h dnsmasq[2]: 5 192.0.2.7/4242 reply n2.example is 198.51.100.2",
	} {
		r.Take([]byte(message), from, arrival)
	}
	r.Flush()
	text := strings.Join(got.names, ", ")
	for _, want := range []string{"n1.example", "n3.example", "n2.example 198.51.100.2"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if s := r.Stats(); s.Messages != 5 || s.Read.Lines != 5 || s.Read.ByReason[logs.NotTheFormat] != 1 || s.Headless != 0 || s.Streams != 0 {
		t.Errorf("%+v", s)
	}
}

func TestReceiverRefuses(t *testing.T) {
	var got collected
	r := NewReceiver(Config{Sink: got.sink(), Format: logs.ByName("bind"), Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	good := "<30>Jan  1 00:00:04 h named[1]: " + fmt.Sprintf(bindText, 1, 1)
	r.Take([]byte(good), netip.MustParseAddr("192.0.2.9"), arrival)
	r.Take([]byte(good), netip.MustParseAddr("198.51.100.9"), arrival)
	r.Take([]byte("<30>Jan  1 00:00:04 h app: \n"), netip.MustParseAddr("192.0.2.9"), arrival)
	r.Take([]byte("no header"), netip.MustParseAddr("192.0.2.9"), arrival)
	r.Take(make([]byte, MaxMessage+1), netip.MustParseAddr("192.0.2.9"), arrival)
	r.Take([]byte(good+"\nforged: "+good), netip.MustParseAddr("192.0.2.9"), arrival)
	s := r.Stats()
	if s.Messages != 6 || s.NotAllowed != 1 || s.Empty != 1 || s.Headless != 1 || s.TooLong != 1 || s.Read.Lines != 3 || len(got.names) > 2 {
		t.Errorf("%+v, %v", s, got.names)
	}
	for i := range MaxStreams + 10 {
		r.Take([]byte(fmt.Sprintf("<30>Jan  1 00:00:04 h%d named: ", i)+fmt.Sprintf(bindText, 1, 1)), netip.MustParseAddr("192.0.2.9"), arrival)
	}
	if s := r.Stats(); s.Streams != MaxStreams || s.Evicted == 0 || s.Read.Lines != 3+MaxStreams+10 {
		t.Errorf("%+v", s)
	}
}

func TestFrames(t *testing.T) {
	long := strings.Repeat("x", MaxMessage+10)
	for _, c := range []struct {
		name, stream, want string
		err                error
	}{
		{"counted", "5 hello3 a\nb\n2 ok", "hello|a\nb|ok", io.EOF},
		{"by line", "<1>a\n\n<2>b\x00<3>c\r\n", "<1>a||<2>b|<3>c\r", io.EOF},
		{"torn line", "<1>a\n<2>b", "<1>a", io.ErrUnexpectedEOF},
		{"torn count", "5 hello12", "hello", io.ErrUnexpectedEOF},
		{"torn message", "5 hello12 abc", "hello", io.ErrUnexpectedEOF},
		{"too large a count", "65537 x", "", errFraming},
		{"a count without end", "1111111111", "", errFraming},
		{"no count", "5 hello<3>", "hello", errFraming},
		{"leading zero", "5 hello05 hello", "hello", errFraming},
		{"long line", "<1>" + long + "\n<2>b\n", ("<1>" + long)[:MaxMessage+1] + "|<2>b", io.EOF},
		{"empty", "", "", io.EOF},
	} {
		for _, size := range []int{16, 64 << 10} {
			f := &frames{in: bufio.NewReaderSize(strings.NewReader(c.stream), size), wait: func(time.Duration) {}}
			var got []string
			var err error
			for err == nil {
				var b []byte
				if b, err = f.next(); err == nil {
					got = append(got, string(b))
				}
			}
			if text := strings.Join(got, "|"); text != c.want || !errors.Is(err, c.err) {
				t.Errorf("%s, %d: got %.80q, %v, want %.80q, %v", c.name, size, text, err, c.want, c.err)
			}
		}
	}
}

func TestServer(t *testing.T) {
	var got collected
	s, err := Listen("127.0.0.1:0", Config{Sink: got.sink()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 16)
	spawn := func(task func() error) { go func() { done <- task() }() }
	spawn(func() error { return s.RunUDP(ctx) })
	spawn(func() error { return s.RunTCP(ctx, spawn) })
	udp, tcp := s.Addrs()
	message := func(i int) string {
		return "<30>Jan  1 00:00:04 h named[1]: " + fmt.Sprintf(bindText, i, i)
	}
	u, err := net.Dial("udp", udp.String())
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	fmt.Fprint(u, message(1))
	for _, stream := range []string{
		message(2) + "\n" + message(3) + "\n" + message(90),
		fmt.Sprintf("%d %s%d %s", len(message(4)), message(4), len(message(5)), message(5)),
		"99999 x",
	} {
		c, err := net.Dial("tcp", tcp.String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, stream)
		c.Close()
		<-done
	}
	deadline := time.Now().Add(20 * time.Second)
	for s.Stats().Messages < 5 && time.Now().Before(deadline) {
		<-time.After(5 * time.Millisecond)
	}
	stop()
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
	s.Flush()
	if x := s.Stats(); x.Messages != 5 || x.Read.ByReason[logs.Used] != 5 || x.Connections != 3 || x.BadFraming != 1 || x.Torn != 1 || s.Connections() != 0 {
		t.Errorf("%+v, %v", x, got.names)
	}
}

func FuzzTake(f *testing.F) {
	f.Add([]byte("<30>Jan  1 00:00:04 h named[1]: client"))
	f.Add([]byte("<30>1 2026-11-23T17:16:35Z ns1 app - ID [a@1 x=\"]\"] text"))
	f.Add([]byte("5 hello<189>123: *Jan  1 00:00:04.123: %SYS-5-X: text"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := Parse(b, arrival)
		if line := oneLine(m.AppendLine(nil, arrival)); strings.ContainsAny(string(line), "\r\n") {
			t.Errorf("%q", line)
		}
		r := &frames{in: bufio.NewReaderSize(strings.NewReader(string(b)), 16), wait: func(time.Duration) {}}
		for n := 0; ; n++ {
			if _, err := r.next(); err != nil {
				break
			}
			if n > len(b) {
				t.Fatal("more messages than bytes")
			}
		}
	})
}

func BenchmarkTake(b *testing.B) {
	r := NewReceiver(Config{Sink: logs.Sink{Response: func(*dnscache.Response) {}}})
	message := []byte("<30>Jan  1 00:00:04 h named[1]: " + fmt.Sprintf(bindText, 1, 1))
	from := netip.MustParseAddr("192.0.2.1")
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		r.Take(message, from, arrival)
	}
}
