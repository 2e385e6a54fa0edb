package correlate

import (
	"net/netip"
	"testing"

	"flowname/flows"
)

func TestEndsOfAFlow(t *testing.T) {
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("198.51.100.1")
	group := netip.MustParseAddr("239.1.2.3")
	for _, c := range []struct {
		record      flows.Record
		serverIsDst bool
		why         string
	}{
		{flows.Record{Src: a, Dst: b, SrcPort: 40000, DstPort: 443, Proto: flows.ProtoTCP}, true, "the lower port"},
		{flows.Record{Src: b, Dst: a, SrcPort: 443, DstPort: 40000, Proto: flows.ProtoTCP}, false, "the lower port, of a reply"},
		{flows.Record{Src: b, Dst: a, SrcPort: 443, DstPort: 40000, Proto: flows.ProtoTCP, Translation: flows.Translation{BiflowDirection: 1}}, true, "the exporter says who began"},
		{flows.Record{Src: a, Dst: b, SrcPort: 40000, DstPort: 443, Proto: flows.ProtoTCP, Translation: flows.Translation{BiflowDirection: 2}}, false, "the exporter says who began"},
		{flows.Record{Src: a, Dst: b, Proto: flows.ProtoICMP}, true, "without ports the destination"},
		{flows.Record{Src: a, Dst: group, SrcPort: 1, DstPort: 5353, Proto: flows.ProtoUDP}, true, "nobody is a client of a group's"},
	} {
		f := Flow{Record: &c.record}
		if got := f.ServerIsDst(); got != c.serverIsDst {
			t.Errorf("%s: the server is the destination: got %v, want %v", c.why, got, c.serverIsDst)
		}
		server, at, port := f.Server()
		client, from, fromPort := f.Client()
		if !c.serverIsDst {
			server, at, port, client, from, fromPort = client, from, fromPort, server, at, port
		}
		if server != &f.Dst || at != c.record.Dst || port != c.record.DstPort || client != &f.Src || from != c.record.Src || fromPort != c.record.SrcPort {
			t.Errorf("%s: ends are not those of the record: %v:%d and %v:%d", c.why, at, port, from, fromPort)
		}
	}
}

func TestResolvable(t *testing.T) {
	for text, want := range map[string]bool{
		"198.51.100.1": true, "10.0.0.1": true, "2001:db8::1": true, "fd00::1": true,
		"239.1.2.3": false, "255.255.255.255": false, "127.0.0.1": false, "169.254.1.1": false,
		"0.0.0.0": false, "ff02::1": false, "fe80::1": false, "::1": false,
	} {
		if got := Resolvable(netip.MustParseAddr(text)); got != want {
			t.Errorf("Resolvable(%s) = %v, want %v", text, got, want)
		}
	}
	if Resolvable(netip.Addr{}) {
		t.Error("no address is resolvable")
	}
}

// slowResolvable is resolvable by the words of its comment.
func slowResolvable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && !a.IsLinkLocalUnicast() &&
		a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func TestResolvableIsWhatItSays(t *testing.T) {
	for high := range 1 << 16 {
		for _, low := range [...][2]byte{{0, 0}, {0, 1}, {255, 254}, {255, 255}} {
			a := netip.AddrFrom4([4]byte{byte(high >> 8), byte(high), low[0], low[1]})
			if got, want := resolvable(a), slowResolvable(a); got != want {
				t.Fatalf("%v: got %v, want %v", a, got, want)
			}
		}
	}
}

func BenchmarkResolvable(b *testing.B) {
	for _, text := range []string{"198.51.100.1", "2001:db8::1"} {
		a := netip.MustParseAddr(text)
		for name, f := range map[string]func(netip.Addr) bool{"own": resolvable, "netip": slowResolvable} {
			b.Run(text+"/"+name, func(b *testing.B) {
				for b.Loop() {
					f(a)
				}
			})
		}
	}
}
