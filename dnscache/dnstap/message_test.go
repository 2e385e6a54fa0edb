package dnstap

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flowname/dnscache"
)

func TestEvidence(t *testing.T) {
	const client, masked, none = "192.0.2.11:4711", "192.0.2.0:4711", ""
	for _, c := range []struct {
		typ      MessageType
		client   string
		wire     string
		time     int64
		evidence Evidence
	}{
		{ClientResponse, client, "x", 1, EvidenceClient},
		{ClientResponse, masked, "x", 1, EvidenceAnyone},
		{ClientResponse, none, "x", 1, EvidenceAnyone},
		{ClientResponse, client, "", 1, EvidenceSeen},
		{ClientResponse, masked, "", 1, EvidenceNone},
		{ClientResponse, client, "x", 0, EvidenceNone},
		{ClientQuery, client, "x", 1, EvidenceSeen},
		{ClientQuery, client, "", 1, EvidenceSeen},
		{ClientQuery, masked, "x", 1, EvidenceNone},
		{AuthQuery, client, "x", 1, EvidenceSeen},
		{AuthResponse, client, "x", 1, EvidenceClient},
		{StubQuery, client, "x", 1, EvidenceSeen},
		{StubResponse, client, "x", 1, EvidenceClient},
		{ToolQuery, client, "x", 1, EvidenceSeen},
		{ToolResponse, client, "x", 1, EvidenceClient},
		{ResolverQuery, client, "x", 1, EvidenceNone},
		{ResolverResponse, client, "x", 1, EvidenceAnyone},
		{ResolverResponse, none, "x", 1, EvidenceAnyone},
		{ResolverResponse, none, "", 1, EvidenceNone},
		{ForwarderQuery, client, "x", 1, EvidenceNone},
		{ForwarderResponse, client, "x", 1, EvidenceAnyone},
		{UpdateQuery, client, "x", 1, EvidenceNone},
		{UpdateResponse, client, "x", 1, EvidenceNone},
		{0, client, "x", 1, EvidenceNone},
		{200, client, "x", 1, EvidenceNone},
	} {
		m := Message{Type: c.typ, Wire: []byte(c.wire), TimeNs: c.time, Server: netip.MustParseAddrPort("192.0.2.53:53")}
		want := dnscache.Response{}
		if c.client != "" {
			m.Client = netip.MustParseAddrPort(c.client)
		}
		if c.evidence != EvidenceNone {
			want.TimeNs, want.Server, want.Source = c.time, m.Server.Addr(), dnscache.SourceDnstap
		}
		if c.evidence == EvidenceClient || c.evidence == EvidenceSeen {
			want.Client = m.Client.Addr()
		}
		got := dnscache.Response{TimeNs: 9, Name: []byte("old"), Client: m.Server.Addr(), RCode: 3}
		if e := m.Fill(&got); e != c.evidence {
			t.Errorf("%v of %q, message %q, time %d: evidence %d, want %d", c.typ, c.client, c.wire, c.time, e, c.evidence)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
			t.Errorf("%v of %q, message %q: %s", c.typ, c.client, c.wire, diff)
		}
	}
}

func TestOneHost(t *testing.T) {
	for addr, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.0": false, "10.20.0.0": false, "0.0.0.0": false, "10.0.0.255": true,
		"2001:db8::1": true, "2001:db8::": false, "2001:db8:0:1::": false, "fe80::1": true, "2001:db8::1:0:0:0": true,
	} {
		if got := dnscache.IsHost(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: got %v", addr, got)
		}
	}
	if dnscache.IsHost(netip.Addr{}) {
		t.Error("the zero Addr is one host")
	}
}

func TestMessageType(t *testing.T) {
	for typ, want := range map[MessageType]string{0: "UNKNOWN", 6: "CLIENT_RESPONSE", 13: "UPDATE_QUERY", 14: "UPDATE_RESPONSE", 15: "UNKNOWN"} {
		if got := typ.String(); got != want {
			t.Errorf("%d: %s, want %s", uint8(typ), got, want)
		}
	}
	for typ := MessageType(1); int(typ) < numTypes; typ++ {
		name := typ.String()
		if want := name[len(name)-3:] == "NSE"; typ.Response() != want {
			t.Errorf("%s: Response %v", name, typ.Response())
		}
	}
}
