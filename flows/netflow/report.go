package netflow

import "net/netip"

// A Report is what is known of one observation domain, for people and metrics.
type Report struct {
	Exporter netip.AddrPort // port 0: of an address as such, where no more is known
	Domain   uint32
	Version  uint16 // 5, 9, 10; 0 where no header could be read

	Account

	FirstNs, LastNs int64 // receive times of its first and latest message
	// Lately is what came in the last whole minute or more, LatelyNs long; it is
	// 0 before there was one.
	LatelyMessages, LatelyFlows uint64
	LatelyNs                    int64

	Templates, OptionsTemplates int
	// TemplatesNs is when the last template record came, RefreshNs the longest
	// time between the last two that any template had; 0 when none came twice.
	TemplatesNs, RefreshNs int64

	SamplingRate     uint64 // 0 not said
	SamplingSeveral  bool   // samplers that differ, and the latest flow is not known to be of any
	TimeSource       TimeSource
	StartErrorNs     int64 // of its latest flow; 0 none yet
	OffsetNs         int64 // least of receive time minus header time, of 10 to 20 minutes
	HasOffset        bool
	DriftPPB         int64 // how fast the offset grows, in 10^-9
	HasDrift         bool
	Counting         Counting // what its sequence numbers count
	CountingDecided  bool     // whether that is known yet
	CountsAsItShould bool

	// Said is what the exporter itself tells of its work, and of what it lost. It
	// is no part of the Account: the counts are the exporter's, of all its life.
	Said ExporterStats
}

// AppendReports appends a report of each domain that has sent a message.
func (d *Decoder) AppendReports(dst []Report) []Report {
	for dom := range d.store.all() {
		if dom.account.Messages > 0 {
			dst = append(dst, dom.report(optionTables{dom.options, d.store.common(dom)}))
		}
	}
	return dst
}

// Gone is the sum of the accounts of the domains that were forgotten to make
// room; with it, Ended and all reports nothing is missing.
func (d *Decoder) Gone() Account { return d.store.gone }

// Ended is the sum of the accounts of the domains that Forget forgot.
func (d *Decoder) Ended() Account { return d.store.ended }

func (dom *domain) report(tables optionTables) Report {
	h, s := &dom.hearing, &dom.sequence
	r := Report{
		Exporter: dom.key.exporter, Domain: dom.key.id, Version: dom.key.version, Account: dom.account,
		FirstNs: h.firstNs, LastNs: h.lastNs,
		LatelyMessages: h.latelyMessages, LatelyFlows: h.latelyFlows, LatelyNs: h.latelyNs,
		TemplatesNs:  h.templatesNs,
		SamplingRate: tables.onlyRate(), SamplingSeveral: tables.several(),
		TimeSource: h.timeSource, StartErrorNs: h.startErrorNs,
		DriftPPB: h.offset.driftPPB, HasDrift: h.offset.hasDrift,
		Counting: s.unit, CountingDecided: s.decided,
		CountsAsItShould: !s.decided || s.unit == rightCounting(dom.key.version),
		Said:             dom.exporter,
	}
	r.OffsetNs, r.HasOffset = h.offset.offsetNs()
	if h.headerRate != 0 {
		r.SamplingRate, r.SamplingSeveral = h.headerRate, false
	}
	for _, t := range dom.templates {
		if t.options {
			r.OptionsTemplates++
		} else {
			r.Templates++
		}
		r.RefreshNs = max(r.RefreshNs, t.refreshNs)
	}
	return r
}
