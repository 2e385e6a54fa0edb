package sflow

import "net/netip"

// A Report is what is known of one agent, for people and metrics.
type Report struct {
	Agent    netip.Addr // as its datagrams state it; zero where they state none
	SubAgent uint32
	Sender   netip.Addr // where its datagrams come from

	Account

	FirstNs, LastNs int64 // receive times of its first and latest datagram

	Sources      int    // data sources that have sent flow samples
	SamplingRate uint64 // of the latest flow sample; 0 none yet, or not said
	// SamplingSeveral says that its samples have not all had one rate.
	SamplingSeveral bool
	// NumbersStill says that its datagrams all have one number of late, so that
	// no loss on the way can be seen.
	NumbersStill bool
}

// Exporter is the address that the agent's flow records have.
func (r *Report) Exporter() netip.Addr {
	if r.Agent.IsValid() {
		return r.Agent
	}
	return r.Sender
}

// RateInEffect is how many packets there were for each sample, by the agent's
// own count of packets; 0 where it does not count them. It is greater than
// SamplingRate where the agent makes fewer samples than it should.
func (a *Account) RateInEffect() float64 {
	if a.PoolSamples == 0 {
		return 0
	}
	return float64(a.SamplePool) / float64(a.PoolSamples)
}

// AppendReports appends a report of each agent.
func (d *Decoder) AppendReports(dst []Report) []Report {
	for g := range d.agents.all() {
		dst = append(dst, Report{
			Agent: g.key.agent, SubAgent: g.key.subAgent, Sender: g.key.sender, Account: g.account,
			FirstNs: g.firstNs, LastNs: g.lastNs, Sources: len(g.sources),
			SamplingRate: uint64(g.lastRate), SamplingSeveral: g.severalRates,
			NumbersStill: g.sequence.still >= stillDatagrams,
		})
	}
	return dst
}

// Gone is the sum of the accounts of the agents that were forgotten to make
// room; with all reports nothing is missing.
func (d *Decoder) Gone() Account { return d.agents.gone }
