package netflow

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"

	"flowname/flows"
)

// onPort is the router with another source port.
func onPort(port uint16) netip.AddrPort { return netip.AddrPortFrom(router.Addr(), port) }

// TestWaiting has data before its template: it is read when that comes, with its
// own receive time, sequence number and header, behind the message's own.
func TestWaiting(t *testing.T) {
	for name, msg := range map[string]func(secs, uptime uint32, sets ...[]byte) []byte{
		"v9":    v9,
		"IPFIX": func(secs, _ uint32, sets ...[]byte) []byte { m := ipfix(sets...); copy(m[4:], u32(secs)); return m },
	} {
		d := NewDecoder(Config{})
		template := set(0, tmpl(256, 4, 1))
		if name == "IPFIX" {
			template = set(2, tmpl(256, 4, 1))
		}
		send := func(receivedNs int64, m []byte) []flows.Record {
			recs, _ := d.AppendRecords(nil, m, router, receivedNs)
			return recs
		}
		if recs := send(1000, numbered(msg(exportSecs, 5001, set(256, []byte{6})), 11)); len(recs) != 0 {
			t.Fatalf("%s: %d records without a template", name, len(recs))
		}
		send(2000, numbered(msg(exportSecs+1, 6001, set(256, []byte{17}), set(999, []byte{1})), 12))
		if a := oneReport(t, d).Account; a.Waiting != (Tally{3, 15}) {
			t.Errorf("%s: waiting %+v, want 3 sets of 15 bytes", name, a.Waiting)
		}
		recs := send(3000, numbered(msg(exportSecs+2, 7001, template, set(256, []byte{1})), 13))
		if string(protos(recs)) != "\x01\x06\x11" {
			t.Fatalf("%s: got %x", name, protos(recs))
		}
		for i, want := range []struct {
			receivedNs, startNs int64
			number              uint32
		}{{3000, exportSecs + 2, 13}, {1000, exportSecs, 11}, {2000, exportSecs + 1, 12}} {
			if r := &recs[i]; r.ReceivedNs != want.receivedNs || r.StartNs/1e9 != want.startNs || r.SequenceNum != want.number {
				t.Errorf("%s, record %d: received %d, start %d, number %d; want %+v", name, i, r.ReceivedNs, r.StartNs, r.SequenceNum, want)
			}
		}
		a := oneReport(t, d).Account
		if a.Waiting != (Tally{1, 5}) || a.Late != (Tally{2, 10}) || a.Records != 3 || d.Stats().WaitingDecoded != 2 {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestWaitingIsReadInParts bounds how much one template can set free at once.
func TestWaitingIsReadInParts(t *testing.T) {
	d := NewDecoder(Config{MaxRecords: 4})
	for range 5 {
		d.AppendRecords(nil, ipfix(set(256, []byte{1, 2, 3})), router, 1)
	}
	for i, want := range []int{6, 6, 3, 0} {
		recs, err := d.AppendRecords(nil, ipfix(set(2, proto1)), router, 2)
		if len(recs) != want || err != nil {
			t.Errorf("message %d: %d records, want %d; %v", i, len(recs), want, err)
		}
	}
}

// TestWaitingIsBoundedByDatagram: many messages in one datagram set free no more
// than one does.
func TestWaitingIsBoundedByDatagram(t *testing.T) {
	d := NewDecoder(Config{MaxRecords: 4})
	for range 5 {
		d.AppendRecords(nil, ipfix(set(256, []byte{1, 2, 3})), router, 1)
	}
	datagram := bytes.Repeat(ipfix(set(2, proto1)), 3)
	for i, want := range []int{6, 6, 3, 0} {
		recs, err := d.AppendRecords(nil, datagram, router, 2)
		if len(recs) != want || err != nil {
			t.Errorf("datagram %d: %d records, want %d; %v", i, len(recs), want, err)
		}
	}
}

// TestWaitingOfKnownExporters has a flood of strangers' data: what a domain that
// has delivered has waiting stays.
func TestWaitingOfKnownExporters(t *testing.T) {
	d := NewDecoder(Config{MaxWaiting: 20_000, MaxWaitingPerDomain: 5_000})
	mustAppend(t, d, ipfix(set(2, proto1), set(256, []byte{6})))
	d.AppendRecords(nil, ipfix(set(257, []byte{17})), router, 1)
	for i := range 10_000 {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), 9)
		d.AppendRecords(nil, ipfix(set(256, make([]byte, 700))), from, 2)
		if d.store.waiting.cost > 20_000 {
			t.Fatalf("%d bytes wait", d.store.waiting.cost)
		}
	}
	if recs := mustAppend(t, d, ipfix(set(2, tmpl(257, 4, 1)))); string(protos(recs)) != "\x11" {
		t.Errorf("got %x", protos(recs))
	}
}

// TestBorrow has data on a new port without a template there.
func TestBorrow(t *testing.T) {
	other := tmpl(256, 5, 1)
	data := set(256, []byte{6})
	type message struct {
		port uint16
		msg  []byte
	}
	for _, tt := range []struct {
		name     string
		borrowed uint64
		msgs     []message
	}{
		{"new port", 1, []message{{1, ipfix(set(2, proto1))}, {2, ipfix(data)}}},
		{"a port for each message", 2, []message{{1, ipfix(set(2, proto1))}, {2, ipfix(data)}, {3, ipfix(data)}}},
		{"two that agree", 1, []message{{1, ipfix(set(2, proto1))}, {2, ipfix(set(2, proto1))}, {3, ipfix(data)}}},
		{"two that do not", 0, []message{{1, ipfix(set(2, proto1))}, {2, ipfix(set(2, other))}, {3, ipfix(data)}}},
		{"the other one sends still", 1, []message{{1, ipfix(set(2, proto1))}, {2, ipfix(data)}, {1, ipfix()}, {2, ipfix(data)}}},
		{"has templates of its own", 0, []message{{1, ipfix(set(2, proto1))}, {2, ipfix(set(2, proto7))}, {2, ipfix(data)}}},
		{"does not fill the set", 0, []message{{1, ipfix(set(2, tmpl(256, 4, 1, 5, 1)))}, {2, ipfix(set(256, []byte{1, 2, 3}))}}},
		{"fills it with padding", 1, []message{{1, ipfix(set(2, tmpl(256, 4, 1, 5, 1)))}, {2, ipfix(set(256, []byte{1, 2, 0}))}}},
		{"variable length", 1, []message{{1, ipfix(set(2, tmpl(256, 82, 0xffff)))}, {2, ipfix(set(256, []byte{2, 'a', 'b', 1, 'c'}))}}},
		{"variable length over its end", 0, []message{{1, ipfix(set(2, tmpl(256, 82, 0xffff)))}, {2, ipfix(set(256, []byte{2, 'a', 'b', 2, 'c'}))}}},
		{"options", 0, []message{{1, ipfix(set(3, append(fields(256, 1, 1), fields(143, 1)...)))}, {2, ipfix(data)}}},
		{"other version", 0, []message{{1, v9(exportSecs, 1, set(0, proto1))}, {2, ipfix(data)}}},
	} {
		d := NewDecoder(Config{})
		var bytes uint64
		for i, m := range tt.msgs {
			d.AppendRecords(nil, m.msg, onPort(m.port), int64(i+1)*1e9)
			bytes += uint64(len(m.msg))
		}
		if got := d.Stats().BorrowedSets; got != tt.borrowed || d.Stats().Records < tt.borrowed {
			t.Errorf("%s: borrowed %d, want %d; %+v", tt.name, got, tt.borrowed, d.Stats())
		}
		if err := checkAccounts(d, bytes); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestFloodOfExporters has 64 k made-up domains send templates and data beside a
// good exporter that was heard for some minutes and is silent since: its template
// is still there. So it is for one that was heard once only, if the flood is of an
// address that has many domains.
func TestFloodOfExporters(t *testing.T) {
	const s = int64(1e9)
	for _, tt := range []struct {
		name  string
		teach func(d *Decoder)
		flood func(i int) (netip.AddrPort, uint32)
	}{
		{"of all addresses", func(d *Decoder) {
			d.AppendRecords(nil, ipfix(set(2, proto1), set(256, []byte{6})), router, s)
			d.AppendRecords(nil, ipfix(set(256, []byte{6})), router, 100*s)
		}, func(i int) (netip.AddrPort, uint32) {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), uint16(i)), uint32(i)
		}},
		{"of one address", func(d *Decoder) {
			d.AppendRecords(nil, ipfix(set(2, proto1), set(256, []byte{6})), router, s)
		}, func(i int) (netip.AddrPort, uint32) {
			return netip.MustParseAddrPort("198.18.0.1:9999"), uint32(i)
		}},
	} {
		d := NewDecoder(Config{MaxExporters: 512, MaxTemplates: 1024})
		tt.teach(d)
		now := 100 * s
		for i := range 65536 {
			from, id := tt.flood(i)
			m := ipfix(set(2, tmpl(256, 4, 1, 5, 1)), set(2, tmpl(257+uint16(i%500), 4, 1)), set(256, []byte{1, 2}))
			copy(m[12:], u32(id))
			now += s / 100
			d.AppendRecords(nil, m, from, now)
		}
		if err := checkStore(&d.store, d.cfg); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if recs, err := d.AppendRecords(nil, ipfix(set(256, []byte{6})), router, now); len(recs) != 1 || err != nil {
			t.Errorf("%s: %d records of the good exporter, %v", tt.name, len(recs), err)
		}
	}
}

// TestFloodOfTemplates fills the room for templates from one domain.
func TestFloodOfTemplates(t *testing.T) {
	d := NewDecoder(Config{MaxTemplates: 100, MaxTemplatesPerDomain: 1000})
	mustAppend(t, d, ipfix(set(2, proto1), set(256, []byte{6})))
	rng := rand.New(rand.NewPCG(1, 1))
	for range 5000 {
		d.AppendRecords(nil, ipfix(set(2, tmpl(256+uint16(rng.IntN(900)), 4, 1))), onPort(1), 2)
	}
	if recs := mustAppend(t, d, ipfix(set(256, []byte{6}))); len(recs) != 1 {
		t.Error("the good exporter's template is gone")
	}
}
