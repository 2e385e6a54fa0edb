package powerdns

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"flowname/dnscache"
	"flowname/dnscache/dnswire"
)

// proto builds protobuf messages.
type proto []byte

func (p proto) num(field protowire.Number, v uint64) proto {
	return protowire.AppendVarint(protowire.AppendTag(p, field, protowire.VarintType), v)
}

func (p proto) text(field protowire.Number, v string) proto {
	return protowire.AppendString(protowire.AppendTag(p, field, protowire.BytesType), v)
}

func rr(name string, typ uint64, data string) string {
	return string(proto(nil).text(1, name).num(2, typ).num(3, 1).num(4, 300).text(5, data))
}

// message is a response to 192.0.2.7 for www.Example with these records.
func message(typ uint64, records ...string) proto {
	question := proto(nil).text(1, "www.Example.").num(2, 1).num(3, 1)
	response := proto(nil).num(1, 0).num(5, 1700000000).num(6, 5)
	for _, r := range records {
		response = response.text(2, r)
	}
	return proto(nil).num(1, typ).text(6, "\xc0\x00\x02\x07").text(7, "\xc0\x00\x02\x35").num(9, 1700000001).num(10, 250000).
		text(12, string(question)).text(13, string(response)).num(20, 4242).num(21, 53)
}

func framed(prefix int, messages ...proto) []byte {
	var b []byte
	for _, m := range messages {
		if prefix == 2 {
			b = binary.BigEndian.AppendUint16(b, uint16(len(m)))
		} else {
			b = binary.BigEndian.AppendUint32(b, uint32(len(m)))
		}
		b = append(b, m...)
	}
	return b
}

const (
	v4  = "\xc6\x33\x64\x01"
	v6  = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
	in6 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc6\x33\x64\x02"
)

// TestMessages is what each kind of message says, as the cache would be told.
func TestMessages(t *testing.T) {
	a, aaaa := rr("www.example.", 1, v4), rr("www.example.", 28, v6)
	chain := []string{rr("edge.example.", 1, v4), rr("www.example.", 5, "cdn.example."), rr("cdn.example.", 5, "edge.example.")}
	for _, c := range []struct {
		name    string
		message proto
		want    string
	}{
		{"response", message(2, a, aaaa), "client 192.0.2.7 192.0.2.53 www.example > 198.51.100.1/300 2001:db8::1/300"},
		{"chain in any order", message(2, chain...), "client 192.0.2.7 192.0.2.53 www.example edge.example > 198.51.100.1/300"},
		{"chain without CNAME records", message(2, rr("edge.example.", 1, v4)), "client 192.0.2.7 192.0.2.53 www.example > 198.51.100.1/300"},
		{"off the chain", message(2, chain[0], chain[1]), "client 192.0.2.7 192.0.2.53 www.example cdn.example >"},
		{"mapped", message(2, rr("www.example.", 28, in6)), "client 192.0.2.7 192.0.2.53 www.example > 198.51.100.2/300"},
		{"short address", message(2, rr("www.example.", 1, "abc"), a), "client 192.0.2.7 192.0.2.53 www.example > 198.51.100.1/300"},
		{"another class", message(2, string(proto(nil).text(1, "www.example.").num(2, 1).num(3, 3).text(5, v4))), "client 192.0.2.7 192.0.2.53 www.example >"},
		{"query", message(1), "seen 192.0.2.7 192.0.2.53 www.example > asked"},
		{"of another server", message(4, a), "anyone invalid IP 192.0.2.53 www.example > 198.51.100.1/300"},
		{"to another server", message(3), "none invalid IP invalid IP  >"},
		{"no such type", message(9, a), "none invalid IP invalid IP  >"},
		{"masked client", message(2, a).text(6, "\xc0\x00\x02\x00"), "anyone invalid IP 192.0.2.53 www.example > 198.51.100.1/300"},
		{"the last client counts", message(2, a).text(6, "\xc0\x00\x02\x09"), "client 192.0.2.9 192.0.2.53 www.example > 198.51.100.1/300"},
		{"bad client", message(2, a).text(6, "abc"), "anyone invalid IP 192.0.2.53 www.example > 198.51.100.1/300"},
		{"mapped client", message(2, a).text(6, in6), "client 198.51.100.2 192.0.2.53 www.example > 198.51.100.1/300"},
		{"network error", message(2, a).text(13, string(proto(nil).num(1, networkError))), "seen 192.0.2.7 192.0.2.53  >"},
		{"refused", message(2).text(13, string(proto(nil).num(1, 5))), "client 192.0.2.7 192.0.2.53 www.example > rcode 5"},
		{"no time", message(2, a).num(9, 0).text(13, string(proto(nil).num(5, 0))), "none invalid IP invalid IP  >"},
		{"whole subnet", message(2, a).text(14, "\xcb\x00\x71\x05"), "client 192.0.2.7 192.0.2.53 www.example > 198.51.100.1/300 for 203.0.113.5/32"},
		{"subnet", message(2, a).text(14, "\xcb\x00\x71\x00"), "client 192.0.2.7 192.0.2.53 www.example > 198.51.100.1/300 for 203.0.113.0/24"},
		{"bad name", message(2, a).text(12, string(proto(nil).text(1, "a..b"))), "seen 192.0.2.7 192.0.2.53  >"},
		{"odd name", message(2, a).text(12, string(proto(nil).text(1, `a\"b\124\032\.c.`))), `client 192.0.2.7 192.0.2.53 a"b|\032\.c > 198.51.100.1/300`},
	} {
		var m Message
		if err := m.Decode(c.message); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := describe(t, &m); got != c.want {
			t.Errorf("%s: got\n%s, want\n%s", c.name, got, c.want)
		}
	}
}

func describe(t *testing.T, m *Message) string {
	var r dnscache.Response
	e := m.Fill(&r)
	if e >= EvidenceAnyone {
		if err := dnswire.NewParser(dnswire.Config{}).Parse(&r, m.Wire); err != nil {
			t.Errorf("%x: %v", m.Wire, err)
		}
	}
	text := fmt.Sprintf("%s %s %s %s", [...]string{"none", "seen", "anyone", "client"}[e], r.Client, r.Server, r.Name)
	if len(r.Canonical) > 0 {
		text += " " + string(r.Canonical)
	}
	text += " >"
	for _, a := range r.Addrs {
		text += fmt.Sprintf(" %s/%d", a.Addr, a.TTL)
	}
	if r.RCode != 0 {
		text += fmt.Sprintf(" rcode %d", r.RCode)
	}
	if r.QuestionOnly {
		text += " asked"
	}
	if r.Subnet != (netip.Prefix{}) {
		text += " for " + r.Subnet.String()
	}
	return text
}

func TestTimes(t *testing.T) {
	var m Message
	for _, c := range []struct {
		message proto
		want    int64
	}{
		{message(2), 1700000001_250000_000},
		{message(2).num(9, 1700000009).num(10, 7), 1700000009_000007_000}, // sent twice
		{message(2).num(9, 0), 1700000000_000005_000},
		{message(2).num(9, 1<<62), 1700000000_000005_000},
		{message(2).num(10, 1e9), 1700000001_000000_000},
	} {
		if err := m.Decode(c.message); err != nil || m.TimeNs != c.want {
			t.Errorf("%d, %v, want %d", m.TimeNs, err, c.want)
		}
	}
}

func TestReader(t *testing.T) {
	good, bad := message(2, rr("www.example.", 1, v4)), append(message(2), 0xff)
	many := message(2)
	for range MaxRecords + 1 {
		many = append(many, proto(nil).text(13, string(proto(nil).text(2, rr("www.example.", 1, v4))))...)
	}
	for _, prefix := range []int{2, 4} {
		stream := framed(prefix, good, bad, many, message(9), good)
		r := NewReader(bytes.NewReader(append(stream, framed(prefix, good)[:20]...)))
		var m Message
		var got []string
		for {
			err := r.Next(&m)
			switch {
			case err == nil:
				got = append(got, m.Type.String())
				continue
			case errors.Is(err, ErrFrame):
				got = append(got, "bad")
				continue
			}
			if want := fmt.Sprintf("offset %d: unexpected EOF", len(stream)); !errors.Is(err, ErrStream) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
			if again := r.Next(&m); again != err {
				t.Errorf("then %v", again)
			}
			break
		}
		if text := strings.Join(got, " "); text != "RESPONSE bad bad UNKNOWN RESPONSE" {
			t.Errorf("%d octets: %s", prefix, text)
		}
		if s := r.Stats(); s.Frames != 6 || s.BadProtobuf != 2 || s.ByType[Response] != 2 || s.ByType[0] != 1 || s.Broken != 1 || s.Ended != 0 {
			t.Errorf("%+v", s)
		}
	}
	r := NewReader(bytes.NewReader(append(framed(4, good), 0x7f, 0, 0, 0)))
	var m Message
	if err := errors.Join(r.Next(&m), r.Next(&m)); !errors.Is(err, ErrStream) {
		t.Errorf("too long a frame: %v", err)
	}
}

// Each counter is raised by something.
func TestStats(t *testing.T) {
	stream := framed(2, message(2).num(9, 0).text(13, string(proto(nil).num(5, 0))), message(2).text(6, "abc"),
		message(2).text(12, string(proto(nil).text(1, ".a"))), message(2, rr("www.example.", 16, "text")), message(1), message(3), message(4))
	r := NewReader(bytes.NewReader(stream))
	var m Message
	for r.Next(&m) == nil {
	}
	want := Stats{Frames: 7, ByType: [numTypes]uint64{0, 1, 4, 1, 1}, NoTime: 1, BadAddress: 1, BadName: 1, BadRecord: 1, Streams: 1, Ended: 1}
	if got := r.Stats(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestIs(t *testing.T) {
	good := message(2, rr("www.example.", 1, v4))
	for _, c := range []struct {
		head string
		want bool
	}{
		{string(framed(2, good)), true},
		{string(framed(4, good)), true},
		{string(framed(2, good, good, good)), true},
		{string(framed(2, good, good, good)[:3*len(good)]), true},
		{string(framed(2, good)[:16]), true},
		{string(framed(2, good)) + "then something else", false},
		{string(framed(2, message(7))), false},
		{"", false},
		{"\x00\x00\x00\x00\x00\x00\x00\x22\x00\x00\x00\x02", false}, // a frame stream
		{"\x00\x04\x08\x05\x20\x01", false},
		{"\x00\x05\x08\x01\x20\x01\x07", false},
		{"hello world, this is text", false},
		{strings.Repeat("\x00", 64), false},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", false}, // TLS
	} {
		if got := Is([]byte(c.head)); got != c.want {
			t.Errorf("%q: got %t, want %t", c.head, got, c.want)
		}
	}
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := message(2, rr("www.example.", 1, v4))
		for _, c := range []struct {
			name string
			send []byte
			end  func(net.Conn, context.CancelFunc)
			err  error
			n    int
		}{
			{"the peer ends", framed(2, good, good), func(c net.Conn, _ context.CancelFunc) { c.Close() }, nil, 2},
			{"a silent peer, then our end", framed(4, good), func(_ net.Conn, stop context.CancelFunc) { time.Sleep(time.Hour); stop() }, nil, 1},
			{"a slow peer", framed(2, good, good)[:len(good)+10], func(net.Conn, context.CancelFunc) { time.Sleep(time.Minute) }, ErrStream, 1},
			{"a torn frame", framed(2, good)[:9], func(c net.Conn, _ context.CancelFunc) { c.Close() }, ErrStream, 0},
		} {
			ours, theirs := net.Pipe()
			ctx, stop := context.WithCancel(t.Context())
			var s Server
			n, idles := 0, 0
			done := make(chan error, 1)
			go func() {
				done <- s.Serve(ctx, ours, func(*Message) { n++ }, func() { idles++ })
			}()
			if _, err := theirs.Write(c.send); err != nil {
				t.Fatal(err)
			}
			c.end(theirs, stop)
			if err := <-done; !errors.Is(err, c.err) || n != c.n || idles == 0 || s.Stats().ByType[Response] != uint64(c.n) {
				t.Errorf("%s: %v, %d messages, %d idles, %+v", c.name, err, n, idles, s.Stats())
			}
			stop()
			theirs.Close()
		}
	})
}

func TestDecodeAllocatesNothing(t *testing.T) {
	frame := message(2, rr("www.example.", 5, "edge.example."), rr("edge.example.", 1, v4), rr("edge.example.", 28, v6)).text(14, v6)
	stream := bytes.NewReader(framed(2, frame))
	r := NewReader(stream)
	var m Message
	var x dnscache.Response
	if n := testing.AllocsPerRun(100, func() {
		stream.Seek(0, io.SeekStart)
		if err := r.Next(&m); err != nil {
			t.Fatal(err)
		}
		m.Fill(&x)
		r.end = nil
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	frame := message(2, rr("www.example.", 5, "edge.example."), rr("edge.example.", 1, v4), rr("edge.example.", 28, v6))
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	var m Message
	for b.Loop() {
		if err := m.Decode(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(message(2, rr("www.example.", 5, "edge.example."), rr("edge.example.", 1, v4))))
	f.Add(framed(2, message(1), message(2)))
	f.Add(framed(4, message(1), message(2)))
	p := dnswire.NewParser(dnswire.Config{})
	f.Fuzz(func(t *testing.T, b []byte) {
		Is(b)
		r := NewReader(bytes.NewReader(b))
		var m Message
		frames := 0
		for {
			err := r.Next(&m)
			if err != nil && !errors.Is(err, ErrFrame) {
				break
			}
			if frames++; frames > len(b) {
				t.Fatal("more frames than octets")
			}
		}
		if m.Decode(b) != nil {
			return
		}
		var x dnscache.Response
		if m.Fill(&x) >= EvidenceAnyone {
			if err := p.Parse(&x, m.Wire); err != nil && len(x.Addrs) > 0 {
				t.Errorf("%x: %v", m.Wire, err)
			}
		}
	})
}
