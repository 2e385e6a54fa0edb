package watch

import (
	"math"
	"sync"
	"testing"
	"time"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/correlate"
	"flowname/correlate/baseline"
	"flowname/dnscache"
	"flowname/flows"
)

func endNamed(name string) (e correlate.End) {
	if name != "" {
		e.Named, e.Candidates = true, []correlate.Candidate{{Name: name}}
	}
	return e
}

// TestFlowsAreCountedForTheirServer, at their starts if those can be.
func TestFlowsAreCountedForTheirServer(t *testing.T) {
	const hour = int64(time.Hour)
	now := 20_000 * 24 * hour
	cache, err := dnscache.Open(dnscache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		record         flows.Record
		src, dst       string
		domain         string
		day            int64
		bytes, flowsOf uint64
	}{
		"a client's flow": {flows.Record{StartNs: now, ReceivedNs: now, SrcPort: 5000, DstPort: 443, Bytes: 7}, "", "a.example", "a.example", 20_000, 7, 1},
		"the reply":       {flows.Record{StartNs: now, ReceivedNs: now, SrcPort: 443, DstPort: 5000, Bytes: 7}, "a.example", "", "a.example", 20_000, 7, 1},
		"both have names": {flows.Record{StartNs: now, SrcPort: 443, DstPort: 5000, Bytes: 7}, "a.example", "b.example", "a.example", 20_000, 7, 1},
		"the client has":  {flows.Record{StartNs: now, SrcPort: 5000, DstPort: 443, Bytes: 7}, "a.example", "", "a.example", 20_000, 7, 1},
		"sampled":         {flows.Record{StartNs: now, DstPort: 443, Bytes: 7, SamplingRate: 1000}, "", "a.example", "a.example", 20_000, 7000, 1},
		"out of reason":   {flows.Record{StartNs: now, DstPort: 443, Bytes: 1 << 40, SamplingRate: 1 << 40}, "", "a.example", "a.example", 20_000, math.MaxUint64, 1},
		"a slow exporter": {flows.Record{StartNs: now - 20*hour, ReceivedNs: now, DstPort: 443, Bytes: 7}, "", "a.example", "a.example", 19_999, 7, 1},
		"a wrong clock":   {flows.Record{StartNs: hour, ReceivedNs: now, DstPort: 443, Bytes: 7}, "", "a.example", "a.example", 20_000, 7, 1},
		"no name":         {flows.Record{StartNs: now, DstPort: 443, Bytes: 7}, "", "", "", 20_000, 0, 0},
	} {
		usual, err := openBaselines(&BaselineFlags{Baseline: true, BaselineDays: 1}, cache, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		w := &Watch{usual: usual}
		l := w.NewLookout(&sync.Mutex{})
		tt.record.Proto = flows.ProtoTCP
		tt.record.Src, tt.record.Dst = exportstest.Client(1), exportstest.Server(1)
		l.Flow(&correlate.Flow{Record: &tt.record, Src: endNamed(tt.src), Dst: endNamed(tt.dst)})
		l.usual.rest(math.MaxInt64)
		span, err := usual.book.Between(t.Context(), int32(tt.day), int32(tt.day))
		if err != nil {
			t.Fatal(err)
		}
		var got baseline.Row
		if span.Day != nil {
			got = span.Day.Top(baseline.Flows, 1)[0]
		}
		if got.Domain != tt.domain || got.Bytes != tt.bytes || got.Flows != tt.flowsOf {
			t.Errorf("%s: got %+v, want %s %d", name, got, tt.domain, tt.bytes)
		}
	}
}
