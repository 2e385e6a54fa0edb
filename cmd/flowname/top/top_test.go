package top

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowname/api/apitest"
	"flowname/correlate/baseline"
)

func TestLinesHaveTheirSchemas(t *testing.T) {
	a := apitest.Load(t)
	a.HoldRow("TopDomain", domainLine{})
	a.HoldRow("TopSummary", summaryLine{})
}

func TestParseQuery(t *testing.T) {
	now := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	today := baseline.DayOf(now.UnixNano())
	for parameters, want := range map[string]query{
		"":                         {from: today, to: today, since: -1, n: 5000},
		"day=yesterday&limit=0":    {from: today - 1, to: today - 1, since: -1, given: true},
		"from=2026-11-20":          {from: today - 3, to: maxDay, since: -1, given: true, n: 5000},
		"to=today&since=-48h":      {to: today, since: today - 2, given: true, n: 5000},
		"by=bytes&since=today":     {by: baseline.Bytes, from: today, to: today, since: today, n: 5000},
		"day=2026-11-22T23:59:59Z": {from: today - 1, to: today - 1, since: -1, given: true, n: 5000},
	} {
		if got, err := parse(t, parameters, now); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", parameters, got, err, want)
		}
	}
	for parameters, want := range map[string]string{
		"by=names":                "is none of clients, lookups, bytes, flows",
		"limit=-1":                "is not a number of domains",
		"limit=x":                 "is not a number of domains",
		"day=today&from=today":    "day is one",
		"day=someday":             "is not a day",
		"since=someday":           "is not a day",
		"from=today&to=yesterday": "from is later than to",
	} {
		if _, err := parse(t, parameters, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", parameters, err, want)
		}
	}
}

func parse(t *testing.T, parameters string, now time.Time) (query, error) {
	v, err := url.ParseQuery(parameters)
	if err != nil {
		t.Fatal(err)
	}
	return parseQuery(v, now)
}
