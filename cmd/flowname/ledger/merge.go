package ledger

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"flowname/correlate"
	"flowname/flows/netflow"
)

// A Domain is what the ports of an exporter that speak of one observation domain
// reported together; an Exporter is made of it.
type Domain struct {
	netflow.Report
	ports  int
	lately Rate
	clock  correlate.Clock
}

type mergeKey struct {
	addr    netip.Addr
	domain  uint32
	version uint16
}

// mergeReports brings the reports of all ports of a domain together, by address.
// What is not a sum is of the port that was heard last.
func mergeReports(reports []netflow.Report, nowNs int64) []Domain {
	byKey := map[mergeKey]*Domain{}
	for i := range reports {
		r := &reports[i]
		lately := Rate{}
		if r.LatelyNs > 0 && nowNs-r.LastNs < int64(2*time.Minute) {
			lately = rateOf(r.LatelyMessages, r.LatelyFlows, r.LatelyNs)
		}
		key := mergeKey{r.Exporter.Addr(), r.Domain, r.Version}
		m := byKey[key]
		if m == nil {
			byKey[key] = &Domain{Report: *r, ports: 1, lately: lately}
			continue
		}
		sum, first, said := m.Account, min(m.FirstNs, r.FirstNs), m.Said
		sum.Add(&r.Account)
		if r.LastNs > m.LastNs {
			m.Report = *r
		}
		if m.Said.Records == 0 {
			m.Said = cmp.Or(said, r.Said)
		}
		m.Account, m.FirstNs = sum, first
		m.ports++
		m.lately.MessagesPerS += lately.MessagesPerS
		m.lately.FlowsPerS += lately.FlowsPerS
	}
	all := make([]Domain, 0, len(byKey))
	for _, m := range byKey {
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b Domain) int {
		return compareKey(a, mergeKey{b.Exporter.Addr(), b.Domain, b.Version})
	})
	return all
}

func (m *Domain) row(nowNs int64) Exporter {
	row := Exporter{
		Kind: "exporter", Exporter: m.Exporter.Addr().String(), Domain: m.Domain, Version: m.Version, Ports: m.ports,
		FirstSeen: time.Unix(0, m.FirstNs).UTC(), LastSeen: time.Unix(0, m.LastNs).UTC(), SilentS: float64(nowNs-m.LastNs) / 1e9,
		Life: rateOf(m.Messages, m.Flows(), m.LastNs-m.FirstNs), Lately: m.lately,
		Templates: m.Templates, OptionsTemplates: m.OptionsTemplates,
		SamplingRate: m.SamplingRate, SamplingSeveral: m.SamplingSeveral,
		TimeSource: m.TimeSource.String(), StartErrorMs: float64(m.StartErrorNs) / 1e6,
		Counts: m.Counting.String(), CountsDecided: m.CountingDecided, CountsRight: m.CountsAsItShould,
		Account: rowOfAccount(&m.Account),
	}
	row.Said = rowOfSaid(&m.Said)
	number := func(v float64, known bool) *float64 {
		if !known {
			return nil
		}
		return &v
	}
	row.TemplateRefreshS = number(float64(m.RefreshNs)/1e9, m.RefreshNs > 0)
	row.ClockOffsetMs = number(float64(m.OffsetNs)/1e6, m.HasOffset)
	row.ClockDriftPPM = number(float64(m.DriftPPB)/1e3, m.HasDrift)
	row.NamesOffsetMs = number(float64(m.clock.ByNamesNs)/1e6, m.clock.HasNames)
	row.CorrectedMs = float64(m.clock.ShiftNs) / 1e6
	return row
}
