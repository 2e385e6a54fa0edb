package netflow

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
)

// numbered gives an IPFIX or v9 message this sequence number.
func numbered(msg []byte, number uint32) []byte {
	at := 8
	if binary.BigEndian.Uint16(msg) == 9 {
		at = 12
	}
	if binary.BigEndian.Uint16(msg) == 5 {
		at = 16
	}
	binary.BigEndian.PutUint32(msg[at:], number)
	return msg
}

// checkAccounts checks that the accounts add up, each by itself and all
// together to what was received.
func checkAccounts(d *Decoder, bytes uint64) error {
	var sum Account
	for _, r := range append(d.AppendReports(nil), Report{Account: d.Gone()}, Report{Account: d.Ended()}) {
		a := &r.Account
		classes := a.HeaderBytes + a.FlowBytes + a.OptionsBytes + a.TemplateBytes + a.PaddingBytes + a.Waiting.Bytes + a.RefusedBytes()
		if classes != a.Bytes {
			return fmt.Errorf("%v domain %d: %d bytes received, %d filed: %+v", r.Exporter, r.Domain, a.Bytes, classes, *a)
		}
		for _, v := range []uint64{a.Missing, a.Lost, a.Waiting.Count, a.Waiting.Bytes, a.Repeated} {
			if v > 1<<60 {
				return fmt.Errorf("a count fell below zero: %+v", *a)
			}
		}
		sum.Add(a)
	}
	s := d.Stats()
	if sum.Bytes != bytes || sum.Records+sum.Reversed != s.Records || sum.Reversed != s.ReverseRecords || sum.OptionsRecords != s.OptionsRecords || sum.PaddingBytes > s.PaddingBytes {
		return fmt.Errorf("%d bytes came, %d are filed; records %d and %d with %d reversed, options %d and %d", bytes, sum.Bytes,
			s.Records, sum.Records, sum.Reversed, s.OptionsRecords, sum.OptionsRecords)
	}
	return nil
}

// TestAccountAddsUp forces each kind of loss and asks for its place in the
// account, and for sums that hold.
func TestAccountAddsUp(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		why  Reason
		want Tally
		msgs [][]byte
	}{
		{"no version", Config{}, BadVersion, Tally{1, 40}, [][]byte{make([]byte, 40)}},
		{"one byte", Config{}, CutShort, Tally{1, 1}, [][]byte{{9}}},
		{"v5 header cut", Config{}, CutShort, Tally{1, 20}, [][]byte{v5Message(1)[:20]}},
		{"v5 record cut", Config{}, CutShort, Tally{1, 0}, [][]byte{v5Message(2)[:24+48+20]}},
		{"v5 count made up", Config{}, CutShort, Tally{1, 48}, [][]byte{append([]byte{0, 5, 9, 9}, v5Message(1)[4:]...)}},
		{"v9 header cut", Config{}, CutShort, Tally{1, 19}, [][]byte{v9(1, 1)[:19]}},
		{"IPFIX header cut", Config{}, CutShort, Tally{1, 15}, [][]byte{ipfix()[:15]}},
		{"IPFIX length under its header", Config{}, CutShort, Tally{1, 20}, [][]byte{append([]byte{0, 10, 0, 3}, make([]byte, 16)...)}},
		{"IPFIX cut", Config{}, CutShort, Tally{1, 0}, [][]byte{ipfix(set(2, proto1), set(256, []byte{6, 7}))[:16+4+8]}},
		{"set length", Config{}, BadSet, Tally{1, 4}, [][]byte{ipfix(set(2, proto1), []byte{1, 0, 0, 3})}},
		{"reserved set", Config{}, ReservedSet, Tally{1, 9}, [][]byte{ipfix(set(99, make([]byte, 5)))}},
		{"template cut", Config{}, BadTemplate, Tally{1, 6}, [][]byte{ipfix(set(2, fields(256, 9, 1)))}},
		{"template without length", Config{}, BadTemplate, Tally{1, 8}, [][]byte{ipfix(set(2, tmpl(256, 4, 0)))}},
		{"record cut", Config{}, BadRecord, Tally{1, 2}, [][]byte{ipfix(set(2, proto7), set(257, append([]byte{6}, make([]byte, 6)...), []byte{1, 2}))}},
		{"records", Config{MaxRecords: 2}, TooManyRecords, Tally{1, 3}, [][]byte{ipfix(set(2, proto1), set(256, []byte{1, 2, 3, 4, 5}))}},
		{"v5 records", Config{MaxRecords: 2}, TooManyRecords, Tally{1, 48}, [][]byte{v5Message(3)}},
		{"template never comes", Config{MaxWaitNs: 1}, TemplateMissing, Tally{1, 7}, [][]byte{ipfix(set(300, []byte{1, 2, 3})), ipfix()}},
		{"too large to wait", Config{MaxWaitingPerDomain: 500}, WaitingRoomFull, Tally{1, 604}, [][]byte{ipfix(set(300, make([]byte, 600)))}},
		{"no room in the domain", Config{MaxWaitingPerDomain: 1000}, WaitingRoomFull, Tally{1, 604},
			[][]byte{ipfix(set(300, make([]byte, 600))), ipfix(set(300, make([]byte, 600)))}},
		{"no room at all", Config{MaxWaiting: 1000, MaxWaitingPerDomain: 2000}, WaitingRoomFull, Tally{1, 604},
			[][]byte{ipfix(set(300, make([]byte, 600))), ipfix(set(300, make([]byte, 600)))}},
		{"not allowed", Config{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, NotAllowed, Tally{1, 72}, [][]byte{v5Message(1)}},
	}
	seen := map[Reason]bool{}
	for _, tt := range tests {
		d := NewDecoder(tt.cfg)
		var bytes uint64
		for i, m := range tt.msgs {
			d.AppendRecords(nil, m, router, int64(1+i*10))
			bytes += uint64(len(m))
		}
		if err := checkAccounts(d, bytes); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		var all Account
		for _, r := range d.AppendReports(nil) {
			all.Add(&r.Account)
		}
		var want [reasons]Tally
		want[tt.why] = tt.want
		if all.Refused != want {
			t.Errorf("%s: refused %v, want %v of %s", tt.name, all.Refused, tt.want, tt.why)
		}
		st := d.Stats()
		got := [3]uint64{st.MessagesRefused, st.WaitingExpired, st.WaitingEvicted}
		if want := [3]uint64{want[NotAllowed].Count, want[TemplateMissing].Count, want[WaitingRoomFull].Count}; got != want {
			t.Errorf("%s: Stats have %v messages refused, waits expired and evicted, want %v", tt.name, got, want)
		}
		seen[tt.why] = true
	}
	for _, r := range Reasons() {
		if !seen[r] {
			t.Errorf("no test for %s", r)
		}
	}
}

// TestAccountAddsEveryField fails for a field that Add forgets.
func TestAccountAddsEveryField(t *testing.T) {
	var one, sum Account
	fill(reflect.ValueOf(&one).Elem())
	sum.Add(&one)
	sum.Add(&one)
	check := reflect.ValueOf(sum)
	for i := range check.NumField() {
		if !doubled(check.Field(i)) {
			t.Errorf("%s is not added", check.Type().Field(i).Name)
		}
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Uint64:
		v.SetUint(1)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	}
}

func doubled(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if !doubled(v.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Array:
		for i := range v.Len() {
			if !doubled(v.Index(i)) {
				return false
			}
		}
		return true
	}
	return v.Uint() == 2
}

// A sender makes messages of n records each with the numbers of a counting.
type sender struct {
	version uint16
	counts  Counting
	number  uint32
}

func (s *sender) next(records int, options bool) []byte {
	var m []byte
	c := counts{ofMessages: 1, ofRecords: uint32(records), ofFlows: uint32(records), ofAll: uint32(records), ofFlowsSoFar: uint32(records)}
	body := slices.Repeat([]byte{6}, records)
	opts := set(300, u32(1), []byte{6})
	switch s.version {
	case 5:
		m = v5Message(records)
	case 9:
		m = v9(exportSecs, 77, set(256, body))
	default:
		m = ipfix(set(256, body))
		if options {
			m = ipfix(set(256, body), opts)
			c[ofRecords]++
			c[ofAll]++
		}
	}
	if s.counts == ofFlowsSoFar {
		s.number += c.of(s.counts)
		return numbered(m, s.number)
	}
	m = numbered(m, s.number)
	s.number += c.of(s.counts)
	return m
}

// taught is a decoder that knows what a sender's messages need.
func taught(t *testing.T, version uint16) *Decoder {
	d := NewDecoder(Config{})
	switch version {
	case 9:
		mustAppend(t, d, numbered(v9(exportSecs, 77, set(0, proto1)), 1<<31))
	case 10:
		mustAppend(t, d, numbered(ipfix(set(2, proto1), set(3, append(fields(300, 2, 1), fields(143, 4, 4, 1)...))), 1<<31))
	}
	for _, dom := range d.store.domains {
		dom.sequence = sequence{}
	}
	return d
}

// TestSequenceLoss drops, doubles and swaps messages of exporters that count
// rightly and wrongly, over the wrap of their numbers, and asks for exactly what
// was dropped.
func TestSequenceLoss(t *testing.T) {
	for _, tt := range []struct {
		version uint16
		counts  Counting
		loss    bool // can be seen
	}{
		{5, ofRecords, true}, {5, ofMessages, true}, {5, ofFlowsSoFar, true}, {5, ofNothing, false},
		{9, ofMessages, true}, {9, ofRecords, true}, {9, ofFlowsSoFar, true}, {9, ofNothing, false},
		{10, ofRecords, true}, {10, ofMessages, true}, {10, ofFlows, true}, {10, ofFlowsSoFar, true}, {10, ofNothing, false},
	} {
		t.Run(fmt.Sprintf("v%d of %s", tt.version, tt.counts), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(tt.version), uint64(tt.counts)))
			d := taught(t, tt.version)
			s := &sender{version: tt.version, counts: tt.counts, number: ^uint32(0) - 700}
			var lost, swapped, doubled uint64
			for i := range 2000 {
				records := 2 + rng.IntN(4)
				before := s.number
				m := s.next(records, i%3 == 0)
				switch units := uint64(s.number - before); {
				case i < 40 || i > 1900: // whole, to be learned by and to close gaps
				case i%50 == 7:
					lost += units
					continue
				case i%50 == 20:
					swapped++
					later := s.next(records, false)
					mustAppend(t, d, later)
				case i%50 == 30:
					doubled++
					mustAppend(t, d, slices.Clone(m))
				}
				mustAppend(t, d, m)
			}
			r := oneReport(t, d)
			if r.Counting != tt.counts || !r.CountingDecided || r.CountsAsItShould != (tt.counts == rightCounting(tt.version)) {
				t.Errorf("counts %s, decided %v, right %v", r.Counting, r.CountingDecided, r.CountsAsItShould)
			}
			if !tt.loss {
				lost, swapped, doubled = 0, 0, 0
			}
			if r.Lost != lost || r.Missing != 0 || r.Reordered != swapped || r.Repeated != doubled || r.Restarts != 0 || r.SequenceJumps != 0 {
				t.Errorf("lost %d, missing %d, reordered %d, repeated %d, restarts %d, jumps %d; want %d, 0, %d, %d, 0, 0",
					r.Lost, r.Missing, r.Reordered, r.Repeated, r.Restarts, r.SequenceJumps, lost, swapped, doubled)
			}
		})
	}
}

// oneReport is the report of the one domain there is.
func oneReport(t *testing.T, d *Decoder) Report {
	t.Helper()
	all := d.AppendReports(nil)
	if len(all) != 1 {
		t.Fatalf("%d reports, want one", len(all))
	}
	return all[0]
}

// TestSequenceByChance has numbers that mean nothing: no loss is made of them.
func TestSequenceByChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	d := taught(t, 10)
	s := &sender{version: 10, counts: ofRecords}
	for range 200 {
		s.number = rng.Uint32()
		mustAppend(t, d, s.next(3, false))
	}
	if r := oneReport(t, d); r.Counting != ofChance || r.CountsAsItShould || r.Lost != 0 || r.Missing != 0 || r.Unverified < 100 {
		t.Errorf("got %s, %+v", r.Counting, r.Account)
	}
}

// TestSequenceIsClearSoon: an exporter that counts otherwise than it has to is known
// for that before a short capture ends, and is said to have lost nothing.
func TestSequenceIsClearSoon(t *testing.T) {
	for _, unit := range []Counting{ofMessages, ofFlowsSoFar, ofNothing} {
		d := taught(t, 10)
		s := &sender{version: 10, counts: unit}
		for i := range clearTrials + 1 {
			mustAppend(t, d, s.next(2+i%3, false))
		}
		if r := oneReport(t, d); r.Counting != unit || !r.CountingDecided || r.Missing+r.Lost+r.Repeated+r.Reordered != 0 {
			t.Errorf("%s: counts %s, decided %v, %+v", unit, r.Counting, r.CountingDecided, r.Account)
		}
	}
	// One that counts rightly and loses is not taken for another.
	d := taught(t, 10)
	s := &sender{version: 10, counts: ofRecords}
	for i := range clearTrials + 1 {
		if m := s.next(2+i%3, false); i != 4 {
			mustAppend(t, d, m)
		}
	}
	if r := oneReport(t, d); r.Counting != ofRecords || r.CountingDecided || r.Missing != 3 {
		t.Errorf("counts %s, decided %v, %d missing, want 3", r.Counting, r.CountingDecided, r.Missing)
	}
}

// TestSequenceRestart has exporters that begin anew: far behind, soon after their
// start, and by a jump ahead. None is a loss; a gap before it is.
func TestSequenceRestart(t *testing.T) {
	for _, tt := range []struct {
		name            string
		first, again    uint32
		restarts, jumps uint64
	}{
		{"after long", 5_000_000, 0, 1, 0},
		{"soon", 0, 0, 1, 0},
		{"ahead", 0, 1 << 30, 0, 1},
	} {
		d := taught(t, 10)
		s := &sender{version: 10, counts: ofRecords, number: tt.first}
		for i := range 40 {
			m := s.next(3, false)
			if i != 38 {
				mustAppend(t, d, m)
			}
		}
		s.number = tt.again
		for range 100 {
			mustAppend(t, d, s.next(3, false))
		}
		if r := oneReport(t, d); r.Lost != 3 || r.Missing != 0 || r.Restarts != tt.restarts || r.SequenceJumps != tt.jumps || r.Repeated != 0 {
			t.Errorf("%s: lost %d, missing %d, restarts %d, jumps %d, repeated %d", tt.name, r.Lost, r.Missing, r.Restarts, r.SequenceJumps, r.Repeated)
		}
	}
}

// TestSequenceModel sends numbers at random, with loss and disorder beyond any
// window, and checks that the account stays sane after each.
func TestSequenceModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var s sequence
	var a Account
	number := uint32(0)
	for i := range 200_000 {
		n := uint32(rng.IntN(5))
		at := number
		switch rng.IntN(20) {
		case 0:
			at -= uint32(rng.IntN(200))
		case 1:
			number += uint32(rng.IntN(50))
			at = number
		case 2:
			if rng.IntN(500) == 0 {
				number = rng.Uint32()
				at = number
			}
		}
		s.observe(&a, 10, at, &counts{ofMessages: 1, ofRecords: n, ofFlows: n, ofAll: n, ofFlowsSoFar: n}, rng.IntN(100) == 0)
		if at == number {
			number += n
		}
		var open uint64
		for _, g := range s.gaps[:s.open] {
			if g.n == 0 {
				t.Fatalf("message %d: an empty gap stays open", i)
			}
			open += uint64(g.n)
		}
		if a.Missing != open+s.doubted || a.Lost > 1<<40 || a.Repeated > uint64(i) {
			t.Fatalf("message %d: missing %d, open %d, doubted %d, %+v", i, a.Missing, open, s.doubted, a)
		}
	}
}

// TestExporterRestart has an uptime that falls, one that wraps and one that comes
// late.
func TestExporterRestart(t *testing.T) {
	for _, tt := range []struct {
		name         string
		secs, uptime uint32
		restarts     uint64
	}{
		{"goes on", exportSecs + 60, 4_294_960_000 + 6_000, 0},
		{"late", exportSecs - 5, 4_294_960_000 - 5_000, 0},
		{"wraps", exportSecs + 60, 52_704, 0},
		{"restart", exportSecs + 600, 5_000, 1},
	} {
		for version, msg := range map[string]func(secs, uptime uint32) []byte{
			"v9": func(secs, uptime uint32) []byte { return v9(secs, uptime, set(0, proto1)) },
			"v5": func(secs, uptime uint32) []byte {
				m := v5Message(1)
				copy(m[4:], slices.Concat(u32(uptime), u32(secs)))
				return m
			},
		} {
			d := NewDecoder(Config{})
			d.AppendRecords(nil, numbered(msg(exportSecs, 4_294_960_000), 700), router, 1)
			d.AppendRecords(nil, numbered(msg(tt.secs, tt.uptime), 701), router, 2)
			if r := oneReport(t, d); r.Restarts != tt.restarts || r.Lost+r.Missing != 0 {
				t.Errorf("%s %s: %d restarts, want %d; %+v", version, tt.name, r.Restarts, tt.restarts, r.Account)
			}
		}
	}
}

// TestOffset measures clocks that are off, cut to seconds, and drift.
func TestOffset(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for _, tt := range []struct{ offsetMs, driftPPM int64 }{{0, 0}, {3_600_000, 0}, {-90_000, 0}, {500, 50}, {0, -200}} {
		d := NewDecoder(Config{})
		now := int64(exportSecs) * 1000
		begin := now
		var want int64
		for now < begin+2*3600_000 {
			now += 1 + rng.Int64N(9_000)
			want = tt.offsetMs + (now-begin)*tt.driftPPM/1_000_000
			exported := now - want - rng.Int64N(20) // some delay
			m := ipfix(set(2, proto1))
			binary.BigEndian.PutUint32(m[4:], uint32(exported/1000))
			if _, err := d.AppendRecords(nil, m, router, now*1e6); err != nil {
				t.Fatal(err)
			}
		}
		r := oneReport(t, d)
		if off := r.OffsetNs/1e6 - want; !r.HasOffset || off < -300 || off > 300 {
			t.Errorf("%+v: offset %d ms, want %d", tt, r.OffsetNs/1e6, want)
		}
		if off := r.DriftPPB/1000 - tt.driftPPM; !r.HasDrift || off < -15 || off > 15 {
			t.Errorf("%+v: drift %d ppb", tt, r.DriftPPB)
		}
	}
}

// TestReport asks for what else a report says.
func TestReport(t *testing.T) {
	d := NewDecoder(Config{})
	const s = int64(1e9)
	at := func(ns int64, sets ...[]byte) {
		if _, err := d.AppendRecords(nil, ipfix(sets...), router, ns); err != nil {
			t.Fatal(err)
		}
	}
	at(10*s, set(2, tmpl(256, 152, 8, 153, 8)), set(3, append(fields(300, 2, 1), fields(143, 4, 34, 4)...)))
	at(20*s, set(300, u32(1), u32(512)))
	at(70*s, set(256, u64(exportSecs*1000), u64(exportSecs*1000)))
	at(310*s, set(2, tmpl(256, 152, 8, 153, 8)))
	r := oneReport(t, d)
	want := Report{
		Exporter: router, Domain: 7, Version: 10, Account: r.Account,
		FirstNs: 10 * s, LastNs: 310 * s, LatelyMessages: 1, LatelyFlows: 0, LatelyNs: 240 * s,
		Templates: 1, OptionsTemplates: 1, TemplatesNs: 310 * s, RefreshNs: 300 * s,
		SamplingRate: 512, TimeSource: TimesAbsolute, StartErrorNs: fineErrorNs,
		OffsetNs: 10*s - exportSecs*s, HasOffset: true, Counting: ofRecords, CountsAsItShould: true,
	}
	if r != want {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if r.Messages != 4 || r.Records != 1 || r.OptionsRecords != 1 {
		t.Errorf("got %+v", r.Account)
	}
}

// TestTimeSource names what a template's times are.
func TestTimeSource(t *testing.T) {
	for _, tt := range []struct {
		want   TimeSource
		fields []uint16
	}{
		{TimesAbsolute, []uint16{152, 8, 153, 8}}, {TimesSeconds, []uint16{150, 4, 151, 4}}, {TimesUptime, []uint16{22, 4, 21, 4}},
		{TimesBefore, []uint16{158, 4, 159, 4}}, {TimesEvent, []uint16{323, 8}}, {TimesHeader, []uint16{1, 8}},
	} {
		d := NewDecoder(Config{})
		rec := make([]byte, 0, 16)
		for i := 1; i < len(tt.fields); i += 2 {
			rec = append(rec, make([]byte, tt.fields[i]-4)...)
			rec = append(rec, 1, 2, 3, 4)
		}
		mustAppend(t, d, ipfix(set(2, tmpl(256, tt.fields...)), set(256, rec)))
		if r := oneReport(t, d); r.TimeSource != tt.want {
			t.Errorf("%v: %s, want %s", tt.fields, r.TimeSource, tt.want)
		}
	}
}

// BenchmarkLedger is what the account costs a message: the sequence and the
// times, apart from the reading.
func BenchmarkLedger(b *testing.B) {
	d := NewDecoder(Config{})
	msgs := make([][]byte, 256)
	s := &sender{version: 10, counts: ofRecords}
	if _, err := d.AppendRecords(nil, ipfix(set(2, proto1)), router, 1); err != nil {
		b.Fatal(err)
	}
	for i := range msgs {
		msgs[i] = s.next(1, false)
	}
	dom := d.msg.domain
	m := &d.msg
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.base.SequenceNum, m.base.ReceivedNs, m.flows, m.domain = uint32(i*18), int64(i)*1e6, 18, dom
		d.endMessage()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/18, "ns/flow")
}
