package visibility

import (
	"fmt"
	"net/netip"
	"time"
)

// A Status is what stands between a client and the names of its flows, in a word.
type Status uint8

// The statuses, in the order in which they are tried: the first that holds is the
// client's.
const (
	// Resolver: it is one of --resolver or --forwarder; what it asks is others' asking.
	Resolver Status = iota
	// Own: most of its flows have names of their own.
	Own
	// DoH: it asks by HTTPS, which nobody can read.
	DoH
	// OutsideResolver: it asks a resolver that is not allowed, or whose answers are not
	// seen.
	OutsideResolver
	// BehindForwarder: its own DNS is not seen, and it asks a forwarder, or others'
	// answers have names for most of its flows.
	BehindForwarder
	// FewFlows: there are too few to tell.
	FewFlows
	// Partial: its DNS is seen, and still many flows have no name of their own.
	Partial
	// Unseen: no DNS of it is seen, and nothing tells why.
	Unseen

	NumStatuses
)

var statusNames = [NumStatuses]string{
	"resolver", "own", "doh", "outside_resolver", "behind_forwarder", "few_flows", "partial", "unseen",
}

// String is the text in rows and metrics.
func (s Status) String() string { return statusNames[s] }

// Statuses are all statuses.
func Statuses() []Status {
	all := make([]Status, NumStatuses)
	for i := range all {
		all[i] = Status(i)
	}
	return all
}

// What statuses are decided by.
const (
	// EnoughFlows is how many flows that count it takes to speak of shares.
	EnoughFlows = 20
	// OwnShare is the share of them with names of their own, in percent, from which
	// on a client is visible, and OthersShare that of flows that only others' evidence
	// names from which on it is behind a forwarder.
	OwnShare    = 80
	OthersShare = 80
	// SightKept is how long after its last answer or question the DNS of a client still
	// is seen, as of its last flow.
	SightKept = 24 * time.Hour
)

// A Judge decides statuses.
type Judge struct {
	// Resolvers and Forwarders are those of Config.
	Resolvers  []netip.Prefix `json:"resolvers"`
	Forwarders []netip.Prefix `json:"forwarders"`
}

// Of is the status of a client, by what counts now where that is enough, else by all
// that was counted.
func (j *Judge) Of(r *Row) Status {
	l := r.judged()
	enough := l.Flows >= EnoughFlows
	switch {
	case contains(j.Forwarders, r.Client), contains(j.Resolvers, r.Client):
		return Resolver
	case enough && l.Own*100 >= l.Flows*OwnShare:
		return Own
	case l.Asked[AskedDoH] > 0:
		return DoH
	case l.Asked[AskedOutside] > 0:
		return OutsideResolver
	case !r.seen() && l.Asked[AskedForwarder] > 0:
		return BehindForwarder
	case !enough:
		return FewFlows
	case !r.seen() && l.Others*100 >= l.Flows*OthersShare:
		return BehindForwarder
	case r.seen():
		return Partial
	}
	return Unseen
}

// Why says in words why a client has the status that Of gave it; empty for Own.
func (j *Judge) Why(r *Row, s Status) string {
	l := r.judged()
	switch s {
	case Resolver:
		if contains(j.Forwarders, r.Client) {
			return "is in --forwarder"
		}
		return "is in --resolver"
	case DoH:
		return fmt.Sprintf("asks by HTTPS%s, %s", resolverOf(r, AskedDoH), flowsOf(l.Asked[AskedDoH]))
	case OutsideResolver:
		return fmt.Sprintf("asks outside%s, %s", resolverOf(r, AskedOutside), flowsOf(l.Asked[AskedOutside]))
	case BehindForwarder:
		if l.Asked[AskedForwarder] > 0 {
			return "asks a forwarder" + resolverOf(r, AskedForwarder)
		}
		return fmt.Sprintf("others' answers have names for %d %% of its flows", l.Others*100/l.Flows)
	case FewFlows:
		return fewFlows(r, l.Flows)
	case Partial:
		return partly(r)
	case Unseen:
		if r.Kind == AskedInside {
			return fmt.Sprintf("asks %s, whose answers are not seen", r.Resolver)
		}
		return "no DNS of it is seen"
	}
	return ""
}

// judged is what counts now, or all that was counted where that is not enough.
func (r *Row) judged() Lately {
	l := r.Lately
	if l.Flows < EnoughFlows {
		l.Flows, l.Own, l.Others = r.Total(), r.Own(), r.Flows[Others]+r.Flows[Ambiguous]
	}
	return l
}

// seen says whether the client's own DNS is, at its last flow.
func (r *Row) seen() bool {
	return max(r.Sight.AnsweredNs, r.Sight.AskedNs) > r.LastNs-int64(SightKept)
}

func resolverOf(r *Row, kind Asked) string {
	if r.Kind != kind || !r.Resolver.IsValid() {
		return ""
	}
	return " " + r.Resolver.String()
}

func flowsOf(n uint64) string {
	if n == 1 {
		return "1 flow lately"
	}
	return fmt.Sprintf("%d flows lately", n)
}

func fewFlows(r *Row, n uint64) string {
	why := fmt.Sprintf("%d flows that count", n)
	if n == 1 {
		why = "1 flow that counts"
	}
	if r.Other > 0 {
		why += fmt.Sprintf(", %d others", r.Other)
	}
	return why
}

// partly says what most of the flows without a name of their own are.
func partly(r *Row) string {
	most := Others
	for how := Others; how < NumHows; how++ {
		if r.Flows[how] > r.Flows[most] {
			most = how
		}
	}
	why := fmt.Sprintf("%d %% %s", r.Flows[most]*100/max(r.Total(), 1), most)
	switch {
	case r.Sight.Forwarded && !r.Sight.Direct:
		why += "; only what a forwarder tells of it is seen"
	case r.Sight.AnsweredNs == 0:
		why += "; its questions are seen, their answers are not"
	}
	return why
}
