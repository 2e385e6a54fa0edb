package counters

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

type inner struct{ BadDNS, HTTPErrors uint64 }

type stats struct {
	Datagrams  uint64
	Rate       float64 // no counter
	TLSRefused inner
}

func TestEach(t *testing.T) {
	got := map[string]uint64{}
	Each(stats{Datagrams: 3, Rate: 2, TLSRefused: inner{5, 7}}, func(name string, value uint64) { got[name] = value })
	want := map[string]uint64{"datagrams": 3, "tls_refused_bad_dns": 5, "tls_refused_http_errors": 7}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAdd(t *testing.T) {
	sum := stats{1, 2, inner{3, 4}}
	Add(&sum, stats{10, 20, inner{30, 40}})
	if want := (stats{11, 2, inner{33, 44}}); sum != want {
		t.Errorf("got %v, want %v", sum, want)
	}
}
