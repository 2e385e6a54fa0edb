package indicators

// A Reason is why a line, or an indicator in it, was refused.
type Reason uint8

const (
	taken Reason = iota
	// NotName is what is neither an address nor a name of at least two labels
	// of letters, digits, hyphens and underscores.
	NotName
	// BadWildcard has its * elsewhere than as the first label.
	BadWildcard
	// NoHost is an address that no host has: unspecified, loopback, multicast,
	// broadcast, link-local.
	NoHost
	// TooWide is a prefix shorter than /8, of IPv6 than /16.
	TooWide
	// TooLong is a line of more than 64 KB.
	TooLong
	// NoColumn is a line of a CSV file that ends before its indicator.
	NoColumn
	// OtherKind is an indicator that is neither a name nor an address nor a
	// URL: a file's hash, a mail address.
	OtherKind
	// Unsupported is a comparison of a STIX pattern that is no equality: MATCHES,
	// most LIKE, NOT.
	Unsupported
	// TakenBack is an indicator that its feed has revoked or deleted.
	TakenBack
	// NotForDetection is a MISP attribute with to_ids false.
	NotForDetection
	// Passed is a trigger of an RPZ whose action is to let it pass.
	Passed
	// OtherTrigger is a trigger of an RPZ by the name server: rpz-nsdname,
	// rpz-nsip.
	OtherTrigger
	// BadRecord is a line of a zone that is no record.
	BadRecord
	// Full is what a Set has no room for.
	Full

	numReasons
)

var reasonTexts = [numReasons]string{
	"taken", "not_a_name", "bad_wildcard", "no_host", "too_wide", "too_long", "no_column", "other_kind",
	"unsupported_comparison", "taken_back", "not_for_detection", "passed_through", "other_trigger", "bad_record", "full",
}

// String is the reason's stable name.
func (r Reason) String() string { return reasonTexts[min(r, numReasons-1)] }

// Reasons are all reasons there are.
func Reasons() []Reason {
	all := make([]Reason, 0, numReasons-1)
	for r := taken + 1; r < numReasons; r++ {
		all = append(all, r)
	}
	return all
}

// A Format is how a feed is written.
type Format uint8

// The formats.
const (
	// Empty feeds have no line that is not a comment.
	Empty Format = iota
	// List has one indicator a line, the first word counts; comments begin
	// with #, ; or //.
	List
	// CSV has columns, split by commas, semicolons, tabs or bars, with or without
	// a header. The indicator is in one of them: that which the header calls
	// so ([columnNames], the first of them that it has), else the one in which
	// most lines of the beginning have a name, address or URL.
	CSV
	// Hosts has an address and names in each line, as /etc/hosts: the names are
	// the indicators.
	Hosts
	// RPZ is a response policy zone in master file form: QNAME triggers, with
	// wildcards, rpz-ip and rpz-client-ip triggers.
	RPZ
	// MISP is JSON of events or attributes, of any nesting.
	MISP
	// STIX is a bundle of STIX 2 objects or a TAXII answer: indicators by the
	// comparisons in their patterns, each for itself, whether AND or OR joins
	// them; domain-name, ipv4-addr, ipv6-addr and url objects by their value.
	STIX
)

// String is the format's name.
func (f Format) String() string {
	return [...]string{"empty", "list", "csv", "hosts", "rpz", "misp", "stix"}[min(f, STIX)]
}

// A Refusal is one of the first lines that were refused.
type Refusal struct {
	Line   uint64 // from 1
	Reason Reason
	Text   string // at most 80 bytes of what was refused
}

// Report says what became of a feed.
type Report struct {
	Format  Format
	Lines   uint64
	Entries uint64 // that are in the Set by this feed
	Again   uint64 // that the feed had before
	Refused [numReasons]uint64
	First   []Refusal // at most 10
}

// AllRefused is how many were refused, for whatever reason.
func (r *Report) AllRefused() (n uint64) {
	for _, k := range r.Refused {
		n += k
	}
	return n
}
