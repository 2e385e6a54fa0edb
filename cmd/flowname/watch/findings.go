package watch

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/guard"
	"flowname/cmd/flowname/metric"
	"flowname/correlate/findings"
)

// ServeFindings answers GET /api/v1/findings: it gives the newest findings, one JSON object a line.
func (w *Watch) ServeFindings(out http.ResponseWriter, req *http.Request) {
	q, err := parseFindingsQuery(req.URL.Query(), time.Now(), w.reporter.desk)
	if err != nil {
		guard.Refuse(out, http.StatusBadRequest, err.Error())
		return
	}
	out.Header().Set("Content-Type", "application/x-ndjson")
	api.NewPatient(nil, out).Write(w.reporter.desk.Recent(nil, &q))
}

// parseFindingsQuery reads the parameters code, client, name, from, to and limit.
func parseFindingsQuery(v url.Values, now time.Time, desk *findings.Desk) (q findings.Query, err error) {
	if q.Code = v.Get("code"); q.Code != "" && !slices.Contains(desk.Codes(), q.Code) && q.Code != "feed" {
		return q, fmt.Errorf("code %q is none of %s", q.Code, strings.Join(desk.Codes(), ", "))
	}
	if text := v.Get("name"); text != "" {
		q.Name = command.CanonicalName(text)
	}
	if text := v.Get("client"); text != "" {
		client, err := netip.ParseAddr(text)
		if err != nil {
			return q, fmt.Errorf("client %q is not an IP address", text)
		}
		q.Client = client.Unmap().WithZone("")
	}
	for _, t := range []struct {
		key string
		ns  *int64
	}{{"from", &q.FromNs}, {"to", &q.ToNs}} {
		if text := v.Get(t.key); text != "" {
			if *t.ns, err = command.ParseTime(text, now); err != nil {
				return q, fmt.Errorf("%s: %w", t.key, err)
			}
		}
	}
	if q.FromNs != 0 && q.ToNs != 0 && q.FromNs > q.ToNs {
		return q, errors.New("from is later than to")
	}
	if text := v.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 {
			return q, fmt.Errorf("limit %q is not a number above 0", text)
		}
	}
	return q, nil
}

// metrics gives the counts of findings.
func (r *reporter) metrics(ch chan<- prometheus.Metric) {
	counts, stats := r.desk.Counts()
	for _, n := range counts {
		code := []string{"code", n.Code}
		metric.Count(ch, "flowname_findings_total", "Findings that were told, by code.", n.Told, code...)
		for _, s := range []struct {
			reason string
			n      uint64
		}{{"repeated", n.Repeated}, {"rate_limit", n.Limited}} {
			metric.Count(ch, "flowname_findings_suppressed_total", "Findings that were not told, by code and reason.",
				s.n, "code", n.Code, "reason", s.reason)
		}
	}
	metric.Account(ch, "findings", stats)
	if r.names != nil {
		metric.Account(ch, "lives", r.names.Stats())
	}
	if r.file != nil {
		metric.Account(ch, "findings_output", r.stats.Load())
	}
}
