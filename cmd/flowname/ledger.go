package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"flowname/correlate"
	"flowname/flows"
	"flowname/flows/listen/stream"
	"flowname/flows/netflow"
	"flowname/flows/sflow"
)

// A tallyRow is a netflow.Tally as JSON.
type tallyRow struct {
	Count uint64 `json:"count"`
	Bytes uint64 `json:"bytes"`
}

func rowOfTally(t netflow.Tally) tallyRow { return tallyRow{t.Count, t.Bytes} }

// An accountRow is a netflow.Account as JSON. Bytes is the sum of the other
// bytes, those of waiting and of all refused included.
type accountRow struct {
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

	Waiting  tallyRow            `json:"waiting"`
	Late     tallyRow            `json:"late"`
	Borrowed tallyRow            `json:"borrowed"`
	Refused  map[string]tallyRow `json:"refused"` // by reason, those that are not zero

	Lost          uint64 `json:"lost"`    // on the way, in the unit of counts
	Missing       uint64 `json:"missing"` // likewise, may come still
	Reordered     uint64 `json:"reordered"`
	Repeated      uint64 `json:"repeated"`
	SequenceJumps uint64 `json:"sequence_jumps"`
	Unverified    uint64 `json:"unverified"`
	Restarts      uint64 `json:"restarts"`
}

// A saidRow is what an exporter says of itself, of all its life.
type saidRow struct {
	ExportedFlows    uint64 `json:"exported_flows"`
	ExportedMessages uint64 `json:"exported_messages"`
	ExportedBytes    uint64 `json:"exported_bytes"`
	IgnoredPackets   uint64 `json:"ignored_packets"`
	NotSentFlows     uint64 `json:"not_sent_flows"`
	NotSentPackets   uint64 `json:"not_sent_packets"`
	ActiveTimeoutS   uint32 `json:"active_timeout_s,omitempty"`
	IdleTimeoutS     uint32 `json:"idle_timeout_s,omitempty"`
}

func rowOfSaid(s *netflow.ExporterStats) *saidRow {
	if s.Records == 0 {
		return nil
	}
	return &saidRow{
		ExportedFlows: s.ExportedFlows, ExportedMessages: s.ExportedMessages, ExportedBytes: s.ExportedOctets,
		IgnoredPackets: s.IgnoredPackets, NotSentFlows: s.NotSentFlows, NotSentPackets: s.NotSentPackets,
		ActiveTimeoutS: s.ActiveTimeout, IdleTimeoutS: s.IdleTimeout,
	}
}

func rowOfAccount(a *netflow.Account) accountRow {
	row := accountRow{
		Messages: a.Messages, Bytes: a.Bytes, Flows: a.Flows(), DataRecords: a.Records, OptionsRecords: a.OptionsRecords,
		HeaderBytes: a.HeaderBytes, FlowBytes: a.FlowBytes, OptionsBytes: a.OptionsBytes,
		TemplateBytes: a.TemplateBytes, PaddingBytes: a.PaddingBytes,
		Waiting: rowOfTally(a.Waiting), Late: rowOfTally(a.Late), Borrowed: rowOfTally(a.Borrowed),
		Refused: map[string]tallyRow{},
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

// A rateRow is what comes in a second.
type rateRow struct {
	MessagesPerS float64 `json:"messages_per_s"`
	FlowsPerS    float64 `json:"flows_per_s"`
}

func rateOf(messages, flows uint64, ns int64) rateRow {
	if ns <= 0 {
		return rateRow{}
	}
	s := float64(ns) / 1e9
	return rateRow{float64(messages) / s, float64(flows) / s}
}

// An exporterRow is one observation domain of one exporter's address, in one
// version, all of its ports together.
type exporterRow struct {
	Kind     string `json:"kind"` // "exporter"
	Exporter string `json:"exporter"`
	Domain   uint32 `json:"domain"`
	Version  uint16 `json:"version"` // 0: no header could be read
	Ports    int    `json:"ports"`

	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	SilentS   float64   `json:"silent_s"`
	Life      rateRow   `json:"life"`
	Lately    rateRow   `json:"lately"` // of the last whole minute or more

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

	Said *saidRow `json:"said,omitempty"` // absent: it says nothing

	accountRow
}

// A collectorRow is what is of the whole collector.
type collectorRow struct {
	Kind          string  `json:"kind"`    // "collector"
	Sockets       int     `json:"sockets"` // of NetFlow and IPFIX by UDP
	Datagrams     uint64  `json:"datagrams"`
	DatagramBytes uint64  `json:"datagram_bytes"`
	KernelDrops   uint64  `json:"kernel_drops"` // datagrams that never reached the collector
	SocketDrops   []drops `json:"socket_drops"`
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
	SampleDatagrams   uint64   `json:"sflow_datagrams"`
	SampleBytes       uint64   `json:"sflow_bytes"`
	SampleKernelDrops uint64   `json:"sflow_kernel_drops"`
	SampledFlows      uint64   `json:"sflow_flows"`
	SamplesNotAllowed tallyRow `json:"sflow_not_allowed"`
	SamplesForgotten  tallyRow `json:"sflow_forgotten"`

	Exported    uint64 `json:"exported_flows"`
	FlowsInside uint64 `json:"flows_inside"` // decoded, not written yet
	LostLines   uint64 `json:"lost_lines"`

	// Account is of all exporters, Forgotten of those that had to make room,
	// Ended of connections that are over.
	Account   accountRow `json:"account"`
	Forgotten accountRow `json:"forgotten"`
	Ended     accountRow `json:"ended"`
}

type drops struct {
	Datagrams   uint64 `json:"datagrams"`
	KernelDrops uint64 `json:"kernel_drops"`
}

// A merged is an exporterRow in the making.
type merged struct {
	netflow.Report
	ports  int
	lately rateRow
	clock  correlate.Clock
}

type mergeKey struct {
	addr    netip.Addr
	domain  uint32
	version uint16
}

// mergeReports brings the reports of all ports of a domain together, by address.
// What is not a sum is of the port that was heard last.
func mergeReports(reports []netflow.Report, nowNs int64) []merged {
	byKey := map[mergeKey]*merged{}
	for i := range reports {
		r := &reports[i]
		lately := rateRow{}
		if r.LatelyNs > 0 && nowNs-r.LastNs < int64(2*time.Minute) {
			lately = rateOf(r.LatelyMessages, r.LatelyFlows, r.LatelyNs)
		}
		key := mergeKey{r.Exporter.Addr(), r.Domain, r.Version}
		m := byKey[key]
		if m == nil {
			byKey[key] = &merged{Report: *r, ports: 1, lately: lately}
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
	all := make([]merged, 0, len(byKey))
	for _, m := range byKey {
		all = append(all, *m)
	}
	slices.SortFunc(all, func(a, b merged) int {
		return compareKey(a, mergeKey{b.Exporter.Addr(), b.Domain, b.Version})
	})
	return all
}

func (m *merged) row(nowNs int64) exporterRow {
	row := exporterRow{
		Kind: "exporter", Exporter: m.Exporter.Addr().String(), Domain: m.Domain, Version: m.Version, Ports: m.ports,
		FirstSeen: time.Unix(0, m.FirstNs).UTC(), LastSeen: time.Unix(0, m.LastNs).UTC(), SilentS: float64(nowNs-m.LastNs) / 1e9,
		Life: rateOf(m.Messages, m.Flows(), m.LastNs-m.FirstNs), Lately: m.lately,
		Templates: m.Templates, OptionsTemplates: m.OptionsTemplates,
		SamplingRate: m.SamplingRate, SamplingSeveral: m.SamplingSeveral,
		TimeSource: m.TimeSource.String(), StartErrorMs: float64(m.StartErrorNs) / 1e6,
		Counts: m.Counting.String(), CountsDecided: m.CountingDecided, CountsRight: m.CountsAsItShould,
		accountRow: rowOfAccount(&m.Account),
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

// refuseConnections adds what a listener has refused and ended.
func (c *collectorRow) refuseConnections(s *stream.Stats) {
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

// A ledger is all accounts at one moment.
type ledger struct {
	nowNs     int64
	exporters []merged
	agents    []sflow.Report
	all       netflow.Account
	gone      netflow.Account // of those forgotten to make room
	ended     netflow.Account // of connections that are over
	collector collectorRow
}

// takeLedger reads the accounts of all receivers of NetFlow and IPFIX, by UDP,
// TCP and TLS, and those of sFlow's agents: its datagrams have no
// templates to wait for, and what is wrong with them is in /metrics.
func (d *daemon) takeLedger() *ledger {
	l := &ledger{nowNs: time.Now().UnixNano()}
	c := &l.collector
	var reports []netflow.Report
	read := func(r *receiver) {
		var gone, ended netflow.Account
		reports, gone, ended = r.appendReports(reports)
		l.gone.Add(&gone)
		l.ended.Add(&ended)
	}
	for _, r := range d.receivers {
		read(r)
		s := r.socket.Stats()
		c.Datagrams += s.Datagrams
		c.DatagramBytes += s.Bytes
		c.KernelDrops += s.KernelDrops
		c.SocketDrops = append(c.SocketDrops, drops{s.Datagrams, s.KernelDrops})
	}
	for _, s := range d.streams {
		read(s.receiver)
		stats := s.listener.Stats()
		c.StreamMessages += stats.Messages
		c.StreamBytes += stats.Bytes
		c.StreamBytesLost += stats.BytesLost
		c.refuseConnections(&stats)
		c.Connections += s.listener.Connections()
	}
	d.takeAgents(l)
	l.all = l.gone
	l.all.Add(&l.ended)
	for i := range reports {
		l.all.Add(&reports[i].Account)
	}
	l.exporters = mergeReports(reports, l.nowNs)
	for _, j := range d.joiners {
		c.Exported += j.stats.load().Total.Flows
		l.addClocks(j.clocks.load())
	}
	c.LostLines = d.writer.stats.load().LostLines
	c.Exported -= min(c.Exported, c.LostLines)
	decoded := l.all.Flows() + c.SampledFlows
	c.FlowsInside = decoded - min(decoded, c.Exported+c.LostLines)
	c.Kind, c.Sockets = "collector", len(d.receivers)
	if d.group != nil {
		c.BufferWarning = d.group.BufferWarning()
	}
	c.Account, c.Forgotten = rowOfAccount(&l.all), rowOfAccount(&l.gone)
	c.Ended = rowOfAccount(&l.ended)
	return l
}

// versions are the versions of NetFlow by the type of their flows.
var versions = map[flows.Type]uint16{flows.NetFlowV5: 5, flows.NetFlowV9: 9, flows.IPFIX: 10}

// addClocks adds what the join knows of exporters' clocks.
func (l *ledger) addClocks(clocks []correlate.Clock) {
	for i := range clocks {
		cl := &clocks[i]
		if versions[cl.Type] == 0 {
			continue // sFlow tells no times
		}
		key := mergeKey{cl.Exporter, cl.Domain, versions[cl.Type]}
		if at, ok := slices.BinarySearchFunc(l.exporters, key, compareKey); ok {
			l.exporters[at].clock = *cl
		}
	}
}

func compareKey(m merged, key mergeKey) int {
	return cmp.Or(m.Exporter.Addr().Compare(key.addr), cmp.Compare(m.Domain, key.domain), cmp.Compare(m.Version, key.version))
}

// serveExporters gives the ledger as JSON lines: the collector's, then one for
// each exporter and domain, then one for each agent of sFlow.
func serveExporters(w http.ResponseWriter, d *daemon) {
	l := d.takeLedger()
	w.Header().Set("Content-Type", "application/x-ndjson")
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	if enc.Encode(l.collector) != nil {
		return
	}
	for i := range l.exporters {
		if enc.Encode(l.exporters[i].row(l.nowNs)) != nil {
			return
		}
	}
	for i := range l.agents {
		if enc.Encode(rowOfAgent(&l.agents[i], l.nowNs)) != nil {
			return
		}
	}
	b.Flush()
}
