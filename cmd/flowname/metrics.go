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
	"flowname/correlate"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/powerdns"
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
	c.logs(ch)
	c.syslog(ch)
	c.findings(ch)
	c.d.watch.clients.metrics(ch, c.d.joiners)
	if seen := c.d.watch.seen; seen != nil {
		account(ch, "first_seen", seen.book.Stats())
	}
	c.d.watch.feeds.metrics(ch, time.Now())
	c.d.watch.usual.metrics(ch)
	account(ch, "output", c.d.writer.stats.load())
	account(ch, "cache", c.d.cache.Stats())
	account(ch, "geo", c.d.places.Stats())
	if c.d.access != nil {
		account(ch, "http", c.d.access.guard.Stats())
	}
}

func (c stageCollector) flows(ch chan<- prometheus.Metric) {
	var decoded netflow.Stats
	for i, r := range c.d.receivers {
		account(ch, "listen", r.socket.Stats(), label{"socket", strconv.Itoa(i)})
		counters.Add(&decoded, r.stats.load())
	}
	for _, s := range c.d.streams {
		transport := label{"transport", strings.ToLower(s.transport)}
		account(ch, "stream", s.listener.Stats(), transport)
		send(ch, prometheus.GaugeValue, "flowname_stream_connections", "Exporters that are connected now.",
			uint64(s.listener.Connections()), []label{transport})
		counters.Add(&decoded, s.receiver.stats.load())
	}
	account(ch, "netflow", decoded)
	c.samples(ch)
	var joined correlate.Stats
	waiting := 0
	for _, j := range c.d.joiners {
		s := j.stats.load()
		joined.Add(&s.Stats)
		waiting += s.waiting
	}
	for _, b := range correlate.Bases() {
		tally(ch, "named", label{"basis", b.String()}, joined.Named[b])
	}
	for _, r := range correlate.Reasons() {
		tally(ch, "unnamed", label{"reason", r.String()}, joined.Unnamed[r])
	}
	account(ch, "join", struct {
		Waited, WaitedNamed, WaitRoomFull, ConnectionsForgotten, Shifted, ClocksRefused uint64
	}{
		joined.Waited, joined.WaitedNamed, joined.WaitRoomFull, joined.ConnectionsForgotten, joined.Shifted, joined.ClocksRefused,
	})
	gauge(ch, "flowname_flows_waiting", "Flows that wait for an answer now.", uint64(waiting))
}

func (c stageCollector) samples(ch chan<- prometheus.Metric) {
	if c.d.sflow == nil {
		return
	}
	var sum sampleAccount
	for i, r := range c.d.samplers {
		account(ch, "sflow_listen", r.socket.Stats(), label{"socket", strconv.Itoa(i)})
		a := r.account.load()
		counters.Add(&sum.refused, a.refused)
		counters.Add(&sum.samples, a.samples)
		counters.Add(&sum.dns, a.dns)
	}
	account(ch, "sflow", sum.samples)
	account(ch, "sflow", sum.refused)
	account(ch, "sflow_dns", sum.dns)
}

func (c stageCollector) dns(ch chan<- prometheus.Metric) {
	var wire dnswire.Stats
	if tap := c.d.tap; tap != nil {
		account(ch, "capture", tap.live.Stats())
		account(ch, "sensor", tap.sensorStats.load())
		counters.Add(&wire, tap.dnsStats.load())
	}
	if s := c.d.dnstap; s != nil {
		account(ch, "dnstap", s.server.Stats())
		s.connections(ch, "dnstap", &wire)
	}
	if s := c.d.powerDNS; s != nil {
		stats := s.server.Stats()
		account(ch, "powerdns", stats)
		for i, n := range stats.ByType {
			send(ch, prometheus.CounterValue, "flowname_powerdns_messages_total", "Messages of PowerDNS, by type.",
				n, []label{{"type", strings.ToLower(powerdns.MessageType(i).String())}})
		}
		s.connections(ch, "powerdns", &wire)
	}
	for _, r := range c.d.samplers {
		counters.Add(&wire, r.account.load().wire)
	}
	account(ch, "dns", wire)
}

// connections gives what resolvers' connections have in common, and adds up what
// their messages were.
func (s *resolverServer) connections(ch chan<- prometheus.Metric, stage string, wire *dnswire.Stats) {
	dns, peers, over := s.account()
	account(ch, stage, struct{ ConnectionsRefused uint64 }{over})
	counters.Add(wire, dns)
	gauge(ch, "flowname_"+stage+"_connections", "Resolvers that are connected now.", peers)
}

// sizes are the fields of accounts that say how large something is now, not
// how often something was.
var sizes = map[string]bool{
	"cache_versions": true, "cache_pairs": true, "cache_addresses": true, "cache_clients": true,
	"cache_names": true, "cache_name_bytes": true, "cache_pending": true, "cache_outcome_runs": true, "cache_table_bytes": true, "cache_expired_bytes": true,
	"visibility_clients": true,
	"baseline_domains":   true, "baseline_open": true, "baseline_stored": true,
	"first_seen_domains": true, "first_seen_names": true, "first_seen_pairs": true,
	"first_seen_waiting": true, "first_seen_young": true,
	"findings_unsaved": true, "lives_names": true, "log_files": true, "log_open": true, "log_behind": true, "syslog_streams": true,
}

type label struct{ name, value string }

// account gives every counter of a stage.
func account(ch chan<- prometheus.Metric, stage string, stats any, labels ...label) {
	counters.Each(stats, func(field string, v uint64) {
		name := stage + "_" + field
		help := "The counter " + field + " of stage " + stage + "."
		if sizes[name] {
			send(ch, prometheus.GaugeValue, "flowname_"+name, "The size "+field+" of stage "+stage+" now.", v, labels)
			return
		}
		send(ch, prometheus.CounterValue, "flowname_"+name+"_total", help, v, labels)
	})
}

// tally gives the flows that are named or unnamed, by basis or reason.
func tally(ch chan<- prometheus.Metric, what string, how label, t correlate.Tally) {
	by := []label{how}
	send(ch, prometheus.CounterValue, "flowname_flows_"+what+"_total", "Flows "+what+", by "+how.name+".", t.Flows, by)
	send(ch, prometheus.CounterValue, "flowname_flow_bytes_"+what+"_total", "Bytes of flows "+what+" as exported, by "+how.name+".", t.Bytes, by)
}

func gauge(ch chan<- prometheus.Metric, name, help string, v uint64) {
	send(ch, prometheus.GaugeValue, name, help, v, nil)
}

func send(ch chan<- prometheus.Metric, kind prometheus.ValueType, name, help string, v uint64, labels []label) {
	names, values := make([]string, len(labels)), make([]string, len(labels))
	for i, l := range labels {
		names[i], values[i] = l.name, l.value
	}
	ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, float64(v), values...)
}
