package sflow

// A Tally is how many of something there were, and their bytes.
type Tally struct{ Count, Bytes uint64 }

func (t *Tally) add(bytes int) {
	t.Count++
	t.Bytes += uint64(bytes)
}

// A Reason is why bytes that were received became nothing.
type Reason uint8

// The reasons, and what a Tally of them counts.
const (
	BadVersion     Reason = iota // datagrams that are not of version 5
	CutShort                     // datagrams shorter than their header, or with fewer samples than it says
	BadAddress                   // datagrams of an agent with an address of unknown type
	BadSample                    // samples that run over their datagram, or end within their header
	TooManySamples               // flow samples behind the first Config.MaxSamples of a datagram
	reasons
)

var reasonNames = [reasons]string{"bad_version", "cut_short", "bad_address", "bad_sample", "too_many_samples"}

// String is the reason as metrics and reports name it.
func (r Reason) String() string { return reasonNames[r] }

// Reasons are all reasons.
func Reasons() []Reason {
	all := make([]Reason, reasons)
	for i := range all {
		all[i] = Reason(i)
	}
	return all
}

// An Account is all that came of one agent, what became of it, and what is known
// of what did not come. At any moment
//
//	Bytes = HeaderBytes + FlowBytes + OtherBytes + PaddingBytes + the Bytes of each reason in Refused
//
// and over all accounts Bytes are those of the datagrams that the Decoder got. A
// sample that was read in spite of a fault counts where it was read: one that is
// cut short has a Count of BadSample and no bytes of it.
type Account struct {
	Datagrams uint64
	Bytes     uint64

	Flows          uint64 // flow samples, each of which gave a flow record
	CounterSamples uint64
	DropSamples    uint64 // packets that the agent's device discarded
	UnknownSamples uint64 // of formats not read here

	HeaderBytes  uint64 // of datagrams
	FlowBytes    uint64 // of flow samples
	OtherBytes   uint64 // of all other samples
	PaddingBytes uint64 // behind the last sample

	Refused [reasons]Tally

	// What the datagrams' sequence numbers say, in datagrams: Lost never came,
	// Missing may come late still, Reordered came late (it is neither), Repeated
	// came twice. SequenceJumps are gaps too wide to be a loss, Unverified the
	// datagrams before which no loss could have been seen.
	Lost, Missing uint64
	Reordered     uint64
	Repeated      uint64
	SequenceJumps uint64
	Unverified    uint64

	Restarts uint64 // of the agent: its uptime fell, or its numbers began anew

	// What the flow samples' numbers say, by data source and since each was first
	// heard. SamplesLost never came: with a datagram that was lost, or because the
	// agent made and did not send them. SamplesDropped are those that the agent
	// says it could not make for want of resources. SamplePool is how many packets
	// it chose from; over PoolSamples, those that came or were lost meanwhile, it is
	// the sampling rate in effect.
	SamplesLost    uint64
	SamplesDropped uint64
	SamplePool     uint64
	PoolSamples    uint64
}

// Add adds another account, for sums over agents.
func (a *Account) Add(b *Account) {
	a.Datagrams += b.Datagrams
	a.Bytes += b.Bytes
	a.Flows += b.Flows
	a.CounterSamples += b.CounterSamples
	a.DropSamples += b.DropSamples
	a.UnknownSamples += b.UnknownSamples
	a.HeaderBytes += b.HeaderBytes
	a.FlowBytes += b.FlowBytes
	a.OtherBytes += b.OtherBytes
	a.PaddingBytes += b.PaddingBytes
	for i := range a.Refused {
		a.Refused[i].Count += b.Refused[i].Count
		a.Refused[i].Bytes += b.Refused[i].Bytes
	}
	a.Lost += b.Lost
	a.Missing += b.Missing
	a.Reordered += b.Reordered
	a.Repeated += b.Repeated
	a.SequenceJumps += b.SequenceJumps
	a.Unverified += b.Unverified
	a.Restarts += b.Restarts
	a.SamplesLost += b.SamplesLost
	a.SamplesDropped += b.SamplesDropped
	a.SamplePool += b.SamplePool
	a.PoolSamples += b.PoolSamples
}

// RefusedBytes are those of all reasons.
func (a *Account) RefusedBytes() uint64 {
	var sum uint64
	for i := range a.Refused {
		sum += a.Refused[i].Bytes
	}
	return sum
}

// refuse counts a thing of so many bytes that became nothing.
func (d *Decoder) refuse(why Reason, bytes int) {
	d.cur.agent.account.Refused[why].add(bytes)
}
