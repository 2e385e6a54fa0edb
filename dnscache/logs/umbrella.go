package logs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"flowname/dnscache"
)

// Cisco Umbrella exports the DNS questions of an organisation as CSV, to S3, a
// file of ten minutes each, rows in no order:
//
//	Timestamp, Most Granular Identity, Identities, InternalIp, ExternalIp, Action,
//	QueryType, ResponseCode, Domain, Categories, ...
//
// The version of the schema tells how many columns follow: none (1 and 2), two
// (3), three (4 to 9) or six (10 and later). Since 11 there is a header, which
// may announce other columns behind these. Times are UTC.
//
// The rows tell neither answers nor servers. InternalIp is the client where
// something of Umbrella's runs inside the network; else it is the external
// address, that of the site, or empty: a question of nobody knows whom.
var umbrellaFormat = Format{
	Name:       "umbrella",
	Title:      "Cisco Umbrella DNS logs (CSV from S3)",
	Capability: Questions,
	Configure: "In Umbrella, Admin > Log Management, export to Amazon S3 (any schema version; with the header if it is offered), and " +
		"fetch the files under dnslogs/. Clients are told where virtual appliances, roaming clients or AnyConnect run.",
	Caveat: "Says who asked for a name, not which addresses were answered: they come from another source that saw the name " +
		"resolved. Rows whose internal address is the external one are of a whole site and are not used (site_only). Blocked " +
		"questions are answered with Umbrella's own addresses.",
	sniff: sniffUmbrella,
	open:  func(Config) Parser { return &umbrellaParser{} },
}

// The columns that all versions begin with.
const (
	umbrellaTime = iota
	umbrellaIdentity
	umbrellaIdentities
	umbrellaInternal
	umbrellaExternal
	umbrellaAction
	umbrellaType
	umbrellaRCode
	umbrellaDomain
	umbrellaCategories
	umbrellaColumns
)

// umbrellaHeader is how a header names them, without regard to case and blanks.
var umbrellaHeader = [umbrellaColumns]string{
	"TIMESTAMP", "MOSTGRANULARIDENTITY", "IDENTITIES", "INTERNALIP", "EXTERNALIP", "ACTION", "QUERYTYPE", "RESPONSECODE",
	"DOMAIN", "CATEGORIES",
}

// An umbrellaParser remembers how many columns the last header had.
type umbrellaParser struct {
	csv   csvLine
	width int // 0: no header
	asker asker
}

// Flush has nothing to give: each row stands for itself.
func (p *umbrellaParser) Flush(*Sink) {}

func (p *umbrellaParser) Line(line []byte, to *Sink) Reason {
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	if reason := p.csv.read(line); reason != Used {
		return reason
	}
	columns := p.csv.columns
	if equalLetters(columns[0], umbrellaHeader[0]) {
		return p.header(columns)
	}
	switch len(columns) {
	case 10, 12, 13, 16, p.width:
	default:
		return BadColumns
	}
	return p.row(columns, to)
}

// header takes a header; that of another of Umbrella's logs is refused.
func (p *umbrellaParser) header(columns [][]byte) Reason {
	if len(columns) < umbrellaColumns {
		return BadColumns
	}
	for i, name := range umbrellaHeader {
		if !equalLetters(columns[i], name) {
			return BadColumns
		}
	}
	p.width = len(columns)
	return Passed
}

// row reads a question.
func (p *umbrellaParser) row(columns [][]byte, to *Sink) Reason {
	number, _, _ := bytes.Cut(columns[umbrellaType], []byte(" "))
	typ, ok := parseUint(number)
	if !ok || typ > 0xffff {
		return NotTheFormat // another of Umbrella's logs
	}
	ns, ok := parseDateTime(columns[umbrellaTime], time.UTC)
	if !ok {
		return BadTime
	}
	rcode, ok := uint16(0), true
	if len(columns[umbrellaRCode]) > 0 {
		if rcode, ok = parseRCode(columns[umbrellaRCode]); !ok {
			return BadSyntax
		}
	}
	external, _ := parseAddr(columns[umbrellaExternal])
	client, ok := parseAddr(columns[umbrellaInternal])
	switch {
	case len(columns[umbrellaInternal]) == 0 && external.IsValid(), ok && client == external:
		return SiteOnly
	case !ok || client.IsUnspecified():
		return BadClient
	}
	if bytes.IndexByte(columns[umbrellaDomain], '\\') >= 0 {
		return BadName // nowhere is said how they escape
	}
	p.asker.set(dnscache.SourceUmbrella, ns, client)
	p.asker.r.Type, p.asker.r.RCode = uint16(typ), rcode
	return p.asker.asked(to, columns[umbrellaDomain])
}

// equalLetters says whether text is the word, without regard to case, blanks and
// underscores.
func equalLetters(text []byte, word string) bool {
	n := 0
	for _, c := range text {
		switch {
		case c == ' ' || c == '_':
			continue
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		if n == len(word) || c != word[n] {
			return false
		}
		n++
	}
	return n == len(word)
}

// sniffUmbrella counts headers and rows.
func sniffUmbrella(lines [][]byte) (n int) {
	p := &umbrellaParser{}
	nowhere := &Sink{Response: func(*dnscache.Response) {}}
	for _, line := range lines {
		switch p.Line(line, nowhere) {
		case Used, Passed, SiteOnly:
			n++
		}
	}
	return n
}

// AppendState appends the width of the header: rows that follow have none.
func (p *umbrellaParser) AppendState(dst []byte) []byte {
	return binary.AppendUvarint(dst, uint64(p.width))
}

// errUmbrellaState says that a state is not one of AppendState's.
var errUmbrellaState = errors.New("logs: not the state of an Umbrella log")

// Restore takes back what AppendState gave.
func (p *umbrellaParser) Restore(state []byte) error {
	width, n := binary.Uvarint(state)
	if n <= 0 || n < len(state) || width > maxCSVColumns || width > 0 && width < umbrellaColumns {
		return errUmbrellaState
	}
	p.width = int(width)
	return nil
}
