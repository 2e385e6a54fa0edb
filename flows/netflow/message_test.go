package netflow

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"flowname/flows"
)

// proto1 is a template of one field, the protocol, and of seven bytes a record
// with proto7: short records make sets easy to read here.
var (
	proto1 = tmpl(256, 4, 1)
	proto7 = tmpl(257, 4, 1, 7, 2, 10, 4)
)

// protos lists the protocols of records.
func protos(recs []flows.Record) []byte {
	var b []byte
	for _, r := range recs {
		b = append(b, r.Proto)
	}
	return b
}

func TestSets(t *testing.T) {
	rec7 := func(p byte) []byte { return []byte{p, 0, 80, 0, 0, 0, 1} }
	withPEN := unhex(t, "0100 0003 8004 0001 0000 7a79  0004 0001  0007 ffff") // a PEN, a plain and a variable field
	tests := []struct {
		name  string
		msgs  [][]byte
		want  string // protocols
		err   error
		stats Stats // without messages, records and learned templates
	}{
		{"two records", [][]byte{ipfix(set(2, proto1), set(256, []byte{6, 17}))}, "\x06\x11", nil, Stats{}},
		{"template after its data", [][]byte{ipfix(set(256, []byte{6}), set(2, proto1))}, "\x06", nil, Stats{}},
		{"template in a message before", [][]byte{ipfix(set(2, proto1)), ipfix(set(256, []byte{6}))}, "\x06", nil, Stats{}},
		{"two templates in a set", [][]byte{ipfix(set(2, proto1, proto7), set(257, rec7(6)), set(256, []byte{17}))}, "\x06\x11", nil, Stats{}},
		{"template changed between data", [][]byte{ipfix(set(2, proto1), set(256, []byte{6}),
			set(2, tmpl(256, 210, 1, 4, 1)), set(256, []byte{6, 17}))}, "\x06\x11", nil, Stats{TemplatesReplaced: 1}},
		{"template repeated", [][]byte{ipfix(set(2, proto1)), ipfix(set(2, proto1), set(256, []byte{6}))}, "\x06", nil, Stats{TemplatesRepeated: 1}},
		{"unknown template", [][]byte{ipfix(set(2, proto1), set(300, []byte{1, 2, 3}), set(256, []byte{6}))}, "\x06", ErrUnknownTemplate,
			Stats{UnknownTemplateSets: 1, UnknownTemplateBytes: 7}},
		{"withdrawn", [][]byte{ipfix(set(2, proto1, proto7, fields(256, 0)), set(256, []byte{6}), set(257, rec7(17)))}, "\x11", ErrUnknownTemplate,
			Stats{TemplatesWithdrawn: 1, UnknownTemplateSets: 1, UnknownTemplateBytes: 5}},
		{"all withdrawn", [][]byte{ipfix(set(2, proto1, proto7), set(2, fields(2, 0)), set(256, []byte{6}))}, "", ErrUnknownTemplate,
			Stats{TemplatesWithdrawn: 2, UnknownTemplateSets: 1, UnknownTemplateBytes: 5}},
		{"options withdrawn, flows stay", [][]byte{ipfix(set(2, proto1), set(3, append(fields(258, 2, 1), fields(143, 4, 41, 8)...)),
			set(3, fields(3, 0)), set(256, []byte{6}))}, "\x06", nil, Stats{TemplatesWithdrawn: 1}},
		{"withdrawn, never known", [][]byte{ipfix(set(2, fields(299, 0)), set(2, proto1, fields(299, 0)), set(256, []byte{6}))}, "\x06", nil, Stats{}},
		{"short padding", [][]byte{ipfix(set(2, proto7), set(257, rec7(6), []byte{0, 0, 0}))}, "\x06", nil, Stats{PaddingBytes: 3}},
		{"padding as long as records", [][]byte{ipfix(set(2, proto7), set(257, rec7(6), make([]byte, 700)))}, "\x06", nil, Stats{PaddingBytes: 700}},
		{"zeros between records", [][]byte{ipfix(set(2, proto7), set(257, rec7(6), make([]byte, 7), rec7(17)))}, "\x06\x00\x11", nil, Stats{}},
		{"padding of a template set", [][]byte{ipfix(set(2, proto1, []byte{0, 0}), set(256, []byte{6}))}, "\x06", nil, Stats{PaddingBytes: 2}},
		{"zeros behind the sets", [][]byte{v9(exportSecs, 5, set(0, proto1), set(256, []byte{6}), make([]byte, 99))}, "\x06", nil, Stats{PaddingBytes: 99}},
		{"set length of 3", [][]byte{ipfix(set(2, proto1), set(256, []byte{6}), []byte{1, 0, 0, 3, 6, 6})}, "\x06", ErrSet, Stats{BadSets: 1}},
		{"set longer than the message", [][]byte{ipfix(set(2, proto1), set(256, []byte{6}), []byte{1, 0, 0, 9, 17})}, "\x06\x11", ErrSet, Stats{BadSets: 1}},
		{"bytes too few for a set", [][]byte{ipfix(set(2, proto1), set(256, []byte{6}), []byte{1, 2})}, "\x06", ErrSet, Stats{BadSets: 1}},
		{"reserved sets", [][]byte{ipfix(set(0, proto1), set(77, []byte{1}), set(2, proto1), set(256, []byte{6}))}, "\x06", nil, Stats{ReservedSets: 2}},
		{"junk behind the last record", [][]byte{ipfix(set(2, proto7), set(257, rec7(6), []byte{1, 2}))}, "\x06", ErrRecord,
			Stats{BadRecords: 1, PaddingBytes: 2}},
		{"variable lengths", [][]byte{ipfix(set(2, withPEN), set(256,
			[]byte{9, 6, 2, 0, 80}, []byte{9, 17, 0}, append([]byte{9, 1, 255, 1, 0}, make([]byte, 256)...), []byte{9, 58, 255, 0, 2, 0, 53}))},
			"\x06\x11\x01\x3a", nil, Stats{}},
		{"variable length cut off", [][]byte{ipfix(set(2, withPEN), set(256, []byte{9, 6, 0}, []byte{9, 17, 3, 1}))}, "\x06", ErrRecord, Stats{BadRecords: 1, PaddingBytes: 4}},
		{"variable length without its bytes", [][]byte{ipfix(set(2, withPEN), set(256, []byte{9, 6, 0}, []byte{9, 17, 255, 1}))}, "\x06", ErrRecord, Stats{BadRecords: 1, PaddingBytes: 4}},
		{"zero-length fields", [][]byte{ipfix(set(2, tmpl(256, 10, 0, 4, 1, 8, 0)), set(256, []byte{6}))}, "\x06", nil, Stats{}},
		{"no bytes a record", [][]byte{ipfix(set(2, tmpl(300, 10, 0), proto1), set(300, []byte{1}), set(256, []byte{6}))}, "\x06", ErrTemplate,
			Stats{TemplatesRefused: 1, UnknownTemplateSets: 1, UnknownTemplateBytes: 5}},
		{"no fields, v9", [][]byte{v9(exportSecs, 5, set(0, fields(300, 0), proto1), set(256, []byte{6}))}, "\x06", ErrTemplate, Stats{TemplatesRefused: 1}},
		{"template id of a set", [][]byte{ipfix(set(2, tmpl(255, 4, 1), proto1), set(256, []byte{6}))}, "\x06", ErrTemplate, Stats{TemplatesRefused: 1}},
		{"field count beyond the set", [][]byte{ipfix(set(2, proto1, fields(257, 9, 4, 1)), set(256, []byte{6}))}, "\x06", ErrTemplate, Stats{TemplatesRefused: 1}},
		{"enterprise number cut off", [][]byte{ipfix(set(2, proto1, fields(257, 1, 0x8004, 1)), set(256, []byte{6}))}, "\x06", ErrTemplate, Stats{TemplatesRefused: 1}},
		{"more scopes than fields", [][]byte{ipfix(set(3, fields(300, 1, 2, 143, 4)), set(2, proto1), set(256, []byte{6}))}, "\x06", ErrTemplate, Stats{TemplatesRefused: 1}},
		{"v9 scope bytes no multiple of 4", [][]byte{v9(exportSecs, 5, set(1, fields(300, 3, 5, 1, 4)), set(0, proto1), set(256, []byte{6}))}, "\x06", ErrTemplate, Stats{TemplatesRefused: 1}},
		{"v9 scope bytes beyond the set", [][]byte{v9(exportSecs, 5, set(1, fields(300, 400, 4, 1, 4)), set(0, proto1), set(256, []byte{6}))}, "\x06", ErrTemplate, Stats{TemplatesRefused: 1}},
		{"options are no flows", [][]byte{ipfix(set(3, append(fields(300, 2, 1), fields(143, 4, 4, 1)...)), set(300, u32(1), []byte{6}, u32(2), []byte{7}),
			set(2, proto1), set(256, []byte{6}))}, "\x06", nil, Stats{OptionsRecords: 2}},
		{"options template becomes one of flows", [][]byte{ipfix(set(3, append(fields(256, 2, 1), fields(143, 4, 4, 1)...)), set(2, proto1), set(256, []byte{6}))}, "\x06", nil,
			Stats{TemplatesReplaced: 1}},
		{"two messages in a datagram", [][]byte{append(ipfix(set(2, proto1), set(256, []byte{6})), ipfix(set(256, []byte{17}))...)}, "\x06\x11", nil, Stats{}},
		{"bytes behind the message", [][]byte{append(ipfix(set(2, proto1), set(256, []byte{6})), 1, 0, 0, 5, 17)}, "\x06", nil, Stats{PaddingBytes: 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recs, got, err := decode(tt.msgs...)
			if string(protos(recs)) != tt.want || !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("got protocols %x and error %v, want %x and %v", protos(recs), err, tt.want, tt.err)
			}
			if got.Records != uint64(len(recs)) {
				t.Errorf("%d records counted, %d given", got.Records, len(recs))
			}
			got.MessagesV9, got.MessagesIPFIX, got.Records, got.TemplatesLearned = 0, 0, 0, 0
			if got != tt.stats {
				t.Errorf("got stats %+v\nwant %+v", got, tt.stats)
			}
		})
	}
}

func TestMessageHeaders(t *testing.T) {
	good := ipfix(set(2, proto1), set(256, []byte{6}))
	cut := bytes.Clone(good)
	cut[3]++
	short := bytes.Clone(good)
	short[3] = 15
	tests := []struct {
		name  string
		msg   []byte
		recs  int
		err   error
		stats Stats
	}{
		{"nothing", nil, 0, ErrTruncated, Stats{TruncatedMessages: 1}},
		{"one byte", []byte{0}, 0, ErrTruncated, Stats{TruncatedMessages: 1}},
		{"version 7", make([]byte, 100), 0, ErrVersion, Stats{UnknownVersions: 1}},
		{"v5 header cut", unhex(t, "0005 0001 0000"), 0, ErrTruncated, Stats{TruncatedMessages: 1}},
		{"v9 header cut", unhex(t, "0009 0001 0000"), 0, ErrTruncated, Stats{TruncatedMessages: 1}},
		{"IPFIX header cut", unhex(t, "000a 0010 0000"), 0, ErrTruncated, Stats{TruncatedMessages: 1}},
		{"IPFIX longer than the datagram", cut, 1, ErrTruncated, Stats{TruncatedMessages: 1, MessagesIPFIX: 1, Records: 1, TemplatesLearned: 1}},
		{"IPFIX shorter than its header", short, 0, ErrTruncated, Stats{TruncatedMessages: 1, MessagesIPFIX: 1}},
	}
	for _, tt := range tests {
		recs, stats, err := decode(tt.msg)
		if len(recs) != tt.recs || !errors.Is(err, tt.err) || stats != tt.stats {
			t.Errorf("%s: got %d records, %v, %+v\nwant %d, %v, %+v", tt.name, len(recs), err, stats, tt.recs, tt.err, tt.stats)
		}
	}
}

// TestGoflowHangs has the two messages after which goflow2 v2.2.6 reads one data
// set forever: a template of no fields, which is a withdrawal, and one of no
// length.
func TestGoflowHangs(t *testing.T) {
	for name, template := range map[string][]byte{"no fields": fields(256, 0), "no length": tmpl(256, 4, 0)} {
		recs, stats, err := decode(ipfix(set(2, template)), ipfix(set(256, []byte{1, 2, 3, 4})))
		if len(recs) != 0 || err == nil || stats.UnknownTemplateSets != 1 {
			t.Errorf("%s: got %d records, %v, %+v", name, len(recs), err, stats)
		}
	}
}

// TestErrorSaysWhere checks the error that callers see.
func TestErrorSaysWhere(t *testing.T) {
	_, _, err := decode(ipfix(set(2, proto1), set(300, []byte{1})))
	var e *Error
	if !errors.As(err, &e) || *e != (Error{Version: 10, Domain: 7, Set: 300, Offset: 28, Err: ErrUnknownTemplate}) {
		t.Errorf("got %#v", err)
	}
	if text := err.Error(); !strings.Contains(text, "set 300 at byte 28") {
		t.Errorf("got text %q", text)
	}
}

// TestKeepsApart sends one template id with different layouts from two ports, two
// domains and in two versions.
func TestKeepsApart(t *testing.T) {
	other := netip.AddrPortFrom(router.Addr(), 40001)
	mapped := netip.MustParseAddrPort("[::ffff:192.0.2.1]:40000")
	d := NewDecoder(Config{})
	domain8 := func(m []byte) []byte { m[15] = 8; return m }
	send := func(m []byte, from netip.AddrPort) []flows.Record {
		recs, err := d.AppendRecords(nil, m, from, 1)
		if err != nil {
			t.Fatal(err)
		}
		return recs
	}
	send(ipfix(set(2, tmpl(256, 4, 1))), router)
	send(ipfix(set(2, tmpl(256, 5, 1))), other)
	send(domain8(ipfix(set(2, tmpl(256, 6, 1)))), router)
	send(v9(exportSecs, 1, set(0, tmpl(256, 52, 1))), router)
	data := set(256, []byte{9})
	for _, tt := range []struct {
		msg  []byte
		from netip.AddrPort
		want flows.Record
	}{
		{ipfix(data), mapped, flows.Record{Proto: 9}},
		{ipfix(data), other, flows.Record{TOS: 9}},
		{domain8(ipfix(data)), router, flows.Record{TCPFlags: 9}},
		{v9(exportSecs, 1, data), router, flows.Record{TTL: 9}},
	} {
		r := send(tt.msg, tt.from)[0]
		if r.Proto != tt.want.Proto || r.TOS != tt.want.TOS || r.TCPFlags != tt.want.TCPFlags || r.TTL != tt.want.TTL {
			t.Errorf("from %v: got %+v, want %+v", tt.from, r, tt.want)
		}
		if r.Exporter != router.Addr() {
			t.Errorf("exporter %v, want %v", r.Exporter, router.Addr())
		}
	}
}

// TestNothingAliases reads a message, overwrites it and looks at the record.
func TestNothingAliases(t *testing.T) {
	msg := ipfix(set(2, tmpl(256, 8, 4, 27, 16)), set(256, ip("192.0.2.9"), ip("2001:db8::9")))
	d := NewDecoder(Config{})
	recs, err := d.AppendRecords(nil, msg, router, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range msg {
		msg[i] = 0xff
	}
	if got := recs[0].Src.String(); got != "192.0.2.9" {
		t.Errorf("source is now %s", got)
	}
	if again := ipfix(set(256, ip("192.0.2.8"), ip("::"))); len(mustAppend(t, d, again)) != 1 {
		t.Error("the template is gone")
	}
}

func mustAppend(t *testing.T, d *Decoder, msg []byte) []flows.Record {
	t.Helper()
	recs, err := d.AppendRecords(nil, msg, router, 1)
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

// TestVersion tells export messages from others.
func TestVersion(t *testing.T) {
	v5 := append(unhex(t, "0005 0001"), make([]byte, 68)...)
	good := ipfix(set(2, proto1))
	tests := []struct {
		name string
		msg  []byte
		want uint16
	}{
		{"v5", v5, 5},
		{"v5 with a byte too few", v5[:71], 0},
		{"v5 of no records", append([]byte{0, 5, 0, 0}, make([]byte, 68)...), 0},
		{"v9", v9(1, 1, set(0, proto1)), 9},
		{"v9 data", v9(1, 1, set(256, []byte{1})), 9},
		{"v9 with an IPFIX set", v9(1, 1, set(2, proto1)), 0},
		{"v9 of no sets", v9(1, 1), 0},
		{"v9 with a set cut", v9(1, 1, []byte{1, 0, 0, 9}), 0},
		{"IPFIX", good, 10},
		{"IPFIX of no sets", ipfix(), 10},
		{"IPFIX with a v9 set", ipfix(set(0, proto1)), 0},
		{"IPFIX cut", good[:len(good)-1], 0},
		{"IPFIX with a set cut to its id", ipfix([]byte{0, 2}), 0},
		{"DNS query", unhex(t, "000a 0100 0001 0000 0000 0000 0377 7777 0765 7861 6d70 6c65 0363 6f6d 0000 0100 01"), 0},
		{"short", []byte{0, 5}, 0},
		{"other", make([]byte, 100), 0},
	}
	for _, tt := range tests {
		got, ok := Version(tt.msg)
		if got != tt.want || ok != (tt.want != 0) {
			t.Errorf("%s: got %d, %v; want %d", tt.name, got, ok, tt.want)
		}
	}
}
