package logs

import (
	"net/netip"
	"time"

	"flowname/dnscache"
)

// A Capability is what the lines of a format can carry.
type Capability uint8

// The capabilities; a format can have several.
const (
	// Answers says who was answered what.
	Answers Capability = 1 << iota
	// AnyClient says what was answered, not to whom, or only to a forwarder or
	// the first who asked.
	AnyClient
	// Questions says who asked what, not what was answered.
	Questions
	// Connections says who was connected to what by which name, without DNS.
	Connections
)

// A Format is one kind of log. Its fields are for reading only.
type Format struct {
	// Name is what the format is called on the command line: lower case, digits
	// and hyphens.
	Name string
	// Title is what people call it.
	Title      string
	Capability Capability
	// Configure says in a sentence or two what to switch on at the other side.
	Configure string
	// Caveat says what the format can not tell; may be empty.
	Caveat string

	// sniff says how many of the head's lines are surely of this format. The
	// format with the most wins, of equals the one that stands first in Formats.
	sniff func(lines [][]byte) int
	open  func(Config) Parser
}

// Config is what a log does not say of itself.
type Config struct {
	// Location is the zone of times that have none; nil is UTC.
	Location *time.Location
	// ReferenceNs is a time, Unix nanoseconds, that no line is more than a day
	// later than: now, or when the file was last written. Only logs whose times
	// have no year need it.
	ReferenceNs int64
	// DNS64 are NAT64 prefixes besides 64:ff9b::/96, for logs that hold whole
	// DNS messages.
	DNS64 []netip.Prefix
}

func (c *Config) location() *time.Location {
	if c.Location == nil {
		return time.UTC
	}
	return c.Location
}

// A Sink takes evidence. Neither function is nil.
type Sink struct {
	Response   func(*dnscache.Response)
	Connection func(*dnscache.Connection)
}

// A Parser reads the lines of one file or stream. It may hold evidence back
// until later lines complete it, within bounds that its comment states.
type Parser interface {
	// Line takes one line, without its end, and says what became of it. It may
	// give any number of evidence to the sink, also of earlier lines. The line
	// is only valid during the call.
	Line(line []byte, to *Sink) Reason
	// Flush gives the evidence that was held back, as at the end of a file.
	Flush(to *Sink)
}

// A Stateful parser needs what earlier lines said: columns, questions that
// wait for their answers. AppendState appends what it needs to go on in another
// process behind the last line it was given; Restore takes that back, and gives
// an error, without changing anything, if it is not what AppendState wrote.
type Stateful interface {
	AppendState(dst []byte) []byte
	Restore(state []byte) error
}

// Formats are all formats, in the order in which they are tried.
func Formats() []*Format { return formats }

// ByName finds a format; nil if there is none of that name.
func ByName(name string) *Format {
	for _, f := range formats {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Sniff tells the format of a file from its first lines, without their ends;
// nil if it is none that is known. The last line may be torn if the head is not
// the whole file: then leave it out.
func Sniff(lines [][]byte) *Format {
	var best *Format
	most := 0
	for _, f := range formats {
		if n := f.sniff(lines); n > most {
			best, most = f, n
		}
	}
	return best
}
