package netflow

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"flowname/flows"
	"flowname/flows/internal/corpus"
)

// seeds are messages of each kind that the tests build, and with the corpus
// those of its vendors.
func seeds(f *testing.F) [][]byte {
	all := [][]byte{
		v5Message(2),
		v9(exportSecs, 5_001, set(0, tmpl(256, 8, 4, 12, 4, 22, 4, 21, 4)), set(256, make([]byte, 31), []byte{1})),
		v9(exportSecs, 5_001, set(1, fields(300, 4, 8), fields(2, 4, 34, 4, 35, 1)), set(300, bytes.Repeat([]byte{1}, 18))),
		ipfix(set(2, tmpl(256, 27, 16, 1, 8, 82, 0xffff)), set(256, bytes.Repeat([]byte{3}, 60))),
		ipfix(set(3, append(fields(300, 2, 1), fields(143, 4, 160, 8)...)), set(300, bytes.Repeat([]byte{1}, 24))),
		ipfix(set(2, fields(256, 0)), set(256, []byte{1})),
		ipfix(set(2, tmpl(256, 4, 0)), set(256, []byte{1})),
	}
	const rr, a = 301, 302
	dns := slices.Concat([]byte{3}, set(300, varlen([]byte{3}, u16(rr), varlen([]byte{3}, u16(a), ip("203.0.113.1")), varlen([]byte("www.example.com")), u32(30))))
	ends := slices.Clone(ends5)
	all = append(all,
		optionsMessage([]uint16{302, 4, 34, 4, 10, 1, 82, 4}, append(u32(1), slices.Concat(u32(100), []byte{7}, []byte("eth7"))...)),
		optionsMessage([]uint16{95, 4, 96, 4, 234, 4, 236, 4, 42, 8}, slices.Concat([]byte{3, 0, 0, 80}, []byte("http"), u32(1), []byte("blue"), u64(9))),
		ipfix(set(2, vendorTmpl(256, append(ends, 0, 293, variableLength, 0, 460, variableLength)...), vendorTmpl(300, 0, 292, variableLength),
			vendorTmpl(rr, 0, 292, variableLength, penCERT, 179, variableLength, penCERT, 199, 4), vendorTmpl(a, 0, 8, 4)),
			set(256, end5(53, 40000, 17), varlen(dns), varlen([]byte("www.example.com:80")))),
		ipfix(set(2, vendorTmpl(256, 0, 95, 4, 0, 302, 4, 0, 10, 4, 0, 234, 4, 0, 231, 4, 0, 232, 4, penReverse, 6, 1, 0, 225, 4, 0, 291, variableLength)),
			set(256, []byte{3, 0, 0, 80}, u32(1), u32(7), u32(1), u32(10), u32(20), []byte{0x12}, ip("203.0.113.1"),
				varlen([]byte{3}, u16(0x8000|117), u16(variableLength), u32(penCERT), varlen([]byte("a.example"))))),
		ipfix(set(2, vendorTmpl(256, append(slices.Clone(ends5), penNtop, 205, variableLength, penNtop, 398, variableLength, penFlowmon, 120, variableLength)...)),
			set(256, end5(40000, 53, 17), varlen([]byte("a.example")), varlen([]byte("203.0.113.1, 2001:db8::1")), varlen(ip("203.0.113.2")))),
	)
	files, err := filepath.Glob(filepath.Join(corpus.Dir(f, "netflow/logstash-codec-netflow"), "*.dat"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

// FuzzDecoder reads a sequence of messages with one Decoder: the input is cut
// into them by two-byte lengths, and each is from one of four ports, of two addresses. Whatever they
// are, the decoder ends, stays in its bounds, and makes records that keep what a
// Record promises.
func FuzzDecoder(f *testing.F) {
	all := seeds(f)
	for i, m := range all {
		f.Add(frame(m))
		f.Add(frame(m, all[(i+1)%len(all)], m))
	}
	captures, err := filepath.Glob(filepath.Join(corpus.Dir(f, "netflow/logstash-codec-netflow/contexts_derived_pcap"), "*.pcap"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range captures { // templates, options data and flows of one exporter
		var msgs [][]byte
		for _, p := range corpus.UDP(f, name) {
			msgs = append(msgs, p.Data)
		}
		f.Add(frame(msgs...))
	}
	cfg := Config{
		MaxTemplates: 6, MaxTemplatesPerDomain: 4, MaxFields: 64, MaxExporters: 3, MaxDomainsPerAddress: 2, MaxRecords: 500,
		MaxOptionEntries: 8, MaxOptionEntriesPerDomain: 4, MaxTexts: 4,
		MaxWaiting: 3000, MaxWaitingPerDomain: 2000, MaxWaitNs: 30,
	}
	ports := []netip.AddrPort{
		netip.AddrPortFrom(router.Addr(), 1), netip.AddrPortFrom(router.Addr(), 2), netip.AddrPortFrom(router.Addr(), 3),
		netip.AddrPortFrom(router.Addr().Next(), 1),
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		d := NewDecoder(cfg)
		var bytes uint64
		for i := 0; len(input) >= 2; i++ {
			n := min(int(binary.BigEndian.Uint16(input)), len(input)-2)
			msg := input[2 : 2+n]
			input = input[2+n:]
			before := d.Stats()
			recs, err := d.AppendRecords(nil, msg, ports[i%len(ports)], int64(i))
			bytes += uint64(n)
			checkRecords(t, recs, cfg)
			checkAnswersAreSound(t, d.TakeAnswers(nil))
			if got := d.Stats().Records - before.Records; got != uint64(len(recs)) {
				t.Fatalf("%d records counted, %d given", got, len(recs))
			}
			if _, ok := Version(msg); ok && err != nil && err.Error() == "" {
				t.Fatal("an error without text")
			}
			if err := checkStore(&d.store, cfg); err != nil {
				t.Fatal(err)
			}
			if err := checkAccounts(d, bytes); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func frame(msgs ...[]byte) []byte {
	var b []byte
	for _, m := range msgs {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(m))), m...)
	}
	return b
}

func checkRecords(t *testing.T, recs []flows.Record, cfg Config) {
	t.Helper()
	if len(recs) > 3*cfg.MaxRecords { // its own, and what had waited
		t.Fatalf("%d records of one message", len(recs))
	}
	for _, r := range recs {
		if r.StartErrorNs <= 0 || r.Src.Is4In6() || r.Dst.Is4In6() || r.SrcMask > 128 || r.DstMask > 128 || r.MPLSDepth > flows.MaxMPLSLabels {
			t.Fatalf("bad record %+v", r)
		}
		for _, text := range []string{r.AppName, r.User, r.InIfName, r.OutIfName, r.InVRFName, r.OutVRFName} {
			if len(text) > maxLabel || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
				t.Fatalf("bad text %q", text)
			}
		}
		if r.HostName != "" {
			checkName(t, r.HostName)
		}
		if r.XlateSrc.Is4In6() || r.XlateDst.Is4In6() || r.XlateSrc.IsValid() && r.XlateSrc == r.Src && r.XlateSrcPort == r.SrcPort {
			t.Fatalf("bad translation %+v", r)
		}
	}
}

// checkName asks for the form of DNS names.
func checkName(t *testing.T, name string) {
	t.Helper()
	if len(name) > 4*maxNameLen || strings.HasSuffix(name, ".") || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		t.Fatalf("bad name %q", name)
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c >= 'A' && c <= 'Z' {
			t.Fatalf("bad name %q", name)
		}
	}
}

func checkAnswersAreSound(t *testing.T, answers []Answer) {
	t.Helper()
	for _, a := range answers {
		checkName(t, a.Name)
		if a.Canonical != "" {
			checkName(t, a.Canonical)
		}
		if !a.Client.IsValid() || !a.Addr.IsValid() || a.Addr.Is4In6() || a.Canonical == a.Name {
			t.Fatalf("bad answer %+v", a)
		}
	}
}

// FuzzTemplate reads one template set in each version, then data of every id in
// it. The plans have to stay inside of the records that they say they read.
func FuzzTemplate(f *testing.F) {
	f.Add(tmpl(256, 8, 4, 12, 4, 1, 8), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Add(tmpl(256, 82, 0xffff, 4, 1), []byte{3, 1, 2, 3, 6})
	f.Add(append(fields(256, 2, 1), fields(143, 4, 41, 8)...), make([]byte, 24))
	f.Add(fields(256, 4, 8, 1, 4, 34, 4, 35, 1), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Fuzz(func(t *testing.T, template, data []byte) {
		if len(template) > 16000 || len(data) > 16000 {
			return
		}
		d := NewDecoder(Config{})
		for i, msg := range [][]byte{
			v9(exportSecs, 5, set(0, template)), v9(exportSecs, 5, set(1, template)),
			ipfix(set(2, template)), ipfix(set(3, template)),
		} {
			d.AppendRecords(nil, msg, router, 1)
			if d.msg.domain == nil {
				continue
			}
			for _, tm := range d.msg.domain.templates {
				for b := data; len(b) > 0; {
					d.draft.begin(&flows.Record{}, &tm.plan)
					n := tm.plan.fill(&d.draft, b)
					if n == 0 || n > len(b) {
						t.Fatalf("message %d: template %d reads %d of %d bytes", i, tm.id, n, len(b))
					}
					if n < 0 {
						break
					}
					b = b[n:]
				}
			}
		}
	})
}
