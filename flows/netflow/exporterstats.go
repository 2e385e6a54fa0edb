package netflow

import (
	"iter"
	"net/netip"
)

// ExporterStats is what an exporter tells of its own work in options data, for
// one observation domain. A zero field was not told. The counts run since the
// exporting process began and may begin anew; the last one told stands.
type ExporterStats struct {
	// Timeouts in seconds: information elements 36 and 37.
	ActiveTimeout, IdleTimeout uint32

	// What was sent: elements 40, 41, 42.
	ExportedOctets, ExportedMessages, ExportedFlows uint64

	// What was not: packets that were not metered (164), flows that were
	// metered and not sent (166), and the packets in them (167).
	IgnoredPackets, NotSentFlows, NotSentPackets uint64

	// Records is how many options data records told any of it.
	Records uint64
}

// addTo takes over into sum what s tells.
func (s *ExporterStats) addTo(sum *ExporterStats) {
	if *s == (ExporterStats{}) {
		return
	}
	sum.Records++
	take(&sum.ActiveTimeout, s.ActiveTimeout)
	take(&sum.IdleTimeout, s.IdleTimeout)
	take(&sum.ExportedOctets, s.ExportedOctets)
	take(&sum.ExportedMessages, s.ExportedMessages)
	take(&sum.ExportedFlows, s.ExportedFlows)
	take(&sum.IgnoredPackets, s.IgnoredPackets)
	take(&sum.NotSentFlows, s.NotSentFlows)
	take(&sum.NotSentPackets, s.NotSentPackets)
}

func take[T uint32 | uint64](p *T, v T) {
	if v != 0 {
		*p = v
	}
}

// A Domain is one observation domain (v9: source id, v5: engine) of one
// exporting process, as a Decoder keeps it apart.
type Domain struct {
	Exporter netip.AddrPort
	ID       uint32
	Version  uint16 // 5, 9 or 10
}

// ExporterStats yields what the domains that are known have told of themselves,
// in no order. It is the decoder's owner that may call it.
func (d *Decoder) ExporterStats() iter.Seq2[Domain, ExporterStats] {
	return func(yield func(Domain, ExporterStats) bool) {
		for key, dom := range d.store.domains {
			if dom.exporter.Records == 0 {
				continue
			}
			if !yield(Domain{key.exporter, key.id, key.version}, dom.exporter) {
				return
			}
		}
	}
}
