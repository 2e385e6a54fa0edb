package main

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/guard"
	"flowname/cmd/flowname/metric"
	"flowname/correlate"
	"flowname/correlate/visibility"
	"flowname/dnscache/dnswire"
	"flowname/flows/netflow"
)

// metricsHandler serves all counters in Prometheus' text format: every field
// of every stage's Stats, so that nothing is dropped unseen, and what the
// process itself uses.
func metricsHandler(d *daemon) http.HandlerFunc {
	registry := prometheus.NewRegistry()
	registry.MustRegister(stageCollector{d}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return func(w http.ResponseWriter, r *http.Request) {
		all, err := registry.Gather()
		if err != nil {
			guard.Refuse(w, http.StatusInternalServerError, err.Error())
			return
		}
		promhttp.HandlerFor(prometheus.GathererFunc(gathered(all)), promhttp.HandlerOpts{}).ServeHTTP(w, r)
	}
}

// gathered gives what there is: promhttp would tell its errors as plain text.
func gathered[T any](all T) func() (T, error) {
	return func() (T, error) { return all, nil }
}

// A stageCollector reads the accounts of a daemon's stages when it is asked.
type stageCollector struct{ d *daemon }

// Describe describes nothing: which metrics there are is said by the fields.
func (stageCollector) Describe(chan<- *prometheus.Desc) {}

// Collect reads all accounts.
func (c stageCollector) Collect(ch chan<- prometheus.Metric) {
	c.flows(ch)
	c.exporters(ch)
	c.dns(ch)
	c.watch(ch)
	metric.Account(ch, "output", c.d.writer.stats.Load())
	metric.Account(ch, "cache", c.d.cache.Stats())
	metric.Account(ch, "geo", c.d.places.Stats())
	if c.d.http != nil {
		metric.Account(ch, "http", c.d.http.Stats())
	}
}

func (c stageCollector) flows(ch chan<- prometheus.Metric) {
	var decoded netflow.Stats
	for i, r := range c.d.receivers {
		metric.Account(ch, "listen", r.socket.Stats(), "socket", strconv.Itoa(i))
		counters.Add(&decoded, r.stats.Load())
	}
	for _, s := range c.d.streams {
		transport := []string{"transport", strings.ToLower(s.transport)}
		metric.Account(ch, "stream", s.listener.Stats(), transport...)
		metric.Size(ch, "flowname_stream_connections", "Exporters that are connected now.",
			uint64(s.listener.Connections()), transport...)
		counters.Add(&decoded, s.receiver.stats.Load())
	}
	metric.Account(ch, "netflow", decoded)
	c.samples(ch)
	var joined correlate.Stats
	waiting := 0
	for _, j := range c.d.joiners {
		s := j.stats.Load()
		joined.Add(&s.Stats)
		waiting += s.waiting
	}
	for _, b := range correlate.Bases() {
		tally(ch, "named", "basis", b.String(), joined.Named[b])
	}
	for _, r := range correlate.Reasons() {
		tally(ch, "unnamed", "reason", r.String(), joined.Unnamed[r])
	}
	metric.Account(ch, "join", struct {
		Waited, WaitedNamed, WaitRoomFull, ConnectionsForgotten, Shifted, ClocksRefused uint64
	}{
		joined.Waited, joined.WaitedNamed, joined.WaitRoomFull, joined.ConnectionsForgotten, joined.Shifted, joined.ClocksRefused,
	})
	metric.Size(ch, "flowname_flows_waiting", "Flows that wait for an answer now.", uint64(waiting))
}

func (c stageCollector) samples(ch chan<- prometheus.Metric) {
	if c.d.sflow == nil {
		return
	}
	var sum sampleAccount
	for i, r := range c.d.samplers {
		metric.Account(ch, "sflow_listen", r.socket.Stats(), "socket", strconv.Itoa(i))
		a := r.account.Load()
		counters.Add(&sum.refused, a.refused)
		counters.Add(&sum.samples, a.samples)
		counters.Add(&sum.dns, a.dns)
	}
	metric.Account(ch, "sflow", sum.samples)
	metric.Account(ch, "sflow", sum.refused)
	metric.Account(ch, "sflow_dns", sum.dns)
}

func (c stageCollector) dns(ch chan<- prometheus.Metric) {
	var wire dnswire.Stats
	c.d.sources.Metrics(ch, &wire)
	for _, r := range c.d.samplers {
		counters.Add(&wire, r.account.Load().wire)
	}
	metric.Account(ch, "dns", wire)
}

// tally gives the flows that are named or unnamed, by basis or reason.
func tally(ch chan<- prometheus.Metric, what, label, how string, t correlate.Tally) {
	metric.Count(ch, "flowname_flows_"+what+"_total", "Flows "+what+", by "+label+".", t.Flows, label, how)
	metric.Count(ch, "flowname_flow_bytes_"+what+"_total", "Bytes of flows "+what+" as exported, by "+label+".", t.Bytes, label, how)
}

func (c stageCollector) watch(ch chan<- prometheus.Metric) {
	var clients visibility.Stats
	for _, j := range c.d.joiners {
		s := j.stats.Load()
		clients.Add(&s.clients)
	}
	c.d.watch.Metrics(ch, &clients, time.Now())
}
