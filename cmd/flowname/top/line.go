package top

import (
	"time"

	"flowname/correlate/baseline"
)

// A domainLine is a domain of a list, or one that entered or left it, as programs read it.
type domainLine struct {
	Kind    string `json:"kind"`           // domain, entered or left
	Rank    int    `json:"rank,omitempty"` // absent where it has none any more
	Then    int    `json:"then,omitempty"` // its rank on the day of since
	Domain  string `json:"domain"`
	Clients uint64 `json:"clients"`
	Lookups uint64 `json:"lookups"`
	Flows   uint64 `json:"flows"`
	Bytes   uint64 `json:"bytes"`
	Over    uint64 `json:"over,omitempty"`
}

// A summaryLine is what is known of all days together; the last line.
type summaryLine struct {
	Kind         string   `json:"kind"` // summary
	By           string   `json:"by"`
	Days         int      `json:"days"` // how many of them there are
	From         string   `json:"from,omitempty"`
	To           string   `json:"to,omitempty"`
	Unread       []string `json:"unread,omitempty"`
	Clients      uint64   `json:"clients"`
	Domains      uint64   `json:"domains"`
	Lookups      uint64   `json:"lookups"`
	Flows        uint64   `json:"flows"`
	Bytes        uint64   `json:"bytes"`
	Tracked      int      `json:"tracked"`
	ExactClients bool     `json:"exact_clients"`
	Missing      uint64   `json:"missing"`
	changes
}

// changes are what a summary says of changes since a day.
type changes struct {
	Since     string `json:"since,omitempty"`
	SinceDays int    `json:"since_days,omitempty"` // 0: there is nothing to compare with
	Entered   int    `json:"entered,omitempty"`
	Left      int    `json:"left,omitempty"`
}

func domainLineOf(kind string, r *baseline.Row, rank, then int) *domainLine {
	return &domainLine{
		Kind: kind, Rank: rank, Then: then, Domain: r.Domain,
		Clients: r.Clients, Lookups: r.Lookups, Flows: r.Flows, Bytes: r.Bytes, Over: r.Over,
	}
}

func summaryOf(span *baseline.Span, by baseline.Measure) *summaryLine {
	l := &summaryLine{Kind: "summary", By: by.String(), Days: len(span.Days)}
	for _, day := range span.Unread {
		l.Unread = append(l.Unread, dayText(day))
	}
	if span.Day == nil {
		return l
	}
	l.From, l.To = dayText(span.Days[0]), dayText(span.Days[len(span.Days)-1])
	s := span.Day.Summary(by)
	l.Clients, l.Domains, l.Lookups, l.Flows, l.Bytes = s.Clients, s.Domains, s.Lookups, s.Flows, s.Bytes
	l.Tracked, l.ExactClients, l.Missing = s.Tracked, s.Exact, s.Missing
	return l
}

func dayText(day int32) string {
	return time.Unix(0, 0).UTC().AddDate(0, 0, int(day)).Format(time.DateOnly)
}
