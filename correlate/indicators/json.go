package indicators

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxValue bounds what one token of JSON takes.
	maxValue = 1 << 20
	maxDepth = 64
)

// A meter hands a decoder at most maxValue bytes for a token, and remembers
// where lines end in what it has read ahead.
type meter struct {
	in     io.Reader
	left   int
	offset int64   // of what was read
	ends   []int64 // of the lines in it
	lines  uint64  // that were left behind
}

var errValue = errors.New("a value of more than 1 MB")

func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errValue
	}
	n, err := m.in.Read(p[:min(len(p), m.left, maxValue)])
	m.left -= n
	for i, c := range p[:n] {
		if c == '\n' {
			m.ends = append(m.ends, m.offset+int64(i))
		}
	}
	m.offset += int64(n)
	return n, err
}

// lineAt is the line of a place, which is not before the last one.
func (m *meter) lineAt(offset int64) uint64 {
	k := 0
	for k < len(m.ends) && m.ends[k] < offset {
		k++
	}
	m.lines += uint64(k)
	m.ends = m.ends[:copy(m.ends, m.ends[k:])]
	return m.lines + 1
}

// An object is what matters of a JSON object.
type object struct {
	kind, value, pattern, patternType string
	told                              uint8 // which of the truths below were
	detect, revoked, deleted          bool
}

// A frame is an object or array that is being read.
type frame struct {
	object
	isObject, haveKey, skip bool
	key                     string
}

// notOwn are members whose content the feed does not vouch for: proposals of
// others, and what is only related.
var notOwn = map[string]bool{"ShadowAttribute": true, "RelatedEvent": true, "RelatedAttribute": true, "Galaxy": true, "GalaxyCluster": true}

// readJSON goes through JSON of whatever nesting, one value or many, and takes
// each object that is an indicator. It holds no more than one object's texts.
func (r *reading) readJSON() error {
	m := &meter{in: r.in}
	d := json.NewDecoder(m)
	var stack []frame
	for {
		m.left = maxValue
		token, err := d.Token()
		if err == io.EOF && len(stack) == 0 {
			r.report.Lines = m.lineAt(d.InputOffset()+1) - 1
			return nil
		}
		r.line = m.lineAt(d.InputOffset())
		r.report.Lines = r.line
		if err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrSyntax, r.line, err)
		}
		switch t := token.(type) {
		case json.Delim:
			if t == '}' || t == ']' {
				top := &stack[len(stack)-1]
				if top.isObject && !top.skip {
					r.readObject(&top.object)
				}
				stack = stack[:len(stack)-1]
				break
			}
			if len(stack) == maxDepth {
				return fmt.Errorf("%w: line %d: nested deeper than %d", ErrSyntax, r.line, maxDepth)
			}
			next := frame{isObject: t == '{'}
			if n := len(stack); n > 0 {
				next.skip = stack[n-1].skip || notOwn[stack[n-1].key]
				stack[n-1].haveKey = false
				if !next.isObject {
					next.key = stack[n-1].key // whose elements they are
				}
			}
			stack = append(stack, next)
		default:
			if n := len(stack); n > 0 && stack[n-1].isObject {
				stack[n-1].scalar(token)
			}
		}
	}
}

// scalar takes a key, or the value that belongs to it.
func (f *frame) scalar(token json.Token) {
	if !f.haveKey {
		f.key, f.haveKey = token.(string), true
		return
	}
	f.haveKey = false
	text, _ := token.(string)
	truth, _ := token.(bool)
	truth = truth || text == "1" || strings.EqualFold(text, "true")
	switch f.key {
	case "type":
		f.kind = text
	case "value":
		f.value = text
	case "pattern":
		f.pattern = text
	case "pattern_type":
		f.patternType = text
	case "revoked":
		f.revoked = truth
	case "deleted":
		f.deleted = truth
	case "to_ids":
		f.detect, f.told = truth, 1
	}
}

// stixKinds are the types of STIX objects that are indicators by their value.
var stixKinds = map[string]bool{"domain-name": true, "ipv4-addr": true, "ipv6-addr": true}

func (r *reading) readObject(o *object) {
	switch {
	case o.kind == "indicator" && o.pattern != "":
		if o.revoked {
			r.refuse(TakenBack, o.pattern)
			return
		}
		if o.patternType != "" && o.patternType != "stix" {
			r.refuse(Unsupported, o.patternType+" "+o.pattern)
			return
		}
		r.readPattern(o.pattern)
	case o.kind == "" || o.value == "": // an event, a tag, an organisation
	case o.deleted || o.revoked:
		r.refuse(TakenBack, o.value)
	case stixKinds[o.kind]:
		r.take(o.value, itself)
	case o.told != 0 && !o.detect:
		r.refuse(NotForDetection, o.value)
	default:
		r.readAttribute(o.kind, o.value)
	}
}

// readAttribute reads a MISP attribute; those with | have two values.
func (r *reading) readAttribute(kind, value string) {
	first, second, _ := strings.Cut(value, "|")
	switch kind {
	case "domain":
		r.take(value, withBeneath)
	case "domain|ip":
		r.take(first, withBeneath)
		r.take(second, itself)
	case "hostname", "ip-src", "ip-dst":
		r.take(value, itself)
	case "hostname|port", "ip-src|port", "ip-dst|port":
		r.take(first, itself)
	case "url", "uri":
		r.takeURL(value)
	default:
		r.refuse(OtherKind, kind+" "+value)
	}
}

// takeURL takes a URL, also one that has no path or scheme to be told by.
func (r *reading) takeURL(text string) {
	if strings.IndexByte(text, '/') < 0 {
		text += "/"
	}
	r.take(text, itself)
}
