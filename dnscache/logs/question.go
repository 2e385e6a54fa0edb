package logs

import (
	"net/netip"

	"flowname/dnscache"
)

// An asker gives the evidence of formats that tell who asked what and not what
// was answered. It is reused for each line.
type asker struct {
	r    dnscache.Response
	name []byte
}

// asked gives one question. The name is in presentation form.
func (a *asker) asked(to *Sink, name []byte) Reason {
	var ok bool
	if a.name, ok = appendName(a.name[:0], name); !ok {
		return BadName
	}
	a.r.Name, a.r.QuestionOnly = a.name, true
	to.Response(&a.r)
	return Used
}

// set begins the evidence of a line.
func (a *asker) set(source dnscache.Source, ns int64, client netip.Addr) {
	a.r = dnscache.Response{Source: source, TimeNs: ns, Client: client}
}

// discard is a sink that keeps nothing.
func discard() *Sink {
	return &Sink{
		Response:   func(*dnscache.Response) {},
		Connection: func(*dnscache.Connection) {},
	}
}

// sniffReference is a Config.ReferenceNs for telling formats apart: any year
// does.
const sniffReference = 8_800_000_000 * 1_000_000_000

// sniffWith counts the lines that a parser takes for its own.
func sniffWith(open func(Config) Parser, lines [][]byte) (n int) {
	p := open(Config{ReferenceNs: sniffReference})
	nowhere := discard()
	for _, line := range lines {
		if len(line) == 0 {
			continue
		}
		switch p.Line(line, nowhere) {
		case Used, BadTime, BadName, Unpaired:
			n++
		}
	}
	return n
}
