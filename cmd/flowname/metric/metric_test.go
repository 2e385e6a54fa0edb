package metric

import (
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type collector struct{}

func (collector) Describe(chan<- *prometheus.Desc) {}

func (collector) Collect(ch chan<- prometheus.Metric) {
	Account(ch, "cache", struct{ Versions, Filed uint64 }{3, 5}, "socket", "0")
	Count(ch, "flowname_refused_total", "Refused.", 7)
	Size(ch, "flowname_waiting", "Waiting.", 9, "a", "b", "c", "d")
}

func TestAccount(t *testing.T) {
	want := `# HELP flowname_cache_filed_total The counter filed of stage cache.
# TYPE flowname_cache_filed_total counter
flowname_cache_filed_total{socket="0"} 5
# HELP flowname_cache_versions The size versions of stage cache now.
# TYPE flowname_cache_versions gauge
flowname_cache_versions{socket="0"} 3
# HELP flowname_refused_total Refused.
# TYPE flowname_refused_total counter
flowname_refused_total 7
# HELP flowname_waiting Waiting.
# TYPE flowname_waiting gauge
flowname_waiting{a="b",c="d"} 9
`
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{})
	got := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(got, httptest.NewRequest("GET", "/metrics", nil))
	if got.Body.String() != want {
		t.Errorf("got\n%swant\n%s", got.Body, want)
	}
}
