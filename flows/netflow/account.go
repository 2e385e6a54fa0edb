package netflow

import "net/netip"

// A Tally is how many of something there were, and their bytes.
type Tally struct{ Count, Bytes uint64 }

func (t *Tally) add(bytes int) {
	t.Count++
	t.Bytes += uint64(bytes)
}

func (t *Tally) take(bytes int) {
	t.Count--
	t.Bytes -= uint64(bytes)
}

// A Reason is why bytes that were received became nothing.
type Reason uint8

// The reasons, and what a Tally of them counts.
const (
	NotAllowed      Reason = iota // messages of an exporter that is not in Config.Allow
	BadVersion                    // messages of no version that is read here
	CutShort                      // messages shorter than a header, or than theirs says
	BadSet                        // sets of an impossible length
	ReservedSet                   // sets with an id that means nothing
	BadTemplate                   // template records that can not be used
	BadRecord                     // data records that run over their set
	TooManyRecords                // sets cut off at Config.MaxRecords
	TemplateMissing               // data sets that waited for their template too long, or until its session ended
	WaitingRoomFull               // data sets that waited for it, or would, and had to go
	reasons
)

var reasonNames = [reasons]string{
	"not_allowed", "bad_version", "cut_short", "bad_set", "reserved_set", "bad_template",
	"bad_record", "too_many_records", "template_missing", "waiting_room_full",
}

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

// An Account is all that came from one observation domain and what became of it.
// At any moment
//
//	Bytes = HeaderBytes + FlowBytes + OptionsBytes + TemplateBytes + PaddingBytes
//	      + Waiting.Bytes + the Bytes of each reason in Refused
//
// and over all accounts Bytes are those of the datagrams that the Decoder got.
// A part of a message that was read in spite of a fault counts where it was
// read: a message cut short has a Count of CutShort and few bytes of it or none.
//
// Records are counted as they are sent, and sequence numbers with them: a data
// record for both directions is one, with lists in it too. The flow records given
// are Records and Reversed. A second one that the bound of a message left out is
// a Count of TooManyRecords of no bytes.
type Account struct {
	Messages uint64 // as headers have it: a datagram may hold several of IPFIX
	Bytes    uint64

	Records        uint64 // data records of flows read; each gave a flow record
	Reversed       uint64 // and so many of them a second one, of the other direction
	OptionsRecords uint64 // options data records read

	HeaderBytes   uint64 // of messages, and of sets that were read
	FlowBytes     uint64
	OptionsBytes  uint64
	TemplateBytes uint64
	PaddingBytes  uint64

	// Waiting are the data sets that wait now for their template. Late are those
	// that were read after they had waited, Borrowed those that were read with
	// the template of another port of the exporter; their bytes are in the others.
	Waiting, Late, Borrowed Tally

	Refused [reasons]Tally

	// What the sequence numbers say, in the unit that they count: Lost is what
	// never came, Missing what may come late still or may be an error of the
	// counting, Late by the order Reordered (it is neither), Repeated came twice.
	Lost, Missing uint64
	Reordered     uint64 // messages
	Repeated      uint64 // messages
	// SequenceJumps are gaps too wide to be a loss, and Unverified the messages
	// before which a loss could not have been seen.
	SequenceJumps, Unverified uint64

	Restarts uint64 // of the exporter: its uptime fell, or its numbers began anew
}

// Add adds another account, for sums over domains.
func (a *Account) Add(b *Account) {
	a.Messages += b.Messages
	a.Bytes += b.Bytes
	a.Records += b.Records
	a.Reversed += b.Reversed
	a.OptionsRecords += b.OptionsRecords
	a.HeaderBytes += b.HeaderBytes
	a.FlowBytes += b.FlowBytes
	a.OptionsBytes += b.OptionsBytes
	a.TemplateBytes += b.TemplateBytes
	a.PaddingBytes += b.PaddingBytes
	a.Waiting.sum(b.Waiting)
	a.Late.sum(b.Late)
	a.Borrowed.sum(b.Borrowed)
	for i := range a.Refused {
		a.Refused[i].sum(b.Refused[i])
	}
	a.Lost += b.Lost
	a.Missing += b.Missing
	a.Reordered += b.Reordered
	a.Repeated += b.Repeated
	a.SequenceJumps += b.SequenceJumps
	a.Unverified += b.Unverified
	a.Restarts += b.Restarts
}

func (t *Tally) sum(u Tally) {
	t.Count += u.Count
	t.Bytes += u.Bytes
}

// Flows is how many flow records were given.
func (a *Account) Flows() uint64 { return a.Records + a.Reversed }

// RefusedBytes are those of all reasons.
func (a *Account) RefusedBytes() uint64 {
	var sum uint64
	for i := range a.Refused {
		sum += a.Refused[i].Bytes
	}
	return sum
}

// received opens the account's page for a message.
func (a *Account) received(bytes, header int) {
	a.Messages++
	a.Bytes += uint64(bytes)
	a.HeaderBytes += uint64(header)
}

// refuse counts a thing of so many bytes that became nothing.
func (d *Decoder) refuse(why Reason, bytes int) {
	d.msg.domain.account.Refused[why].add(bytes)
}

// refuseMessage counts a message of which not even the domain is known.
func (d *Decoder) refuseMessage(why Reason, bytes int) {
	from := d.msg.exporter.Addr()
	d.msg.domain = d.store.domain(domainKey{exporter: netip.AddrPortFrom(from, 0)})
	d.msg.domain.account.received(bytes, 0)
	d.msg.domain.hearing.note(d.msg.base.ReceivedNs)
	d.refuse(why, bytes)
}

// pad counts bytes that fill a message up.
func (d *Decoder) pad(bytes int) {
	d.stats.PaddingBytes += uint64(bytes)
	d.msg.domain.account.PaddingBytes += uint64(bytes)
}

// endMessage closes the page: what the sequence number and the header's time
// say, now that it is known what the message held.
func (d *Decoder) endMessage() {
	m := &d.msg
	a := &m.domain.account
	h := &m.domain.hearing
	a.Records += uint64(m.flows)
	a.OptionsRecords += uint64(m.options)
	held := counts{
		ofMessages: 1, ofRecords: m.flows + m.options, ofFlows: m.flows, ofAll: m.flows + m.options + m.templates,
		ofFlowsSoFar: m.flows,
	}
	m.domain.sequence.observe(a, m.version, m.base.SequenceNum, &held, m.unsure)
	h.observe(a, m.base.ReceivedNs, m.exportNs)
	if m.flows > 0 {
		d.store.delivered(m.domain, m.base.ReceivedNs)
	}
}
