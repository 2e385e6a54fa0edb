package ledger

import (
	"cmp"
	"slices"
	"time"

	"flowname/flows/sflow"
)

// An Agent is one agent of sFlow in the ledger. Bytes is the sum of the other
// bytes, those of all refused included.
type Agent struct {
	Kind     string `json:"kind"`  // "agent"
	Agent    string `json:"agent"` // as its flows have it in sampler_address
	SubAgent uint32 `json:"sub_agent"`
	Sender   string `json:"sender"` // where its datagrams come from

	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	SilentS   float64   `json:"silent_s"`

	Sources         int     `json:"sources"`       // of flow samples: mostly interfaces
	SamplingRate    uint64  `json:"sampling_rate"` // 0: not said
	SamplingSeveral bool    `json:"sampling_several,omitempty"`
	RateInEffect    float64 `json:"rate_in_effect"` // packets for each sample, by its own count; 0: not known
	NumbersStill    bool    `json:"numbers_still"`

	Datagrams      uint64 `json:"datagrams"`
	Bytes          uint64 `json:"bytes"`
	Flows          uint64 `json:"flows"`
	CounterSamples uint64 `json:"counter_samples"`
	DropSamples    uint64 `json:"drop_samples"`
	UnknownSamples uint64 `json:"unknown_samples"`

	HeaderBytes  uint64           `json:"header_bytes"`
	FlowBytes    uint64           `json:"flow_bytes"`
	OtherBytes   uint64           `json:"other_bytes"`
	PaddingBytes uint64           `json:"padding_bytes"`
	Refused      map[string]Tally `json:"refused"`

	Lost          uint64 `json:"lost"`    // datagrams, on the way
	Missing       uint64 `json:"missing"` // likewise, may come still
	Reordered     uint64 `json:"reordered"`
	Repeated      uint64 `json:"repeated"`
	SequenceJumps uint64 `json:"sequence_jumps"`
	Unverified    uint64 `json:"unverified"`
	Restarts      uint64 `json:"restarts"`

	SamplesLost    uint64 `json:"samples_lost"`    // with datagrams, or never sent
	SamplesDropped uint64 `json:"samples_dropped"` // that it could not make, as it says
	SamplePool     uint64 `json:"sample_pool"`     // packets that it chose from
}

func rowOfAgent(r *sflow.Report, nowNs int64) Agent {
	a := &r.Account
	row := Agent{
		Kind: "agent", Agent: r.Exporter().String(), SubAgent: r.SubAgent, Sender: r.Sender.String(),
		FirstSeen: time.Unix(0, r.FirstNs).UTC(), LastSeen: time.Unix(0, r.LastNs).UTC(), SilentS: float64(nowNs-r.LastNs) / 1e9,
		Sources: r.Sources, SamplingRate: r.SamplingRate, SamplingSeveral: r.SamplingSeveral,
		RateInEffect: a.RateInEffect(), NumbersStill: r.NumbersStill,
		Datagrams: a.Datagrams, Bytes: a.Bytes, Flows: a.Flows,
		CounterSamples: a.CounterSamples, DropSamples: a.DropSamples, UnknownSamples: a.UnknownSamples,
		HeaderBytes: a.HeaderBytes, FlowBytes: a.FlowBytes, OtherBytes: a.OtherBytes, PaddingBytes: a.PaddingBytes,
		Refused: map[string]Tally{},
		Lost:    a.Lost, Missing: a.Missing, Reordered: a.Reordered, Repeated: a.Repeated,
		SequenceJumps: a.SequenceJumps, Unverified: a.Unverified, Restarts: a.Restarts,
		SamplesLost: a.SamplesLost, SamplesDropped: a.SamplesDropped, SamplePool: a.SamplePool,
	}
	for _, why := range sflow.Reasons() {
		if t := a.Refused[why]; t.Count != 0 {
			row.Refused[why.String()] = Tally{t.Count, t.Bytes}
		}
	}
	return row
}

// mergeAgents brings the reports of an agent that is on several sockets together.
func mergeAgents(all []sflow.Report) []sflow.Report {
	slices.SortStableFunc(all, func(a, b sflow.Report) int {
		return cmp.Or(a.Exporter().Compare(b.Exporter()), cmp.Compare(a.SubAgent, b.SubAgent), a.Sender.Compare(b.Sender))
	})
	merged := all[:0]
	for i := range all {
		r := &all[i]
		if n := len(merged); n > 0 && merged[n-1].Exporter() == r.Exporter() && merged[n-1].SubAgent == r.SubAgent && merged[n-1].Sender == r.Sender {
			m := &merged[n-1]
			sum, first := m.Account, min(m.FirstNs, r.FirstNs)
			sum.Add(&r.Account)
			if r.LastNs > m.LastNs {
				*m = *r
			}
			m.Account, m.FirstNs = sum, first
			continue
		}
		merged = append(merged, *r)
	}
	return merged
}
