package dnstap

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"
)

// A pb is a protobuf message in the making.
type pb []byte

func (b pb) varint(num protowire.Number, v uint64) pb {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

func (b pb) fixed(num protowire.Number, v uint32) pb {
	return protowire.AppendFixed32(protowire.AppendTag(b, num, protowire.Fixed32Type), v)
}

func (b pb) bytes(num protowire.Number, v string) pb {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
}

// dnstap wraps an inner message as servers do.
func (b pb) dnstap() []byte {
	return pb(nil).bytes(1, "ns1").bytes(2, "server 1.0").bytes(14, string(b)).varint(15, 1)
}

const (
	v4Client = "\xc0\x00\x02\x0b" // 192.0.2.11
	v4Server = "\xc0\x00\x02\x35" // 192.0.2.53
)

// clientResponse is a complete CLIENT_RESPONSE.
func clientResponse() pb {
	return pb(nil).varint(1, 6).varint(2, 1).varint(3, 1).bytes(4, v4Client).bytes(5, v4Server).varint(6, 4711).varint(7, 53).
		varint(8, 1700000000).fixed(9, 1).bytes(10, "query").varint(12, 1700000000).fixed(13, 2000).bytes(14, "response")
}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

type decodeCase struct {
	name  string
	frame []byte
	want  Message
	err   string // part of it
	stats string
}

func decodeCases() []decodeCase {
	full := Message{
		Type: ClientResponse, Protocol: 1, Wire: []byte("response"), Query: []byte("query"), Client: ap("192.0.2.11:4711"), Server: ap("192.0.2.53:53"),
		TimeNs: 1700000000_000002000, Identity: []byte("ns1"),
	}
	but := func(f func(*Message)) Message { m := full; f(&m); return m }
	mapped := "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff" + v4Client
	return []decodeCase{
		{name: "complete", frame: clientResponse().dnstap(), want: full},
		{name: "last value counts", frame: clientResponse().varint(12, 1800000000).fixed(13, 5).bytes(4, v4Server).bytes(14, "later").dnstap(),
			want: but(func(m *Message) {
				m.TimeNs, m.Client, m.Wire = 1800000000_000000005, ap("192.0.2.53:4711"), []byte("later")
			})},
		{name: "inner messages merge", frame: append(clientResponse().dnstap(), pb(nil).bytes(14, string(pb(nil).varint(6, 9)))...),
			want: but(func(m *Message) { m.Client = ap("192.0.2.11:9") })},
		{name: "IPv4 as IPv6", frame: clientResponse().bytes(4, mapped).dnstap(), want: full},
		{name: "IPv6", frame: clientResponse().varint(2, 2).bytes(4, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01").dnstap(),
			want: but(func(m *Message) { m.Client = ap("[2001:db8::1]:4711") })},
		{name: "unspecified", frame: clientResponse().bytes(4, "\x00\x00\x00\x00").dnstap(), want: but(func(m *Message) { m.Client = netip.AddrPort{} })},
		{name: "address of five octets", frame: clientResponse().bytes(4, "12345").dnstap(), stats: "BadAddress",
			want: but(func(m *Message) { m.Client = netip.AddrPort{} })},
		{name: "port too large", frame: clientResponse().varint(7, 65536+53).dnstap(), stats: "BadAddress",
			want: but(func(m *Message) { m.Server = ap("192.0.2.53:0") })},
		{name: "no response time", frame: pb(nil).varint(1, 6).varint(8, 1700000000).fixed(9, 7).dnstap(), stats: "NoWire",
			want: Message{Type: ClientResponse, TimeNs: 1700000000_000000007, Identity: []byte("ns1")}},
		{name: "query with both times", frame: clientResponse().varint(1, 5).dnstap(),
			want: but(func(m *Message) {
				m.Type, m.TimeNs, m.Wire, m.Query = ClientQuery, 1700000000_000000001, []byte("query"), nil
			})},
		{name: "no time", frame: pb(nil).varint(1, 6).fixed(13, 7).bytes(14, "r").dnstap(), stats: "NoTime",
			want: Message{Type: ClientResponse, Wire: []byte("r"), Identity: []byte("ns1")}},
		{name: "too many nanoseconds", frame: clientResponse().fixed(13, 1_000_000_000).dnstap(), stats: "BadTime",
			want: but(func(m *Message) { m.TimeNs = 1700000000_000000000 })},
		{name: "time beyond 64 bits", frame: clientResponse().varint(12, 1<<62).dnstap(), stats: "BadTime",
			want: but(func(m *Message) { m.TimeNs = 1700000000_000000001 })},
		{name: "unknown type", frame: clientResponse().varint(1, 255).dnstap(),
			want: but(func(m *Message) { m.Type, m.Wire, m.Query, m.TimeNs = 0, []byte("query"), nil, 1700000000_000000001 })},
		{name: "type of 256 + 6", frame: clientResponse().varint(1, 262).dnstap(),
			want: but(func(m *Message) { m.Type, m.Wire, m.Query, m.TimeNs = 0, []byte("query"), nil, 1700000000_000000001 })},
		{name: "protocol too large", frame: clientResponse().varint(3, 256).dnstap(), want: but(func(m *Message) { m.Protocol = 0 })},
		{name: "unknown fields", frame: clientResponse().varint(99, 1).bytes(98, "x").fixed(97, 1).varint(11, 3).dnstap(), want: full},
		{name: "64-bit and group fields", frame: append(clientResponse().dnstap(), "\xb9\x02\x01\x02\x03\x04\x05\x06\x07\x08\xbb\x02\x08\x01\xbc\x02"...), want: full},
		{name: "fields of other wire types", frame: clientResponse().varint(4, 1).bytes(6, "x").varint(9, 3).fixed(1, 5).varint(14, 1).dnstap(), want: full},
		{name: "no Dnstap.type", frame: pb(nil).bytes(14, string(clientResponse())), want: but(func(m *Message) { m.Identity = nil })},
		{name: "another Dnstap.type", frame: pb(nil).bytes(14, string(clientResponse())).varint(15, 2), err: "without a message", stats: "NotMessage"},
		{name: "no message", frame: pb(nil).bytes(1, "ns1").varint(15, 1), err: "without a message", stats: "NotMessage"},
		{name: "field cut", frame: clientResponse().dnstap()[:40], err: "unexpected EOF", stats: "BadProtobuf"},
		{name: "inner message cut", frame: pb(nil).bytes(14, "\x22\x09abc"), err: "unexpected EOF", stats: "BadProtobuf"},
		{name: "field number 0", frame: []byte{0, 0}, err: "field number", stats: "BadProtobuf"},
		{name: "varint too long", frame: []byte("\x78\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), err: "overflow", stats: "BadProtobuf"},
	}
}

func TestDecode(t *testing.T) {
	for _, c := range decodeCases() {
		got := Message{Type: 9, Wire: []byte("old"), Client: ap("192.0.2.1:1")}
		err := got.Decode(c.frame)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %x\nerror %v, want %q", c.name, c.frame, err, c.err)
		}
		if diff := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty()); err == nil && diff != "" {
			t.Errorf("%s: %x\n%s", c.name, c.frame, diff)
		}
	}
}

func TestDecodeAllocs(t *testing.T) {
	frame := clientResponse().dnstap()
	var m Message
	if n := testing.AllocsPerRun(100, func() { m.Decode(frame) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range decodeCases() {
		f.Add(c.frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var m Message
		if m.Decode(frame) != nil {
			return
		}
		if int(m.Type) >= numTypes || m.TimeNs < 0 || m.Client.Addr().Is4In6() || m.Server.Addr().Is4In6() {
			t.Errorf("%x\n%+v", frame, m)
		}
		// A frame's meaning does not change by an unknown field behind it.
		var again Message
		if err := again.Decode(pb(frame[:len(frame):len(frame)]).varint(1000, 1)); err != nil {
			t.Errorf("%x\nwith a field more: %v", frame, err)
		}
		if diff := cmp.Diff(m, again, cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%x\nwith a field more: %s", frame, diff)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	frame := clientResponse().dnstap()
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	var m Message
	for b.Loop() {
		if err := m.Decode(frame); err != nil {
			b.Fatal(err)
		}
	}
}
