package sources

import (
	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/metric"
	"flowname/dnscache/logs"
)

// logMetrics gives the accounts of all logs, by path.
func (s *Sources) logMetrics(ch chan<- prometheus.Metric) {
	for _, l := range s.logs {
		path := []string{"log", l.path}
		stats := l.follower.Stats()
		logLines(ch, &stats.Read, path...)
		metric.Account(ch, "log", stats, path...)
		metric.Size(ch, "flowname_log_newest_timestamp_seconds",
			"The time of the newest evidence of a log, Unix seconds; 0 where there was none.", uint64(max(0, stats.NewestNs)/1e9), path...)
	}
	if s.stdin != nil {
		path := []string{"log", stdinLog}
		stats := s.stdin.stats()
		logLines(ch, &stats, path...)
		metric.Account(ch, "log_read", stats, path...)
	}
}

// logLines gives what became of lines.
func logLines(ch chan<- prometheus.Metric, s *logs.Stats, labels ...string) {
	for i, n := range s.ByReason {
		metric.Count(ch, "flowname_log_lines_total", "Lines of logs, by what became of them.",
			n, append([]string{"reason", logs.Reason(i).String()}, labels...)...)
	}
}
