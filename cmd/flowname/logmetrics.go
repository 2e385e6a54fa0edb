package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/metric"
	"flowname/dnscache/logs"
)

// logs gives the accounts of all logs, by path.
func (c stageCollector) logs(ch chan<- prometheus.Metric) {
	for _, l := range c.d.logs {
		path := []string{"log", l.path}
		s := l.follower.Stats()
		logLines(ch, &s.Read, path...)
		metric.Account(ch, "log", s, path...)
		metric.Size(ch, "flowname_log_newest_timestamp_seconds",
			"The time of the newest evidence of a log, Unix seconds; 0 where there was none.", uint64(max(0, s.NewestNs)/1e9), path...)
	}
	if c.d.stdin != nil {
		path := []string{"log", stdinLog}
		s := c.d.stdin.stats()
		logLines(ch, &s, path...)
		metric.Account(ch, "log_read", s, path...)
	}
}

// logLines gives what became of lines.
func logLines(ch chan<- prometheus.Metric, s *logs.Stats, labels ...string) {
	for i, n := range s.ByReason {
		metric.Count(ch, "flowname_log_lines_total", "Lines of logs, by what became of them.",
			n, append([]string{"reason", logs.Reason(i).String()}, labels...)...)
	}
}
