package sources

import (
	"encoding/binary"
	"fmt"
	"net"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// powerDNSFrame is a response to 192.0.2.7, n1.example and so on, framed.
func powerDNSFrame(i int) []byte {
	num := func(b []byte, field protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
	}
	text := func(b []byte, field protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
	}
	name := fmt.Sprintf("n%d.example.", i)
	record := text(num(num(num(text(nil, 1, name), 2, 1), 3, 1), 4, 300), 5, string([]byte{198, 51, 100, byte(i)}))
	m := num(num(nil, 1, 2), 9, 1795454226)
	m = text(text(m, 6, "\xc0\x00\x02\x07"), 7, "\xc0\x00\x02\x35")
	m = text(m, 12, string(num(num(text(nil, 1, name), 2, 1), 3, 1)))
	m = text(m, 13, string(text(num(nil, 1, 0), 2, string(record))))
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)
}

func TestPowerDNS(t *testing.T) {
	r := start(t, Config{PowerDNS: "tcp:127.0.0.1:0"})
	conn, err := net.Dial("tcp", r.powerDNS.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(append(powerDNSFrame(1), powerDNSFrame(2)...)); err != nil {
		t.Fatal(err)
	}
	r.wants("n2.example 198.51.100.2 powerdns")
	for _, line := range []string{`flowname_powerdns_messages_total{type="response"} 2`, "flowname_powerdns_connections 1"} {
		eventually(t, line, func() bool { return r.has(line) })
	}
	conn.Close()
	eventually(t, "the end", func() bool { return r.has("flowname_powerdns_ended_total 1") })
}

// TestResolversAreBounded: of both protocols one more than there may be is refused, and
// taken when another has left.
func TestResolversAreBounded(t *testing.T) {
	c := start(t, Config{Dnstap: "tcp:127.0.0.1:0", PowerDNS: "tcp:127.0.0.1:0"})
	for stage, addr := range map[string]net.Addr{"dnstap": c.DnstapAddr(), "powerdns": c.powerDNS.listener.Addr()} {
		dial := func() net.Conn {
			t.Helper()
			conn, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		first := dial()
		for range maxResolvers - 1 {
			dial()
		}
		connected := fmt.Sprintf("flowname_%s_connections %d", stage, maxResolvers)
		eventually(t, connected, func() bool { return c.has(connected) })
		if n, err := dial().Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: one too many read %d bytes, %v, want it closed", stage, n, err)
		}
		refused := "flowname_" + stage + "_connections_refused_total 1"
		eventually(t, refused, func() bool { return c.has(refused) })
		first.Close()
		left := fmt.Sprintf("flowname_%s_connections %d", stage, maxResolvers-1)
		eventually(t, left, func() bool { return c.has(left) })
		dial()
		eventually(t, connected, func() bool { return c.has(connected) })
	}
}
