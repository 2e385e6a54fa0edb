package indicators

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

const (
	// noOrigin is the origin of a zone that does not say its own: its SOA then
	// tells that this is the apex.
	noOrigin = "origin.invalid."
	// maxRecord is how many lines a record in parentheses goes on for.
	maxRecord = 64
)

// A zone is the state of a master file between its records.
type zone struct {
	origin string
	apex   string // the SOA's owner; empty until it came
	owner  string // of the record before
	depth  int    // of parentheses
	text   strings.Builder
	lines  int
}

// readZone reads a master file, record by record: one that is wrong does not end
// it, as it would end a zone that is to be served.
func (r *reading) readZone() error {
	z := &zone{origin: noOrigin}
	err := r.eachLine(func(line string) { r.readZoneLine(z, line) })
	if z.depth > 0 {
		r.refuse(BadRecord, z.text.String())
	}
	return err
}

func (r *reading) readZoneLine(z *zone, line string) {
	if z.depth == 0 && strings.TrimSpace(stripZone(line, &z.depth)) == "" {
		return
	}
	if z.lines > 0 {
		stripZone(line, &z.depth)
	}
	z.text.WriteString(line)
	z.text.WriteByte('\n')
	z.lines++
	if z.depth > 0 && z.lines < maxRecord && z.text.Len() < maxLine {
		return
	}
	text := z.text.String()
	torn := z.depth > 0
	z.text.Reset()
	z.lines, z.depth = 0, 0
	if torn || !r.readRecord(z, text) {
		r.refuse(BadRecord, strings.TrimSpace(text))
	}
}

// stripZone gives a line without its comment, and follows its parentheses.
func stripZone(line string, depth *int) string {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';':
			return line[:i]
		case c == '(':
			*depth++
		case c == ')':
			*depth = max(*depth-1, 0)
		}
	}
	return line
}

// readRecord reads a record or a directive; false if it is neither.
func (r *reading) readRecord(z *zone, text string) bool {
	if rest, ok := cutDirective(text, "$ORIGIN"); ok {
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			return false
		}
		z.origin = absolute(fields[0], z.origin)
		_, ok := dns.IsDomainName(z.origin)
		return ok
	}
	if _, ok := cutDirective(text, "$TTL"); ok {
		return true
	}
	if (text[0] == ' ' || text[0] == '\t') && z.owner != "" {
		text = z.owner + text
	}
	p := dns.NewZoneParser(strings.NewReader(text), z.origin, "")
	p.SetDefaultTTL(3600)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		z.owner = rr.Header().Name
		r.readTrigger(z, rr)
	}
	return p.Err() == nil
}

func cutDirective(text, directive string) (rest string, ok bool) {
	if len(text) < len(directive) || !strings.EqualFold(text[:len(directive)], directive) {
		return "", false
	}
	return text[len(directive):], true
}

// absolute is a name of a zone in full.
func absolute(name, origin string) string {
	switch {
	case name == "@":
		return origin
	case dns.IsFqdn(name):
		return name
	case origin == ".":
		return name + "."
	}
	return name + "." + origin
}

func (r *reading) readTrigger(z *zone, rr dns.RR) {
	switch rr.Header().Rrtype {
	case dns.TypeSOA:
		z.apex = rr.Header().Name
		return
	case dns.TypeNS, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeZONEMD:
		return // the zone's own
	}
	trigger := rr.Header().Name
	for _, apex := range []string{z.apex, noOrigin} {
		if n := len(trigger) - len(apex); apex != "" && n > 1 && strings.EqualFold(trigger[n:], apex) && trigger[n-1] == '.' {
			trigger = trigger[:n]
			break
		}
	}
	if c, ok := rr.(*dns.CNAME); ok && (strings.EqualFold(c.Target, "rpz-passthru.") || strings.EqualFold(c.Target, trigger)) {
		r.refuse(Passed, trigger)
		return
	}
	if reason := r.item.readTrigger(strings.TrimSuffix(trigger, ".")); reason != taken {
		r.refuse(reason, trigger)
		return
	}
	r.file(trigger)
}

// readTrigger makes an item of a policy's trigger.
func (it *item) readTrigger(trigger string) Reason {
	*it = item{name: it.name[:0]}
	lower := strings.ToLower(trigger)
	for _, suffix := range []string{".rpz-ip", ".rpz-client-ip"} {
		if labels, ok := strings.CutSuffix(lower, suffix); ok {
			p, ok := policyPrefix(labels)
			if !ok {
				return NotName
			}
			return it.readPrefix(p)
		}
	}
	if strings.HasSuffix(lower, ".rpz-nsdname") || strings.HasSuffix(lower, ".rpz-nsip") {
		return OtherTrigger
	}
	name, wildcard := strings.CutPrefix(trigger, "*.")
	ok := false
	if it.name, ok = appendName(it.name, name); !ok {
		return NotName
	}
	it.self, it.beneath = !wildcard, wildcard
	return taken
}

// policyPrefix reads a prefix as policies write it: its length, then the
// address's parts from the last to the first, zz being IPv6's double colon.
func policyPrefix(labels string) (netip.Prefix, bool) {
	length, rest, _ := strings.Cut(labels, ".")
	n, err := strconv.Atoi(length)
	parts := strings.Split(rest, ".")
	slices.Reverse(parts)
	text := strings.Join(parts, ".")
	if len(parts) != 4 || slices.Contains(parts, "zz") {
		text = strings.Join(parts, ":")
		switch {
		case text == "zz":
			text = "::"
		case parts[0] == "zz":
			text = ":" + strings.Replace(text, "zz", "", 1)
		case parts[len(parts)-1] == "zz":
			text = strings.Replace(text, "zz", "", 1) + ":"
		default:
			text = strings.Replace(text, "zz", "", 1)
		}
	}
	addr, err2 := netip.ParseAddr(text)
	if err != nil || err2 != nil || n < 0 || n > addr.BitLen() || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, n), true
}
