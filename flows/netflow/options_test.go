package netflow

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"flowname/flows"
)

// flowOf is a flow record of one vendor-free template, after options data.
func flowOf(t *testing.T, options []byte, template []uint16, data ...[]byte) flows.Record {
	t.Helper()
	return decodeOne(t, options, ipfix(set(2, tmpl(256, template...)), set(256, slices.Concat(data...))))
}

// optionsMessage tells records of an options template whose first field is
// the scope.
func optionsMessage(template []uint16, records ...[]byte) []byte {
	return ipfix(set(3, append(fields(300, uint16(len(template)/2), 1), fields(template...)...)), set(300, records...))
}

func f64(v float64) []byte { return u64(math.Float64bits(v)) }

func TestSamplerForms(t *testing.T) {
	proto := []uint16{4, 1}
	tests := []struct {
		name     string
		template []uint16 // after the scope, a selector
		data     []byte
		want     uint64
	}{
		{"interval", []uint16{34, 4, 35, 1}, append(u32(512), 1), 512},
		{"random interval", []uint16{49, 1, 50, 4}, append([]byte{2}, u32(1000)...), 1000},
		{"n of N", []uint16{304, 2, 309, 4, 310, 4}, slices.Concat(u16(3), u32(2), u32(200)), 100},
		{"packet interval and space", []uint16{304, 2, 305, 4, 306, 4}, slices.Concat(u16(1), u32(10), u32(990)), 100},
		{"every packet", []uint16{305, 4, 306, 4}, slices.Concat(u32(1), u32(0)), 1},
		{"packet interval without a space", []uint16{305, 4}, u32(100), 0},
		{"probability", []uint16{304, 2, 311, 8}, append(u16(4), f64(0.001)...), 1000},
		{"probability in four bytes", []uint16{311, 4}, u32(math.Float32bits(0.25)), 4},
		{"probability of zero", []uint16{311, 8}, f64(0), 0},
		{"probability that is none", []uint16{311, 8}, f64(math.NaN()), 0},
		{"interval of zero", []uint16{34, 4}, u32(0), 0},
		{"population under the sample", []uint16{309, 4, 310, 4}, slices.Concat(u32(5), u32(4)), 0},
	}
	for _, tt := range tests {
		options := optionsMessage(append([]uint16{302, 4}, tt.template...), append(u32(1), tt.data...))
		if r := flowOf(t, options, proto, []byte{6}); r.SamplingRate != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, r.SamplingRate, tt.want)
		}
	}
}

func TestSamplersAreBound(t *testing.T) {
	selectors := optionsMessage([]uint16{302, 4, 34, 4}, u32(1), u32(100), u32(2), u32(200))
	interfaces := optionsMessage([]uint16{10, 4, 34, 4}, u32(7), u32(100), u32(8), u32(200))
	again := optionsMessage([]uint16{302, 4, 34, 4}, u32(1), u32(100), u32(2), u32(200), u32(2), u32(400))
	gone := optionsMessage([]uint16{302, 4, 34, 4}, u32(1), u32(100), u32(2), u32(200), u32(2), u32(0))
	tests := []struct {
		name     string
		options  []byte
		template []uint16
		data     []byte
		want     uint64
	}{
		{"by selector", selectors, []uint16{302, 4, 4, 1}, append(u32(2), 6), 200},
		{"by sampler id", selectors, []uint16{48, 1, 4, 1}, []byte{1, 6}, 100},
		{"by nothing, and they differ", selectors, []uint16{4, 1}, []byte{6}, 0},
		{"by a selector not told of", selectors, []uint16{302, 4, 4, 1}, append(u32(3), 6), 0},
		{"by the interface it came in at", interfaces, []uint16{10, 2, 14, 2}, slices.Concat(u16(8), u16(7)), 200},
		{"by the interface it went out at", interfaces, []uint16{10, 2, 14, 2, 61, 1}, slices.Concat(u16(8), u16(7), []byte{1}), 100},
		{"by an interface without a sampler", interfaces, []uint16{10, 2}, u16(9), 0},
		{"its own word first", selectors, []uint16{302, 4, 34, 4}, slices.Concat(u32(2), u32(5)), 5},
		{"its own word is zero", selectors, []uint16{302, 4, 34, 4}, slices.Concat(u32(2), u32(0)), 200},
		{"told anew", again, []uint16{302, 4}, u32(2), 400},
		{"taken back", gone, []uint16{302, 4}, u32(2), 100}, // the one that is left stands for all
	}
	for _, tt := range tests {
		if r := flowOf(t, tt.options, tt.template, tt.data); r.SamplingRate != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, r.SamplingRate, tt.want)
		}
	}
}

// TestCountersStayRaw asks that a rate scales nothing.
func TestCountersStayRaw(t *testing.T) {
	r := flowOf(t, optionsMessage([]uint16{302, 4, 34, 4}, u32(1), u32(100)), []uint16{1, 4, 2, 4}, u32(1500), u32(1))
	if r.Bytes != 1500 || r.Packets != 1 || r.SamplingRate != 100 {
		t.Errorf("got %d bytes, %d packets at 1 in %d", r.Bytes, r.Packets, r.SamplingRate)
	}
}

func TestV5SamplingModeIsNoRate(t *testing.T) {
	m := v5Message(1)
	m[22], m[23] = 0x42, 0x00 // mode 1, interval 512
	if r := decodeOne(t, m); r.SamplingRate != 512 {
		t.Errorf("got %d, want 512", r.SamplingRate)
	}
}

// TestExporterWideOptions has options data of domain 0, which is the exporter's,
// before and after the domain of the flows has some of its own.
func TestExporterWideOptions(t *testing.T) {
	domain := func(id byte, m []byte) []byte { m[15] = id; return m }
	sampler := func(rate uint32) []byte { return optionsMessage([]uint16{302, 4, 34, 4}, u32(1), u32(rate)) }
	name := optionsMessage([]uint16{10, 4, 82, 4}, u32(9), []byte("eth9"))
	flow := ipfix(set(2, tmpl(256, 10, 4)), set(256, u32(9)))
	recs, _, err := decode(flow, domain(0, sampler(100)), domain(0, name), flow, sampler(50), flow, domain(8, slices.Clone(flow)))
	if err != nil || len(recs) != 4 {
		t.Fatalf("%d records, %v", len(recs), err)
	}
	var got []uint64
	for _, r := range recs {
		got = append(got, r.SamplingRate)
	}
	if want := []uint64{0, 100, 50, 100}; !slices.Equal(got, want) {
		t.Errorf("got rates %v, want %v", got, want)
	}
	if recs[0].InIfName != "" || recs[1].InIfName != "eth9" || recs[3].InIfName != "eth9" {
		t.Errorf("got names %q, %q, %q", recs[0].InIfName, recs[1].InIfName, recs[3].InIfName)
	}
}

func TestApplicationTable(t *testing.T) {
	text := func(s string, n int) []byte { return append([]byte(s), make([]byte, n-len(s))...) }
	nbar := optionsMessage([]uint16{95, 4, 96, 8, 94, 8},
		[]byte{3, 0, 0, 80}, text("http", 8), text("Web", 8),
		[]byte{13, 0, 1, 0xc5}, text("", 8), text("TLS", 8))
	fortinet := optionsMessage([]uint16{95, 9, 96, 8},
		[]byte{20}, u32(12356), u32(40568), text("Skype", 8))
	tests := []struct {
		name     string
		options  []byte
		template []uint16
		data     []byte
		want     string
	}{
		{"name", nbar, []uint16{95, 4}, []byte{3, 0, 0, 80}, "http"},
		{"selector in fewer bytes", nbar, []uint16{95, 2}, []byte{3, 80}, "http"},
		{"description for want of a name", nbar, []uint16{95, 4}, []byte{13, 0, 1, 0xc5}, "TLS"},
		{"not in the table", nbar, []uint16{95, 4}, []byte{13, 0, 0, 80}, ""},
		{"engine 20, within an enterprise", fortinet, []uint16{95, 9}, slices.Concat([]byte{20}, u32(12356), u32(40568)), "Skype"},
		{"the same of another enterprise", fortinet, []uint16{95, 9}, slices.Concat([]byte{20}, u32(9), u32(40568)), ""},
		{"the flow's own name first", nbar, []uint16{95, 4, 96, 5}, append([]byte{3, 0, 0, 80}, "own\x00x"...), "own"},
		{"a dash is none", nbar, []uint16{95, 4, 96, 1}, []byte{3, 0, 0, 80, '-'}, "http"},
		{"too short for an id", nbar, []uint16{95, 1}, []byte{3}, ""},
	}
	for _, tt := range tests {
		if r := flowOf(t, tt.options, tt.template, tt.data); r.AppName != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, r.AppName, tt.want)
		}
	}
}

func TestInterfaceAndVRFNames(t *testing.T) {
	names := v9(exportSecs, 5, set(1, fields(300, 4, 4, 2, 4, 82, 3), fields(301, 4, 8, 1, 4, 234, 4, 236, 4)),
		set(300, u32(7), []byte("Gi0"), u32(8), []byte("Gi1"), []byte{0}), set(301, make([]byte, 4), u32(3), []byte("blue"), make([]byte, 4), u32(4), []byte("red ")))
	flow := v9(exportSecs, 6, set(0, tmpl(256, 10, 2, 14, 2, 234, 4, 235, 4)), set(256, u16(7), u16(8), u32(3), u32(4)))
	r := decodeOne(t, names, flow)
	if r.InIfName != "Gi0" || r.OutIfName != "Gi1" || r.InVRFName != "blue" || r.OutVRFName != "red" {
		t.Errorf("got %+v", r.Texts)
	}
	renamed := v9(exportSecs, 7, set(300, u32(7), []byte("Te0")))
	// A record about the interface that does not name it takes no name away.
	sampled := v9(exportSecs, 7, set(1, fields(302, 4, 4, 2, 4, 34, 4)), set(302, u32(7), u32(10)))
	recs, _, err := decode(names, flow, renamed, sampled, flow)
	if err != nil || len(recs) != 2 || recs[1].InIfName != "Te0" || recs[0].InIfName != "Gi0" {
		t.Errorf("got %d records, %v; %+v", len(recs), err, recs)
	}
}

// TestScopesThatAreElements has an information element where v9 has a scope.
func TestScopesThatAreElements(t *testing.T) {
	names := v9(exportSecs, 5, set(1, fields(300, 8, 4, 1, 0, 95, 4, 96, 4)), set(300, []byte{3, 0, 0, 53}, []byte("dns\x00")))
	flow := v9(exportSecs, 6, set(0, tmpl(256, 95, 4)), set(256, []byte{3, 0, 0, 53}))
	if r := decodeOne(t, names, flow); r.AppName != "dns" {
		t.Errorf("got %q", r.AppName)
	}
}

func TestExporterStats(t *testing.T) {
	d := NewDecoder(Config{})
	mustAppend(t, d, optionsMessage([]uint16{144, 4, 36, 2, 37, 2, 40, 8, 41, 8, 42, 8, 164, 8, 166, 8, 167, 8},
		u32(1), u16(1800), u16(15), u64(1), u64(2), u64(3), u64(4), u64(5), u64(6)))
	mustAppend(t, d, optionsMessage([]uint16{144, 4, 42, 8}, u32(1), u64(9)))
	n := 0
	for domain, got := range d.ExporterStats() {
		n++
		want := ExporterStats{ActiveTimeout: 1800, IdleTimeout: 15, ExportedOctets: 1, ExportedMessages: 2, ExportedFlows: 9,
			IgnoredPackets: 4, NotSentFlows: 5, NotSentPackets: 6, Records: 2}
		if got != want || domain != (Domain{router, 7, 10}) {
			t.Errorf("%v: got %+v, want %+v", domain, got, want)
		}
	}
	if n != 1 {
		t.Errorf("%d domains told of themselves, want 1", n)
	}
	if d.msg.tables.any() {
		t.Error("flows are looked up in options data that says nothing of them")
	}
}

// TestOptionEntriesAreBounded fills a domain, then the whole, and then asks for
// what was told last.
func TestOptionEntriesAreBounded(t *testing.T) {
	cfg := Config{MaxOptionEntries: 8, MaxOptionEntriesPerDomain: 4}
	d := NewDecoder(cfg)
	for port := range uint16(6) {
		from := netip.AddrPortFrom(router.Addr(), port)
		var told [][]byte
		for i := range uint32(6) {
			told = append(told, u32(i+1), []byte{'a' + byte(i)})
		}
		if _, err := d.AppendRecords(nil, optionsMessage([]uint16{10, 4, 82, 1}, told...), from, 1); err != nil {
			t.Fatal(err)
		}
		if err := checkStore(&d.store, d.cfg); err != nil {
			t.Fatal(err)
		}
	}
	s := d.Stats()
	if s.OptionEntries != 24 || s.OptionEntriesRefused != 12 || s.ExportersEvicted != 4 {
		t.Errorf("got %+v", s)
	}
	recs, err := d.AppendRecords(nil, ipfix(set(2, tmpl(256, 10, 4)), set(256, u32(4), u32(5))), netip.AddrPortFrom(router.Addr(), 5), 1)
	if err != nil || len(recs) != 2 || recs[0].InIfName != "d" || recs[1].InIfName != "" {
		t.Errorf("got %+v, %v", recs, err)
	}
}

func TestLabels(t *testing.T) {
	d := NewDecoder(Config{})
	for raw, want := range map[string]string{
		"plain":                            "plain",
		"  padded \x00rubbish":             "padded",
		"\x00":                             "",
		"-":                                "",
		"Köln":                             "Köln",
		"a\xffb":                           "a\uFFFDb",
		"a\x1b[31mb\u0085c\u007f":          "a\uFFFD[31mb\uFFFDc\uFFFD",
		"line\nbreak":                      "line\uFFFDbreak",
		strings.Repeat("x", 300):           strings.Repeat("x", 128),
		strings.Repeat("x", 127) + "é":     strings.Repeat("x", 127),
		strings.Repeat("\xff", maxRawText): strings.Repeat("\uFFFD", 42),
	} {
		if got := d.labels.string([]byte(raw)); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
	if n := d.Stats().TextsTooLong; n != 3 {
		t.Errorf("%d texts were too long, want 3", n)
	}
}

// TestTextsAreKeptOnce asks that known texts cost nothing, and that forgotten
// ones stay what they were.
func TestTextsAreKeptOnce(t *testing.T) {
	var stats Stats
	texts := newTexts(appendLabel, maxLabel, 4, &stats)
	first, raw := texts.string([]byte("first")), []byte("first")
	if n := testing.AllocsPerRun(100, func() { texts.string(raw) }); n != 0 {
		t.Errorf("%v allocations for a known text", n)
	}
	for i := range byte(100) {
		texts.string([]byte{'t', 'a' + i%26, 'a' + i/26})
		if n := len(texts.young) + len(texts.old); n > 8 {
			t.Fatalf("%d texts are known, want at most 8", n)
		}
	}
	if first != "first" || stats.TextsForgotten == 0 || texts.string(raw) != "first" {
		t.Errorf("got %q, %d forgotten", first, stats.TextsForgotten)
	}
}
