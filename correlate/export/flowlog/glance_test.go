package flowlog

import (
	"errors"
	"strings"
	"testing"
)

const glanceNames = `,"dst_name":"a\\.b.example","dst_name_basis":"client","dst_name_age_ms":-3,"dst_names":[{"name":"x{\"","basis":"client"}],"src_name":"c.example","src_name_basis":"others"}`

// A Glance sees what a Reader sees.
func TestGlanceAsReader(t *testing.T) {
	var g Glance
	var r Reader
	for _, line := range []string{
		base + "}", base + glanceNames, base + `,"clock_offset_ms":-1500` + glanceNames + "\r\n",
		strings.Replace(base, `"192.0.2.11"`, `"2001:db8::1"`, 1) + "}\n",
		strings.Replace(base, `"192.0.2.11"`, `""`, 1) + "}\n",
		strings.Replace(base, `"bytes":4711`, `"bytes" : 18446744073709551615 `, 1) + "}\n",
		strings.ReplaceAll(base, `,"`, ` , "`) + " }",
	} {
		var f Flow
		if err := r.Read(&f, []byte(line)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if err := g.Read([]byte(line)); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		rec := &f.Record
		if g.StartNs != rec.StartNs || g.EndNs != rec.EndNs || g.Bytes != rec.Bytes || g.Packets != rec.Packets ||
			g.Src != rec.Src || g.Dst != rec.Dst || g.Sampled ||
			string(g.DstName.Name) != f.Dst.Name || string(g.SrcName.Name) != f.Src.Name ||
			f.Dst.Name != "" && (!g.DstName.Sure() || string(g.DstName.Basis) != f.Dst.Basis.String() || g.SrcName.Sure()) {
			t.Errorf("%s: got %+v, want %+v", line, g, f)
		}
	}
	if err := g.Read([]byte(strings.Replace(base, `"sampling_rate":1`, `"sampling_rate":1000`, 1) + "}")); err != nil || !g.Sampled {
		t.Errorf("a sampled flow: got %v, %v", g.Sampled, err)
	}
}

func TestGlanceRefuses(t *testing.T) {
	for line, want := range map[string]error{
		"": ErrSyntax, "{": ErrSyntax, "[]": ErrSyntax, "{}": ErrNotFlow, base: ErrSyntax, `{"type":"IPFIX"}`: ErrNotFlow,
		`{"type":}`: ErrSyntax, `{"type"}`: ErrSyntax, `{"a`: ErrSyntax, `{"}`: ErrSyntax,
		strings.Replace(base, "192.0.2.11", "192.0.2", 1) + "}":                       ErrNotFlow,
		strings.Replace(base, "192.0.2.11", "192.0.2.256", 1) + "}":                   ErrNotFlow,
		strings.Replace(base, "192.0.2.11", "192..2.1", 1) + "}":                      ErrNotFlow,
		strings.Replace(base, `"bytes":4711`, `"bytes":-1`, 1) + "}":                  ErrNotFlow,
		strings.Replace(base, `"bytes":4711`, `"bytes":1.5`, 1) + "}":                 ErrNotFlow,
		strings.Replace(base, `"bytes":4711`, `"bytes":"4711"`, 1) + "}":              ErrNotFlow,
		strings.Replace(base, `"bytes":4711`, `"bytes":9e99`, 1) + "}":                ErrNotFlow,
		strings.Replace(base, `1700000000000000000`, `99999999999999999999`, 1) + "}": ErrNotFlow,
		strings.Replace(base, `"IPFIX"`, `"OTHER"`, 1) + "}":                          ErrNotFlow,
		base + ",\"dst_name\":\"a\x1b.example\"}":                                     ErrNotFlow,
		base + `,"dst_name":7}`: ErrNotFlow,
	} {
		var g Glance
		if err := g.Read([]byte(line)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", line, err, want)
		}
	}
}

func TestGlanceAllocatesNothing(t *testing.T) {
	var g Glance
	line := []byte(base + glanceNames)
	if n := testing.AllocsPerRun(100, func() {
		if err := g.Read(line); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func FuzzGlance(f *testing.F) {
	f.Add([]byte(base + "}"))
	f.Add([]byte(base + glanceNames))
	f.Add([]byte(`{"type":"IPFIX","time_flow_start_ns":1,"src_addr":"::ffff:1.2.3.4"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var g Glance
		if err := g.Read(line); err == nil && (g.Src.Is4In6() || g.Src.Zone() != "") {
			t.Errorf("%q: got %v", line, g.Src)
		}
	})
}

func BenchmarkGlance(b *testing.B) {
	line := []byte(base + glanceNames)
	var g Glance
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Read(line); err != nil {
			b.Fatal(err)
		}
	}
}
