package netflow

import (
	"slices"
	"strings"
	"testing"
)

func TestHostNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	d := NewDecoder(Config{})
	for raw, want := range map[string]string{
		"www.Example.COM":                 "www.example.com",
		"www.example.com.":                "www.example.com",
		"www.example.com:8080":            "www.example.com",
		"www.example.com.:8080":           "www.example.com",
		"www.example.com:":                "www.example.com",
		"www.example.com\x00\x00x":        "www.example.com",
		" www.example.com ":               "www.example.com",
		"localhost":                       "localhost",
		"_dmarc.a-b.example":              "_dmarc.a-b.example",
		"bücher.example":                  `b\195\188cher.example`,
		"a\x01b.example":                  `a\001b.example`,
		`a\b.example`:                     `a\\b.example`,
		"1.2.3.example":                   "1.2.3.example",
		"0x.example":                      "0x.example",
		"":                                "",
		"-":                               "",
		".":                               "",
		"a..b":                            "",
		".a":                              "",
		"192.0.2.1":                       "",
		"192.0.2.1:80":                    "",
		"192.0.2.1.":                      "",
		"127.1":                           "",
		"2130706433":                      "",
		"0x7f000001":                      "",
		"0x7F.1":                          "",
		"[2001:db8::1]":                   "",
		"[2001:db8::1]:443":               "",
		"2001:db8::1":                     "",
		"::1":                             "",
		"http://www.example.com/":         "",
		"www.example.com/path":            "",
		"user@www.example.com":            "",
		"a b.example":                     "",
		"www.example.com:http":            "",
		"www.example.com:123456":          "",
		long + ".example":                 long + ".example",
		long + "a.example":                "",
		strings.Repeat("a.", 126) + "b":   strings.Repeat("a.", 126) + "b",
		strings.Repeat("a.", 127) + "b":   "",
		strings.Repeat("a", 2*maxRawText): "",
	} {
		if got := d.hosts.string([]byte(raw)); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
}

// TestHostElements reads the server's name from each element that has it.
func TestHostElements(t *testing.T) {
	text := []byte("www.example.com")
	tests := []struct {
		pen, id uint32
		data    []byte
		want    string
	}{
		{0, 460, text, "www.example.com"},
		{penCisco, 12235, append([]byte{3, 0, 0, 80, 0x34, 2}, text...), "www.example.com"},
		{penCisco, 12235, append([]byte{3, 0, 0, 80, 0x34, 1}, "/path"...), ""},                                // the URL
		{penCisco, 12235, append([]byte{13, 0, 1, 0xc5, 0x34, 1}, "*.example.com"...), ""},                     // a certificate
		{penCisco, 12235, append([]byte{3, 0, 2, 0x2a, 0x34, 1}, "media.example.com"...), "media.example.com"}, // RTSP
		{penCisco, 12235, append([]byte{3, 0, 0, 25, 0x34, 1}, "mx.example.com"...), ""},                       // how a server of mail greets
		{penCisco, 12235, []byte{3, 0, 0, 80, 0x34, 2}, ""},
		{penCisco, 12235, []byte{3, 0}, ""},
		{penIxia, 183, text, "www.example.com"}, {penIxia, 201, text, "www.example.com"},
		{penCitrix, 142, text, "www.example.com"}, {penCitrix, 267, text, "www.example.com"},
		{penCERT, 117, text, "www.example.com"}, {penCERT, 294, text, "www.example.com"},
		{penCESNET, 808, text, "www.example.com"}, {penCESNET, 890, text, "www.example.com"},
		{penF5, 98, text, "www.example.com"}, {penF5, 99, text, "www.example.com"},
		{penProcera, 18, text, "www.example.com"}, {penProbe, 501, text, "www.example.com"},
		{penGigamon, 112, text, "www.example.com"},
		{penNtop, 187, text, "www.example.com"}, {penNtop, 188, text, "www.example.com"},
		{penFlowmon, 1, text, "www.example.com"}, {penFlowmon, 338, text, "www.example.com"},
	}
	for _, tt := range tests {
		m := ipfix(set(2, vendorTmpl(256, tt.pen, tt.id, variableLength, 0, 4, 1)), set(256, varlen(tt.data), []byte{6}))
		if r := decodeOne(t, m); r.HostName != tt.want {
			t.Errorf("%d/%d with %q: got %q, want %q", tt.pen, tt.id, tt.data, r.HostName, tt.want)
		}
	}
	// In v9 the vendors' elements are above 32767, of fixed length.
	for id, data := range map[uint16]string{
		45003: "\x03\x00\x00\x50\x34\x02www.example.com\x00\x00", 57659: "www.example.com\x00", 57660: "www.example.com:443", 8256: "www.example.com",
	} {
		m := v9(exportSecs, 5, set(0, tmpl(256, id, uint16(len(data)), 4, 1)), set(256, []byte(data), []byte{6}))
		if r := decodeOne(t, m); r.HostName != "www.example.com" {
			t.Errorf("v9 %d: got %q", id, r.HostName)
		}
	}
}

// TestHostNamesAreCounted: those that are names, and those that are none.
func TestHostNamesAreCounted(t *testing.T) {
	d := NewDecoder(Config{})
	records := [][]byte{}
	for _, host := range []string{"a.example", "b.example", "192.0.2.1", "", "c.example", "a..b"} {
		records = append(records, varlen([]byte(host)), []byte{6})
	}
	m := ipfix(set(2, vendorTmpl(256, 0, 460, variableLength, 0, 4, 1)), set(256, records...))
	if recs, err := d.AppendRecords(nil, m, router, 1); err != nil || len(recs) != 6 {
		t.Fatalf("%d records, %v, want 6", len(recs), err)
	}
	if st := d.Stats(); st.HostNames != 3 || st.HostNamesRefused != 2 {
		t.Errorf("%d names and %d that are none, want 3 and 2: an empty one is neither", st.HostNames, st.HostNamesRefused)
	}
}

func TestFirstHostThatIsOne(t *testing.T) {
	m := ipfix(set(2, vendorTmpl(256, penNtop, 187, 3, penNtop, 188, 5, penCisco, 12235, 11, penCisco, 12235, 10)),
		set(256, []byte("-\x00\x00"), []byte("a.sni"), []byte("\x03\x00\x00\x50\x34\x02b.url"), []byte("\x03\x00\x00\x50\x34\x01/url")))
	if r := decodeOne(t, m); r.HostName != "a.sni" {
		t.Errorf("got %q", r.HostName)
	}
}

func TestTextElements(t *testing.T) {
	for _, tt := range []struct {
		id   uint16
		app  string
		user string
	}{{56701, "x", ""}, {57472 + 119, "x", ""}, {96, "x", ""}, {56702, "", "x"}, {371, "", "x"}, {40000, "", "x"}} {
		r := decodeOne(t, v9(exportSecs, 5, set(0, tmpl(256, tt.id, 4)), set(256, []byte("x\x00\x00\x00"))))
		if r.AppName != tt.app || r.User != tt.user {
			t.Errorf("%d: got %+v", tt.id, r.Texts)
		}
	}
	for _, e := range [][2]uint32{{penIxia, 111}, {penBarracuda, 5}, {penNtop, 119}} {
		r := decodeOne(t, ipfix(set(2, vendorTmpl(256, e[0], e[1], 3)), set(256, []byte("ssl"))))
		if r.AppName != "ssl" {
			t.Errorf("%v: got %+v", e, r.Texts)
		}
	}
	if r := decodeOne(t, ipfix(set(2, vendorTmpl(256, penCitrix, 205, 3)), set(256, []byte("eve")))); r.User != "eve" {
		t.Errorf("got %+v", r.Texts)
	}
}

// TestExtrasAllocateNothing asks for no allocation a message when its texts are
// known, whatever of the above it has.
func TestExtrasAllocateNothing(t *testing.T) {
	d := NewDecoder(Config{})
	mustAppend(t, d, optionsMessage([]uint16{302, 4, 34, 4}, u32(1), u32(100)))
	mustAppend(t, d, optionsMessage([]uint16{10, 4, 82, 4}, u32(7), []byte("eth7")))
	mustAppend(t, d, optionsMessage([]uint16{95, 4, 96, 4}, []byte{3, 0, 0, 80}, []byte("http")))
	learn := ipfix(set(2, vendorTmpl(257, penCERT, 117, variableLength), vendorTmpl(256, 0, 302, 4, 0, 10, 4, 0, 95, 4, 0, 8, 4, 0, 12, 4, 0, 11, 2,
		0, 231, 4, 0, 232, 4, 0, 225, 4, penGigamon, 204, variableLength, penGigamon, 207, 4, 0, 292, variableLength)))
	mustAppend(t, d, learn)
	rec := slices.Concat(u32(1), u32(7), []byte{3, 0, 0, 80}, ip("10.0.0.1"), ip("192.0.2.2"), u16(53), u32(10), u32(20), ip("203.0.113.1"),
		varlen([]byte("www.example.com")), ip("198.51.100.1"), varlen([]byte{3, 1, 1}, varlen([]byte("host.example"))))
	msg := ipfix(set(256, slices.Repeat(rec, 9)))
	recs := mustAppend(t, d, msg)
	if len(recs) != 18 || recs[0].HostName != "host.example" || recs[0].AppName != "http" || recs[0].InIfName != "eth7" || recs[0].SamplingRate != 100 {
		t.Fatalf("got %d records, %+v", len(recs), recs[0])
	}
	answers := d.TakeAnswers(nil)
	allocs := testing.AllocsPerRun(100, func() {
		var err error
		if recs, err = d.AppendRecords(recs[:0], msg, router, 1); err != nil || len(recs) != 18 {
			t.Fatalf("%d records, %v", len(recs), err)
		}
		answers = d.TakeAnswers(answers[:0])
	})
	if allocs != 0 || len(answers) != 9 {
		t.Errorf("%v allocations a message, want 0; %d answers, want 9", allocs, len(answers))
	}
}
