package hunt

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"flowname/correlate/indicators"
	"flowname/correlate/timeline"
)

const (
	// Early is how far before the first answer a flow may begin: exporters of
	// NetFlow v5 and v9 tell starts to about a second.
	Early = time.Second
	// MaxEvidence bounds the answers and the sums of flows that are kept: 413
	// bytes and 310 each (TestManyClients).
	MaxEvidence = 2_000_000
	// MaxTimes bounds the times that are kept in which addresses were current, of 16
	// bytes each. Where there are more, those of an address are taken for one.
	MaxTimes = 8_000_000
	// MaxShared bounds the names of an address that are listed.
	MaxShared = 50
	// maxNames bounds the names that are told of a sum of flows.
	maxNames = 8
)

// The outcomes of an Answer without an address.
const (
	Empty  = "empty"  // the name has no address
	Absent = "absent" // there is no such name
	Failed = "failed" // nobody could tell
)

// An Answer is of the history: a client was told that the name has the address, or
// that it has none, or asked for it, or connected to it by that name.
type Answer struct {
	Name            string
	Canonical       string     // the end of the CNAME chain where that is another name
	Addr            netip.Addr // the zero Addr: there is none, by Outcome; or only asked for
	Client          netip.Addr // the zero Addr: not known
	FirstNs, LastNs int64
	// UntilNs is until when the address is current. What a Search yields is so from
	// FirstNs on; an Indicator's Answers are put together whatever was between.
	UntilNs int64
	Count   uint64
	TTL     uint32 // seconds, or dnscache.UnknownTTL
	Source  string
	Outcome string
	// Connection says that the client connected to the address by the name.
	Connection bool
}

// An Indicator is one of which there is evidence.
type Indicator struct {
	Text    string   // as indicators.Entry.String
	Feeds   []string // whose entries found something, in their order
	Address bool     // it is an address or prefix
	Beneath bool     // names beneath it were looked for too
	URL     bool     // the feeds name pages at it

	// FirstNs is the time of the earliest evidence, which By tells: "answer",
	// "question" or "flow"; with the client and name that it is about.
	FirstNs     int64
	By          string
	FirstClient netip.Addr
	FirstName   string

	Answers []Answer // by their first time
	Flows   []*Flows // by How, then by their first time
	Shared  []Shared // by address
	// OtherTimes counts flows to its addresses when they were not current,
	// OtherNames those of clients that had gone there for another name.
	OtherTimes, OtherNames uint64

	number int
	turn   uint64 // of the Hunter, in which it was hit
	sums   map[sumKey]*Flows
}

// Shared is an address of an indicator that had names that are not bad.
type Shared struct {
	Addr  netip.Addr
	Names []string // at most MaxShared, sorted
	More  bool     // there are more
}

// Clients is how many clients there is evidence of.
func (x *Indicator) Clients() int {
	seen := map[netip.Addr]bool{}
	for i := range x.Answers {
		seen[x.Answers[i].Client] = true
	}
	for _, f := range x.Flows {
		seen[f.Client] = seen[f.Client] || f.How.accuses()
	}
	n := 0
	for addr, counts := range seen {
		if counts && addr.IsValid() {
			n++
		}
	}
	return n
}

// Config is what a Hunter looks for.
type Config struct {
	Set *indicators.Set
	// FromNs and ToNs narrow to evidence and flows of that time, both
	// included; 0 is open.
	FromNs, ToNs int64
	// MaxEvidence is how many answers and how many sums of flows are kept; 0 is
	// the constant of that name.
	MaxEvidence int
	// MaxTimes is how many times are kept in which addresses were current; 0 is the
	// constant of that name.
	MaxTimes int
}

// A Hunter collects evidence.
type Hunter struct {
	cfg     Config
	byText  map[string]*Indicator
	byEntry map[uint32]*Indicator
	list    []*Indicator
	answers int
	times   int
	sums    int

	targets map[netip.Addr][]target
	lookups map[pair][]target
	sealed  bool

	// LeftOut counts answers and sums of flows over MaxEvidence, Widened times over
	// MaxTimes.
	LeftOut, Widened uint64

	entries []indicators.Entry // scratch
	hits    []hit
	turn    uint64 // an end of a flow
}

// New returns a Hunter.
func New(cfg Config) *Hunter {
	if cfg.ToNs == 0 {
		cfg.ToNs = math.MaxInt64
	}
	cfg.MaxEvidence, cfg.MaxTimes = cmp.Or(cfg.MaxEvidence, MaxEvidence), cmp.Or(cfg.MaxTimes, MaxTimes)
	return &Hunter{
		cfg: cfg, byText: map[string]*Indicator{}, byEntry: map[uint32]*Indicator{},
		targets: map[netip.Addr][]target{}, lookups: map[pair][]target{},
	}
}

// Add takes an answer that any of the indicators is about. Those of the same name,
// client and address that come one after the other are told as one; the address is
// current only when it was by one of them.
func (h *Hunter) Add(a Answer) {
	h.match(a.Name, a.Addr)
	for _, x := range h.matched() {
		h.addTo(x, a)
	}
}

func (h *Hunter) match(name string, addr netip.Addr) {
	h.entries = h.cfg.Set.AppendName(h.entries[:0], name)
	h.entries = h.cfg.Set.AppendAddr(h.entries, addr)
}

// matched gives the indicators of the entries at hand, each once.
func (h *Hunter) matched() []*Indicator {
	var found []*Indicator
	for i := range h.entries {
		if x := h.indicator(&h.entries[i]); !slices.Contains(found, x) {
			found = append(found, x)
		}
	}
	return found
}

// indicator finds or makes that of an entry.
func (h *Hunter) indicator(e *indicators.Entry) *Indicator {
	if x := h.byEntry[e.ID]; x != nil {
		return x
	}
	text := e.String()
	x := h.byText[text]
	if x == nil {
		x = &Indicator{Text: text, Address: e.Name == "", URL: e.URL, number: len(h.list), sums: map[sumKey]*Flows{}}
		h.byText[text] = x
		h.list = append(h.list, x)
	}
	x.Beneath = x.Beneath || e.Beneath
	x.URL = x.URL && e.URL
	if !slices.Contains(x.Feeds, e.Feed) {
		x.Feeds = append(x.Feeds, e.Feed)
	}
	h.byEntry[e.ID] = x
	return x
}

func (h *Hunter) addTo(x *Indicator, a Answer) {
	by := "answer"
	if !a.Addr.IsValid() {
		by = "question"
	}
	x.first(a.FirstNs, by, a.Client, a.Name)
	if n := len(x.Answers); n > 0 && x.Answers[n-1].add(&a) {
		// Of the same, at another time.
	} else if h.answers == h.cfg.MaxEvidence {
		h.LeftOut++
		return
	} else {
		h.answers++
		x.Answers = append(x.Answers, a)
	}
	if !x.Address && current(a.Addr) {
		h.open(x, &a)
	}
}

// add puts an answer to one of the same name, client and address; false where it
// is of another.
func (a *Answer) add(b *Answer) bool {
	if a.Name != b.Name || a.Addr != b.Addr || a.Client != b.Client || a.Outcome != b.Outcome || a.Connection != b.Connection {
		return false
	}
	if b.LastNs > a.LastNs {
		a.TTL, a.Source, a.Canonical = b.TTL, b.Source, b.Canonical
	}
	a.FirstNs, a.LastNs, a.UntilNs = min(a.FirstNs, b.FirstNs), max(a.LastNs, b.LastNs), max(a.UntilNs, b.UntilNs)
	a.Count += b.Count
	return true
}

// current says whether flows can go to an address.
func current(a netip.Addr) bool {
	return a.IsValid() && timeline.StateOf(a, "", nil) != timeline.NullRouted
}

// first notes evidence that may be the earliest.
func (x *Indicator) first(ns int64, by string, client netip.Addr, name string) {
	if x.By == "" || ns < x.FirstNs {
		x.FirstNs, x.By, x.FirstClient, x.FirstName = ns, by, client, name
	}
}

// Indicators gives what was found, by its earliest evidence.
func (h *Hunter) Indicators() []*Indicator {
	for _, x := range h.list {
		slices.SortStableFunc(x.Answers, func(a, b Answer) int {
			return cmp.Or(cmp.Compare(a.FirstNs, b.FirstNs), cmp.Compare(a.Name, b.Name), a.Client.Compare(b.Client), a.Addr.Compare(b.Addr))
		})
		x.Flows = x.Flows[:0]
		for _, f := range x.sums {
			x.Flows = append(x.Flows, f)
		}
		slices.SortFunc(x.Flows, func(a, b *Flows) int {
			return cmp.Or(cmp.Compare(a.How, b.How), cmp.Compare(a.FirstNs, b.FirstNs), a.Client.Compare(b.Client), a.Addr.Compare(b.Addr))
		})
	}
	found := slices.DeleteFunc(slices.Clone(h.list), func(x *Indicator) bool { return x.By == "" })
	slices.SortFunc(found, func(a, b *Indicator) int {
		return cmp.Or(cmp.Compare(a.FirstNs, b.FirstNs), cmp.Compare(a.Text, b.Text))
	})
	return found
}
