package netflow

import (
	"errors"
	"net/netip"
	"testing"
)

// TestForget: what one exporter's address and port told is gone in all domains
// and versions, and its neighbours' is not.
func TestForget(t *testing.T) {
	neighbour := netip.AddrPortFrom(router.Addr(), router.Port()+1)
	mapped := netip.AddrPortFrom(netip.AddrFrom16(router.Addr().As16()), router.Port())
	other := func(msg []byte) []byte { msg[15]++; return msg } // another domain
	d := NewDecoder(Config{Sessions: true})
	for _, from := range []netip.AddrPort{router, neighbour} {
		for _, msg := range [][]byte{
			ipfix(set(2, proto1)), other(ipfix(set(2, proto1), set(2, tmpl(257, 4, 1)))), v9(exportSecs, 1, set(0, proto1)),
		} {
			if _, err := d.AppendRecords(nil, msg, from, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.Forget(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.99"), router.Port())) // nobody
	d.Forget(mapped)
	var bytes uint64
	for _, r := range append(d.AppendReports(nil), Report{Account: d.Ended()}) {
		bytes += r.Bytes
	}
	if err := checkAccounts(d, bytes); err != nil || d.Ended().Messages != 3 || d.Gone() != (Account{}) {
		t.Errorf("accounts: %v, ended %+v", err, d.Ended())
	}
	if s := d.Stats(); s.ExportersForgotten != 3 || s.TemplatesForgotten != 4 || s.ExportersEvicted != 0 {
		t.Errorf("got %+v", s)
	}
	if err := checkStore(&d.store, d.cfg); err != nil {
		t.Error(err)
	}
	for _, data := range [][]byte{ipfix(set(256, []byte{6})), other(ipfix(set(257, []byte{6}))), v9(exportSecs, 1, set(256, []byte{6}))} {
		if recs, err := d.AppendRecords(nil, data, router, 1); len(recs) != 0 || !errors.Is(err, ErrUnknownTemplate) {
			t.Errorf("forgotten: %d records, %v; want none and ErrUnknownTemplate", len(recs), err)
		}
		if recs, err := d.AppendRecords(nil, data, neighbour, 1); len(recs) != 1 || err != nil {
			t.Errorf("neighbour: %d records, %v; want 1", len(recs), err)
		}
	}
	mustAppend(t, d, ipfix(set(2, tmpl(256, 5, 1)))) // the id anew, with another meaning
	if recs := mustAppend(t, d, ipfix(set(256, []byte{6}))); len(recs) != 1 || recs[0].TOS != 6 {
		t.Errorf("after a new template: %+v", recs)
	}
}
