// Package metric gives accounts to Prometheus: every field of every stage's Stats, so
// that nothing is dropped unseen.
package metric

import (
	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/counters"
)

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

// Account gives every counter of a stage, with labels: names and values, in turns.
func Account(ch chan<- prometheus.Metric, stage string, stats any, labels ...string) {
	counters.Each(stats, func(field string, v uint64) {
		name := stage + "_" + field
		if sizes[name] {
			Size(ch, "flowname_"+name, "The size "+field+" of stage "+stage+" now.", v, labels...)
			return
		}
		Count(ch, "flowname_"+name+"_total", "The counter "+field+" of stage "+stage+".", v, labels...)
	})
}

// Count gives how often something was, with labels: names and values, in turns.
func Count(ch chan<- prometheus.Metric, name, help string, v uint64, labels ...string) {
	send(ch, prometheus.CounterValue, name, help, v, labels)
}

// Size gives how large something is now, with labels: names and values, in turns.
func Size(ch chan<- prometheus.Metric, name, help string, v uint64, labels ...string) {
	send(ch, prometheus.GaugeValue, name, help, v, labels)
}

func send(ch chan<- prometheus.Metric, kind prometheus.ValueType, name, help string, v uint64, labels []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, float64(v), values...)
}
