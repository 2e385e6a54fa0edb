package flowlog

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/valyala/fastjson"

	"flowname/correlate"
	"flowname/correlate/export"
	"flowname/flows"
)

const startNs = 1_700_000_000_000_000_000

// base is a line's beginning; what is in it is not of names.
const base = `{"type":"IPFIX","time_received_ns":1700000060000000000,"sequence_num":7,"sampling_rate":1,"sampler_address":"192.0.2.1",` +
	`"time_flow_start_ns":1700000000000000000,"time_flow_end_ns":1700000050000000000,"bytes":4711,"packets":3,` +
	`"src_addr":"192.0.2.11","dst_addr":"198.51.100.10","etype":"IPv4","proto":"TCP","src_port":40000,"dst_port":443,` +
	`"in_if":1,"out_if":2,"tcp_flags":27,"ip_tos":0`

// candidate is a name with an answer so many ms before the start.
func candidate(name string, b correlate.Basis, ageMs int64) correlate.Candidate {
	return correlate.Candidate{Name: name, Basis: b, AnsweredNs: startNs - ageMs*1e6}
}

// now is the join of the base line: what is known of its destination.
func now(r *flows.Record, reason correlate.Reason, cs ...correlate.Candidate) *correlate.Flow {
	return &correlate.Flow{
		Record: r, Unnamed: reason,
		Dst: correlate.End{Named: reason == 0 && len(cs) > 0, Candidates: cs},
	}
}

// stripped is a line without what differs by version: the names' sources.
func stripped(line string) string {
	for _, end := range []string{`,"dst_name_source":"unknown"`, `,"source":"unknown"`} {
		line = strings.ReplaceAll(line, end, "")
	}
	return line
}

func TestAppendNamed(t *testing.T) {
	const (
		named   = `,"dst_name":"a.example","dst_name_basis":"client","dst_name_age_ms":10`
		expired = `,"dst_name":"a.example","dst_name_basis":"client_expired","dst_name_age_ms":10`
		others  = `,"dst_name":"a.example","dst_name_basis":"others","dst_name_age_ms":10`
		geo     = `,"src_country":"DE","dst_asn":64500,"dst_as_org":"Example, \"Inc\" {"`
	)
	client := func(name string, ageMs int64) correlate.Candidate { return candidate(name, correlate.Client, ageMs) }
	for what, c := range map[string]struct {
		line   string // behind the base
		reason correlate.Reason
		now    []correlate.Candidate
		want   string // "": as it was
		change Change
	}{
		"a name where there was none": {
			`,"unnamed":"no_answer"}`, 0, []correlate.Candidate{client("a.example", 10)}, named + "}", Change{Named: 1},
		},
		"before geography, behind what the exporter told": {
			`,"app_name":"x"` + geo + `,"unnamed":"no_answer","later":[{"a":"}"}]}`, 0, []correlate.Candidate{client("a.example", 10)},
			`,"app_name":"x","src_country":"DE"` + named + `,"dst_asn":64500,"dst_as_org":"Example, \"Inc\" {","later":[{"a":"}"}]}`, Change{Named: 1},
		},
		"nothing known now":       {named + geo + "}", correlate.NoAnswer, nil, "", Change{}},
		"the same":                {named + "}", 0, []correlate.Candidate{client("a.example", 10)}, "", Change{}},
		"a better basis":          {expired + "}", 0, []correlate.Candidate{client("b.example", 5)}, strings.ReplaceAll(strings.ReplaceAll(named, "a.ex", "b.ex"), "10", "5") + "}", Change{Renamed: 1}},
		"a worse basis":           {named + "}", 0, []correlate.Candidate{candidate("b.example", correlate.ClientLater, -5)}, "", Change{}},
		"a nearer answer":         {strings.ReplaceAll(named, "a.ex", "b.ex") + "}", 0, []correlate.Candidate{client("a.example", 9), client("b.example", 10)}, `,"dst_name":"a.example","dst_name_basis":"client","dst_name_age_ms":9,"dst_names":[{"name":"a.example","basis":"client","age_ms":9},{"name":"b.example","basis":"client","age_ms":10}]}`, Change{Renamed: 1}},
		"one farther":             {named + "}", 0, []correlate.Candidate{client("b.example", 11)}, "", Change{}},
		"more candidates":         {named + "}", 0, []correlate.Candidate{client("a.example", 10), client("b.example", 11)}, named + `,"dst_names":[{"name":"a.example","basis":"client","age_ms":10},{"name":"b.example","basis":"client","age_ms":11}]}`, Change{Listed: 1}},
		"what was resolved later": {named + "}", 0, []correlate.Candidate{client("a.example", 10), candidate("b.example", correlate.ClientLater, -500)}, "", Change{}},
		"a guess that did not hold": {
			`,"src_country":"DE"` + others + `,"dst_asn":64500}`, correlate.Ambiguous, []correlate.Candidate{candidate("a.example", correlate.Others, 10), candidate("b.example", correlate.Others, 11)},
			`,"src_country":"DE","dst_names":[{"name":"a.example","basis":"others","age_ms":10},{"name":"b.example","basis":"others","age_ms":11}],"dst_asn":64500,"unnamed":"ambiguous"}`,
			Change{Withdrawn: 1, Reason: true},
		},
		"a reason that says more": {`,"unnamed":"client_unseen"}`, correlate.NoAnswer, nil, `,"unnamed":"no_answer"}`, Change{Reason: true}},
		"a reason that says less": {`,"unnamed":"no_answer"}`, correlate.BeforeSensor, nil, "", Change{}},
		"spaces stay":             {` , "other" : { "a" : [ 1 , 2 ] } , "unnamed" : "no_answer" }`, correlate.NoAnswer, nil, "", Change{}},
	} {
		for _, end := range []string{"", "\n"} {
			line := base + c.line + end
			want := base + c.want + end
			if c.want == "" {
				want = line
			}
			var r Reader
			var f Flow
			if err := r.Read(&f, []byte(line)); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			got, change := r.AppendNamed([]byte("x"), []byte(line), &f, now(&f.Record, c.reason, c.now...))
			if stripped(string(got)) != "x"+want || change != c.change {
				t.Errorf("%s: %+v\n got %s\nwant %s", what, change, got[len(base):], want[len(base):])
			}
			var again Flow
			if err := r.Read(&again, got[1:]); err != nil {
				t.Errorf("%s: what was written can not be read: %v", what, err)
			}
			if _, change := r.AppendNamed(nil, got[1:], &again, now(&again.Record, c.reason, c.now...)); change.Any() {
				t.Errorf("%s: the second time changes it: %+v", what, change)
			}
		}
	}
}

// TestEmptyBase puts names into an object in which nothing goes before them.
func TestEmptyBase(t *testing.T) {
	s := splice{now: now(&flows.Record{StartNs: startNs}, 0, candidate("a.example", correlate.Client, 0)), take: [2]bool{false, true}}
	got := s.append(nil, fieldsOf(nil, []byte(`{"dst_asn":1}`)))
	if want := `{"dst_name":"a.example","dst_name_basis":"client","dst_name_age_ms":0,"dst_asn":1}`; stripped(string(got)) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReadRefuses(t *testing.T) {
	for line, want := range map[string]error{
		``:                         ErrSyntax,
		`{"type":"IPFIX"`:          ErrSyntax,
		`[1]`:                      ErrSyntax,
		`null`:                     ErrSyntax,
		`{}`:                       ErrNotFlow,
		`{"type":"IPFIX"}`:         ErrNotFlow,
		`{"type":7,"proto":"TCP"}`: ErrNotFlow,
		`{"type":"NETFLOW_V5","time_flow_start_ns":1,"src_addr":"x","proto":"TCP"}`: ErrNotFlow,
		`{"type":"NETFLOW_V5","time_flow_start_ns":1,"proto":"300"}`:                ErrNotFlow,
		`{"type":"NETFLOW_V5","time_flow_start_ns":-1,"proto":"TCP"}`:               ErrNotFlow,
	} {
		var r Reader
		if err := r.Read(&Flow{}, []byte(line)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", line, err, want)
		}
	}
}

// TestReadsWhatExportWrites: what the join needs comes back from a line.
func TestReadsWhatExportWrites(t *testing.T) {
	for _, proto := range []uint8{0, 6, 17, 132, 200, 255} {
		want := flows.Record{
			Type: flows.NetFlowV9, Exporter: netip.MustParseAddr("192.0.2.1"), ObservationDomain: 9,
			ReceivedNs: startNs + 9, StartNs: startNs, EndNs: startNs + 5, StartErrorNs: 1e9, SamplingRate: 10, Bytes: 1 << 40, Packets: 3,
			Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8::2"), SrcPort: 65535, DstPort: 1,
			Proto: proto, TCPFlags: 0x1ff, InIf: 1<<32 - 1, OutIf: 2,
			Translation: flows.Translation{XlateSrc: netip.MustParseAddr("192.0.2.7"), BiflowDirection: 2},
			Texts:       flows.Texts{HostName: "told.example"},
		}
		f := correlate.Flow{Record: &want, Src: correlate.End{Named: true, Candidates: []correlate.Candidate{
			{Name: "told.example", Basis: correlate.Exporter}, candidate("a.example", correlate.Client, 8),
		}}}
		var r Reader
		var got Flow
		if err := r.Read(&got, export.AppendJSON(nil, &f)); err != nil {
			t.Fatal(err)
		}
		if got.Record != want {
			t.Errorf("got %+v\nwant %+v", got.Record, want)
		}
		if s := (End{Name: "told.example", Basis: correlate.Exporter, Candidates: 2}); got.Src != s {
			t.Errorf("got %+v, want %+v", got.Src, s)
		}
	}
}

// FuzzFields: members put together again are the object, whatever is in it.
func FuzzFields(f *testing.F) {
	f.Add(base + `,"a":[{"b":"]\"}"}],"c":null}`)
	f.Add(`{ "a" : -1.5e3 , "b":"\\" }`)
	f.Fuzz(func(t *testing.T, line string) {
		var r Reader
		v, err := r.json.Parse(line)
		if err != nil || v.Type() != fastjson.TypeObject {
			return
		}
		o, n := v.GetObject(), 0
		joined := "{"
		for i, x := range fieldsOf(nil, []byte(line)) {
			if i > 0 {
				joined += ","
			}
			joined += string(x.raw)
			n++
		}
		if n != o.Len() {
			t.Errorf("%q: %d members, want %d", line, n, o.Len())
		}
		if _, err := r.json.Parse(joined + "}"); err != nil {
			t.Errorf("%q became %q: %v", line, joined+"}", err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	line := []byte(base + `,"dst_name":"a.example","dst_name_basis":"client","dst_name_age_ms":10}`)
	b.SetBytes(int64(len(line)))
	var r Reader
	var f Flow
	for b.Loop() {
		if err := r.Read(&f, line); err != nil {
			b.Fatal(err)
		}
	}
	if f.Dst.Name != "a.example" {
		b.Fatal(fmt.Sprint(f))
	}
}
