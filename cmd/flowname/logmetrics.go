package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"flowname/dnscache/logs"
)

// logs gives the accounts of all logs, by path.
func (c stageCollector) logs(ch chan<- prometheus.Metric) {
	for _, l := range c.d.logs {
		path := label{"log", l.path}
		s := l.follower.Stats()
		logLines(ch, &s.Read, path)
		account(ch, "log", s, path)
		send(ch, prometheus.GaugeValue, "flowname_log_newest_timestamp_seconds",
			"The time of the newest evidence of a log, Unix seconds; 0 where there was none.", uint64(max(0, s.NewestNs)/1e9), []label{path})
	}
	if c.d.stdin != nil {
		path := label{"log", stdinLog}
		s := c.d.stdin.stats()
		logLines(ch, &s, path)
		account(ch, "log_read", s, path)
	}
}

// logLines gives what became of lines.
func logLines(ch chan<- prometheus.Metric, s *logs.Stats, labels ...label) {
	for i, n := range s.ByReason {
		send(ch, prometheus.CounterValue, "flowname_log_lines_total", "Lines of logs, by what became of them.",
			n, append([]label{{"reason", logs.Reason(i).String()}}, labels...))
	}
}
