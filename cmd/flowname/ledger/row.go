package ledger

import (
	"time"

	"flowname/flows/listen/stream"
	"flowname/flows/netflow"
)

// A Tally is a netflow.Tally as JSON.
type Tally struct {
	Count uint64 `json:"count"`
	Bytes uint64 `json:"bytes"`
}

func rowOfTally(t netflow.Tally) Tally { return Tally{t.Count, t.Bytes} }

// An Account is a netflow.Account as JSON. Bytes is the sum of the other
// bytes, those of waiting and of all refused included.
type Account struct {
	Messages       uint64 `json:"messages"`
	Bytes          uint64 `json:"bytes"`
	Flows          uint64 `json:"flows"`
	DataRecords    uint64 `json:"data_records"` // that the flows are of: one for both directions is two flows
	OptionsRecords uint64 `json:"options_records"`

	HeaderBytes   uint64 `json:"header_bytes"`
	FlowBytes     uint64 `json:"flow_bytes"`
	OptionsBytes  uint64 `json:"options_bytes"`
	TemplateBytes uint64 `json:"template_bytes"`
	PaddingBytes  uint64 `json:"padding_bytes"`

	Waiting  Tally            `json:"waiting"`
	Late     Tally            `json:"late"`
	Borrowed Tally            `json:"borrowed"`
	Refused  map[string]Tally `json:"refused"` // by reason, those that are not zero

	Lost          uint64 `json:"lost"`    // on the way, in the unit of counts
	Missing       uint64 `json:"missing"` // likewise, may come still
	Reordered     uint64 `json:"reordered"`
	Repeated      uint64 `json:"repeated"`
	SequenceJumps uint64 `json:"sequence_jumps"`
	Unverified    uint64 `json:"unverified"`
	Restarts      uint64 `json:"restarts"`
}

// A Said is what an exporter says of itself, of all its life.
type Said struct {
	ExportedFlows    uint64 `json:"exported_flows"`
	ExportedMessages uint64 `json:"exported_messages"`
	ExportedBytes    uint64 `json:"exported_bytes"`
	IgnoredPackets   uint64 `json:"ignored_packets"`
	NotSentFlows     uint64 `json:"not_sent_flows"`
	NotSentPackets   uint64 `json:"not_sent_packets"`
	ActiveTimeoutS   uint32 `json:"active_timeout_s,omitempty"`
	IdleTimeoutS     uint32 `json:"idle_timeout_s,omitempty"`
}

func rowOfSaid(s *netflow.ExporterStats) *Said {
	if s.Records == 0 {
		return nil
	}
	return &Said{
		ExportedFlows: s.ExportedFlows, ExportedMessages: s.ExportedMessages, ExportedBytes: s.ExportedOctets,
		IgnoredPackets: s.IgnoredPackets, NotSentFlows: s.NotSentFlows, NotSentPackets: s.NotSentPackets,
		ActiveTimeoutS: s.ActiveTimeout, IdleTimeoutS: s.IdleTimeout,
	}
}

func rowOfAccount(a *netflow.Account) Account {
	row := Account{
		Messages: a.Messages, Bytes: a.Bytes, Flows: a.Flows(), DataRecords: a.Records, OptionsRecords: a.OptionsRecords,
		HeaderBytes: a.HeaderBytes, FlowBytes: a.FlowBytes, OptionsBytes: a.OptionsBytes,
		TemplateBytes: a.TemplateBytes, PaddingBytes: a.PaddingBytes,
		Waiting: rowOfTally(a.Waiting), Late: rowOfTally(a.Late), Borrowed: rowOfTally(a.Borrowed),
		Refused: map[string]Tally{},
		Lost:    a.Lost, Missing: a.Missing, Reordered: a.Reordered, Repeated: a.Repeated,
		SequenceJumps: a.SequenceJumps, Unverified: a.Unverified, Restarts: a.Restarts,
	}
	for _, why := range netflow.Reasons() {
		if t := a.Refused[why]; t.Count != 0 {
			row.Refused[why.String()] = rowOfTally(t)
		}
	}
	return row
}

// A Rate is what comes in a second.
type Rate struct {
	MessagesPerS float64 `json:"messages_per_s"`
	FlowsPerS    float64 `json:"flows_per_s"`
}

func rateOf(messages, flows uint64, ns int64) Rate {
	if ns <= 0 {
		return Rate{}
	}
	s := float64(ns) / 1e9
	return Rate{float64(messages) / s, float64(flows) / s}
}

// An Exporter is one observation domain of one exporter's address, in one
// version, all of its ports together.
type Exporter struct {
	Kind     string `json:"kind"` // "exporter"
	Exporter string `json:"exporter"`
	Domain   uint32 `json:"domain"`
	Version  uint16 `json:"version"` // 0: no header could be read
	Ports    int    `json:"ports"`

	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	SilentS   float64   `json:"silent_s"`
	Life      Rate      `json:"life"`
	Lately    Rate      `json:"lately"` // of the last whole minute or more

	Templates        int      `json:"templates"`
	OptionsTemplates int      `json:"options_templates"`
	TemplateRefreshS *float64 `json:"template_refresh_s,omitempty"` // absent: none came twice
	SamplingRate     uint64   `json:"sampling_rate"`                // 0: not said
	SamplingSeveral  bool     `json:"sampling_several,omitempty"`
	TimeSource       string   `json:"time_source"`
	StartErrorMs     float64  `json:"start_error_ms"`
	ClockOffsetMs    *float64 `json:"clock_offset_ms,omitempty"` // behind the collector's, by so much
	ClockDriftPPM    *float64 `json:"clock_drift_ppm,omitempty"`
	// NamesOffsetMs is ClockOffsetMs by another measure: the answers that named its
	// flows. CorrectedMs is how much later its flows are taken to be for the join.
	NamesOffsetMs *float64 `json:"names_offset_ms,omitempty"`
	CorrectedMs   float64  `json:"corrected_ms,omitempty"`
	Counts        string   `json:"counts"`         // what its sequence numbers count
	CountsDecided bool     `json:"counts_decided"` // false: not known yet
	CountsRight   bool     `json:"counts_right"`

	Said *Said `json:"said,omitempty"` // absent: it says nothing

	Account
}

// A Collector is what is of the whole collector.
type Collector struct {
	Kind          string  `json:"kind"`    // "collector"
	Sockets       int     `json:"sockets"` // of NetFlow and IPFIX by UDP
	Datagrams     uint64  `json:"datagrams"`
	DatagramBytes uint64  `json:"datagram_bytes"`
	KernelDrops   uint64  `json:"kernel_drops"` // datagrams that never reached the collector
	SocketDrops   []Drops `json:"socket_drops"`
	BufferWarning string  `json:"buffer_warning,omitempty"`

	// By TCP and TLS.
	Connections    int    `json:"connections"`
	StreamMessages uint64 `json:"stream_messages"`
	StreamBytes    uint64 `json:"stream_bytes"` // of these messages
	// Connections that were refused, or ended by the collector, by reason; and the
	// bytes in them that were no whole message. Those that are not zero.
	RefusedConnections map[string]uint64 `json:"refused_connections,omitempty"`
	StreamBytesLost    uint64            `json:"stream_bytes_lost"`

	// Of sFlow: what its sockets gave, what of that became flows, and what has no
	// agent's row: of who is not in --exporter, and of agents that had to make room.
	SampleDatagrams   uint64 `json:"sflow_datagrams"`
	SampleBytes       uint64 `json:"sflow_bytes"`
	SampleKernelDrops uint64 `json:"sflow_kernel_drops"`
	SampledFlows      uint64 `json:"sflow_flows"`
	SamplesNotAllowed Tally  `json:"sflow_not_allowed"`
	SamplesForgotten  Tally  `json:"sflow_forgotten"`

	Exported    uint64 `json:"exported_flows"`
	FlowsInside uint64 `json:"flows_inside"` // decoded, not written yet
	LostLines   uint64 `json:"lost_lines"`

	// Account is of all exporters, Forgotten of those that had to make room,
	// Ended of connections that are over.
	Account   Account `json:"account"`
	Forgotten Account `json:"forgotten"`
	Ended     Account `json:"ended"`
}

// Drops are what a socket took and what the kernel dropped before it.
type Drops struct {
	Datagrams   uint64 `json:"datagrams"`
	KernelDrops uint64 `json:"kernel_drops"`
}

// RefuseConnections adds what a listener has refused and ended.
func (c *Collector) RefuseConnections(s *stream.Stats) {
	for _, r := range []struct {
		why   string
		count uint64
	}{
		{"not_allowed", s.RefusedNotAllowed}, {"too_many", s.RefusedFull}, {"too_many_of_address", s.RefusedAddress},
		{"connected_already", s.RefusedDuplicate}, {"certificate", s.RefusedCertificate}, {"no_tls", s.FailedHandshakes},
		{"bad_version", s.BadVersions}, {"bad_length", s.BadLengths}, {"slow", s.Slow}, {"silent", s.Silent},
		{"cut_short", s.CutShort}, {"broken", s.Broken},
	} {
		if r.count == 0 {
			continue
		}
		if c.RefusedConnections == nil {
			c.RefusedConnections = map[string]uint64{}
		}
		c.RefusedConnections[r.why] += r.count
	}
}
