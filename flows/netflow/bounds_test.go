package netflow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestMaxRecords bounds what one datagram can be made into.
func TestMaxRecords(t *testing.T) {
	d := NewDecoder(Config{MaxRecords: 3})
	recs, err := d.AppendRecords(nil, ipfix(set(2, proto1), set(256, []byte{1, 2}), set(256, []byte{3, 4, 5})), router, 1)
	if string(protos(recs)) != "\x01\x02\x03" || !errors.Is(err, ErrTooMany) || d.Stats().RecordsRefused != 1 {
		t.Errorf("IPFIX: got %x, %v, %+v", protos(recs), err, d.Stats())
	}
	recs, err = d.AppendRecords(nil, v5Message(4), router, 1)
	if len(recs) != 3 || !errors.Is(err, ErrTooMany) || d.Stats().RecordsRefused != 2 {
		t.Errorf("v5: got %d records, %v, %+v", len(recs), err, d.Stats())
	}
}

// TestMaxFields refuses wide templates, parsed or not.
func TestMaxFields(t *testing.T) {
	for _, n := range []int{4, 5, 9, 10000} {
		d := NewDecoder(Config{MaxFields: 4})
		var pairs []uint16
		for range n {
			pairs = append(pairs, 4, 1)
		}
		_, err := d.AppendRecords(nil, ipfix(set(2, tmpl(256, pairs...))), router, 1)
		s := d.Stats()
		if fits := n <= 4; fits != (err == nil) || fits != (s.TemplatesLearned == 1) || fits == (s.TemplatesRefused == 1) {
			t.Errorf("%d fields: %v, %+v", n, err, s)
		}
	}
	// A record cannot be longer than a message.
	_, s, err := decode(ipfix(set(2, tmpl(256, 210, 0xfff0, 210, 0xfff0))))
	if !errors.Is(err, ErrTemplate) || s.TemplatesRefused != 1 {
		t.Errorf("record of 128 kB: %v, %+v", err, s)
	}
}

// TestTemplatesPerDomain keeps the templates that are in use.
func TestTemplatesPerDomain(t *testing.T) {
	d := NewDecoder(Config{MaxTemplatesPerDomain: 3})
	for id := uint16(256); id < 260; id++ {
		if id == 259 { // 256 is used, so 257 is the one to go
			mustAppend(t, d, ipfix(set(256, []byte{6})))
		}
		mustAppend(t, d, ipfix(set(2, tmpl(id, 4, 1))))
	}
	for id, known := range map[uint16]bool{256: true, 257: false, 258: true, 259: true} {
		recs, err := d.AppendRecords(nil, ipfix(set(id, []byte{6})), router, 1)
		if known != (len(recs) == 1) || known != (err == nil) {
			t.Errorf("template %d: %d records, %v; want it known: %v", id, len(recs), err, known)
		}
	}
	if s := d.Stats(); s.TemplatesEvicted != 1 || s.TemplatesLearned != 4 {
		t.Errorf("got %+v", s)
	}
}

// TestDomainsPerAddress sends from more domains of one address than it may have,
// beside another exporter: it loses of its own, and those that deliver last.
func TestDomainsPerAddress(t *testing.T) {
	d := NewDecoder(Config{MaxDomainsPerAddress: 20})
	other := netip.MustParseAddrPort("203.0.113.9:2055")
	send := func(from netip.AddrPort, domain uint32, second int64) {
		t.Helper()
		msg := ipfix(set(2, proto1), set(256, []byte{6}))
		if domain > 2 {
			msg = ipfix(set(256, []byte{6})) // no template: a stranger
		}
		binary.BigEndian.PutUint32(msg[12:], domain)
		d.AppendRecords(nil, msg, from, second*1e9)
		if err := checkStore(&d.store, d.cfg); err != nil {
			t.Fatal(err)
		}
	}
	send(router, 1, 1)
	send(router, 2, 1)
	send(other, 1, 1)
	for i := range uint32(1000) {
		send(router, 100+i, 2)
	}
	known := map[netip.Addr]int{}
	for _, r := range d.AppendReports(nil) {
		known[r.Exporter.Addr()]++
		if r.Domain < 3 && r.Records != 1 {
			t.Errorf("got %+v", r)
		}
	}
	good := d.store.domains[domainKey{router, 1, 10}] != nil && d.store.domains[domainKey{router, 2, 10}] != nil
	gone := d.Gone()
	if known[router.Addr()] != 20 || known[other.Addr()] != 1 || !good || d.Stats().DomainsEvicted != 982 || gone.Messages != 982 {
		t.Errorf("kept %v, the good ones: %v; %d messages gone; %+v", known, good, gone.Messages, d.Stats())
	}
}

// TestStoreBounds sends templates and data of many exporters at random and
// checks after each message that the store is within its bounds and whole.
func TestStoreBounds(t *testing.T) {
	cfg := Config{MaxTemplates: 10, MaxTemplatesPerDomain: 4, MaxExporters: 6, MaxOptionEntries: 12, MaxOptionEntriesPerDomain: 4}
	d := NewDecoder(cfg)
	rng := rand.New(rand.NewPCG(9, 10))
	for i := range 20000 {
		from := netip.AddrPortFrom(router.Addr(), uint16(rng.IntN(12)))
		id := uint16(256 + rng.IntN(8))
		var msg []byte
		switch rng.IntN(9) {
		case 8:
			told := byte(rng.IntN(6))
			msg = ipfix(set(3, append(fields(id, 4, 1), fields(302, 1, 34, 1, 10, 1, 82, 1)...)),
				set(id, []byte{told, byte(rng.IntN(3)), told, 'a' + byte(rng.IntN(3))}))
		case 0:
			msg = ipfix(set(2, fields(id, 0)))
		case 1:
			msg = ipfix(set(2, tmpl(id, 4, 1, 5, 1)))
		case 2:
			msg = v9(exportSecs, 7, set(0, tmpl(id, 4, 1)), set(id, []byte{6}))
		case 3:
			msg = v5Message(1)
			copy(msg[12:16], "\x00\x00\x00\x00") // whole seconds: needs a clock
		default:
			msg = ipfix(set(2, tmpl(id, 4, 1)), set(id, []byte{6}))
		}
		if _, err := d.AppendRecords(nil, msg, from, 1); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(50) == 0 {
			d.Forget(from)
		}
		if err := checkStore(&d.store, cfg); err != nil {
			t.Fatalf("after message %d: %v", i, err)
		}
	}
	s := d.Stats()
	if s.ExportersEvicted == 0 || s.TemplatesEvicted == 0 || s.TemplatesWithdrawn == 0 || s.TemplatesReplaced == 0 ||
		s.ExportersForgotten == 0 || s.OptionEntriesRefused == 0 {
		t.Errorf("not all was tried: %+v", s)
	}
}

func checkStore(s *store, cfg Config) error {
	for i, dom := range s.quick {
		// A dropped one's state is used for the next domain, which has another slot.
		if dom != nil && dom.key.slot() == uint64(i) && s.domains[dom.key] != dom {
			return fmt.Errorf("slot %d has a domain that is gone: %+v", i, dom.key)
		}
	}
	templates, domains := 0, 0
	for dom := range s.all() {
		domains++
		n := 0
		for t := dom.recent; t != nil; t = t.older {
			n++
			if dom.templates[t.id] != t {
				return fmt.Errorf("template %d is listed, not filed", t.id)
			}
		}
		if n != len(dom.templates) || n > cfg.MaxTemplatesPerDomain {
			return fmt.Errorf("%d templates listed, %d filed", n, len(dom.templates))
		}
		if src := s.sources[dom.key.exporter.Addr()]; src != dom.source || src.count > cfg.MaxDomainsPerAddress && cfg.MaxDomainsPerAddress > 0 ||
			(dom.sister == nil) != (src.eldest == dom) || (dom.senior == nil) != (src.domains == dom) {
			return fmt.Errorf("domain %v is not in its source's list", dom.key)
		}
		if s.domains[dom.key] != dom || dom.older == nil && s.lists[dom.standing].oldest != dom {
			return fmt.Errorf("domain %v is listed, not filed", dom.key)
		}
		templates += n
	}
	if err := checkOptions(s); err != nil {
		return err
	}
	waiting := 0
	for dom := range s.all() {
		for _, w := range dom.waits {
			waiting += w.cost()
		}
	}
	if waiting != s.waiting.cost || cfg.MaxWaiting > 0 && waiting > cfg.MaxWaiting {
		return fmt.Errorf("%d bytes wait, %d counted", waiting, s.waiting.cost)
	}
	if domains != len(s.domains) || domains > cfg.MaxExporters || templates != s.templates || templates > cfg.MaxTemplates {
		return fmt.Errorf("%d domains listed, %d filed; %d templates, %d counted", domains, len(s.domains), templates, s.templates)
	}
	return nil
}

// checkOptions recounts what options data told.
func checkOptions(s *store) error {
	entries := 0
	for _, dom := range s.domains {
		o := dom.options
		if o == nil {
			continue
		}
		entries += o.len()
		rates := make(map[uint64]int)
		for _, r := range o.samplers {
			rates[r]++
		}
		for _, r := range o.interfaces {
			rates[r]++
		}
		if o.len() > s.cfg.MaxOptionEntriesPerDomain || !maps.Equal(rates, o.rates) && len(rates)+len(o.rates) > 0 {
			return fmt.Errorf("options data of %v: %d entries, rates %v, counted %v", dom.key, o.len(), rates, o.rates)
		}
	}
	if entries != s.options || entries > s.cfg.MaxOptionEntries {
		return fmt.Errorf("%d entries of options data, %d counted, at most %d", entries, s.options, s.cfg.MaxOptionEntries)
	}
	return nil
}

// TestEveryCounterRises sends what raises each counter of Stats, and fails for
// one that stays zero: it counts nothing, or this test misses its cause.
func TestEveryCounterRises(t *testing.T) {
	d := NewDecoder(Config{
		MaxTemplates: 2, MaxExporters: 5, MaxDomainsPerAddress: 4, MaxRecords: 4, MaxWaiting: 4000, MaxWaitingPerDomain: 2000, MaxWaitNs: 1000,
		MaxOptionEntries: 1, MaxTexts: 1,
		Allow: []netip.Prefix{netip.PrefixFrom(router.Addr(), 24)},
	})
	gigamon := vendorTmpl(256, 0, 8, 4, 0, 12, 4, 0, 11, 2, 0, 460, 4, penGigamon, 204, 4, penGigamon, 207, 4, 0, 232, 1, 0, 292, 4)
	record := func(host, name string, port uint16, reverse byte) []byte {
		return slices.Concat(ip("192.0.2.1"), ip("192.0.2.2"), u16(port), []byte(host), []byte(name), ip("192.0.2.3"), []byte{reverse, 3, 9, 9, 1})
	}
	msgs := [][]byte{
		nil,
		make([]byte, 40), // no version
		v5Message(5),
		v9(exportSecs, 1_001, set(0, tmpl(256, 153, 8))),
		v9(exportSecs+99, 1_002, set(256, u64(1<<63)), set(9)), // clock set, bad time, reserved set
		ipfix(set(256, []byte{6})),                             // waits for the next one
		ipfix(set(2, proto1), set(3, append(fields(300, 2, 1), fields(143, 4, 4, 1)...)), set(300, u32(1), []byte{6})),
		ipfix(set(2, proto1), set(2, tmpl(256, 5, 2), []byte{0}), set(256, []byte{1}), set(999)),
		ipfix(set(2, proto1)),
		ipfix(set(2, fields(256, 0), tmpl(256, 5, 0)), []byte{1, 1, 1}),
		ipfix(set(777, make([]byte, 1500))),
		ipfix(set(777, make([]byte, 1500))), // the one before has to go
		ipfix(set(3, append(fields(300, 2, 1), fields(10, 4, 82, 2)...)), set(300, u32(1), []byte("e0"), u32(2), []byte("e1"))),
		ipfix(set(2, gigamon), set(256, record("a.b.", "c.d.", 53, 1), record("1.1:", "e.f.", 99, 0))),
	}
	long := strings.Repeat("x", maxLabel+1)
	msgs = append(msgs, ipfix(set(3, append(fields(300, 2, 1), fields(10, 4, 82, uint16(len(long)))...)), set(300, u32(1), []byte(long))),
		ipfix(set(2, gigamon)))
	answer := ipfix(set(256, record("a.b.", "c.d.", 53, 0)))
	for range maxAnswers + 1 {
		msgs = append(msgs, answer)
	}
	msgs = append(msgs, ipfix(set(2, fields(256, 0)))) // so that others' can be borrowed
	for _, m := range msgs {
		d.AppendRecords(nil, m, router, 1) // what errors there are, other tests check
	}
	other := NewDecoder(Config{})
	other.AppendRecords(nil, ipfix(set(2, proto1)), netip.AddrPortFrom(router.Addr(), 7), 1)
	if err := d.Restore(other.AppendState(nil, true), 1); err != nil {
		t.Fatal(err)
	}
	d.AppendRecords(nil, ipfix(set(2, tmpl(256, 4, 1))), netip.AddrPortFrom(router.Addr(), 1), 2)
	d.AppendRecords(nil, ipfix(set(256, []byte{6})), netip.AddrPortFrom(router.Addr(), 2), 5000)
	d.AppendRecords(nil, ipfix(set(2, proto1)), netip.MustParseAddrPort("203.0.113.1:9"), 5000)
	d.AppendRecords(nil, ipfix(set(2, proto1), set(2, proto1), set(700, []byte{6})), router, 5000)
	d.AppendRecords(nil, ipfix(), router, 7000)
	d.AppendRecords(nil, ipfix(set(2, proto1)), router, 1)
	d.Forget(router)
	v := reflect.ValueOf(d.Stats())
	for i := range v.NumField() {
		if v.Field(i).Uint() == 0 {
			t.Errorf("%s is still zero", v.Type().Field(i).Name)
		}
	}
}

// TestDomainSize keeps the package comment's word on what a state takes.
func TestDomainSize(t *testing.T) {
	if size := reflect.TypeFor[domain]().Size(); size > 1500 {
		t.Errorf("a domain takes %d bytes", size)
	}
}
