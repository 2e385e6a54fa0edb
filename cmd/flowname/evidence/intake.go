package evidence

import (
	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/powerdns"
	"flowname/dnscache/sensor"
)

// An Intake turns the messages of one source into evidence. It belongs to the
// source's goroutine.
type Intake struct {
	parser   *dnswire.Parser
	response dnscache.Response
	// file is given each response that names something or shows that a client
	// asks; it copies what it keeps.
	file func(*dnscache.Response)
}

// NewIntake makes an Intake that gives its evidence to file.
func NewIntake(config dnswire.Config, file func(*dnscache.Response)) *Intake {
	return &Intake{parser: dnswire.NewParser(config), file: file}
}

// Packet takes a message that the sensor saw.
func (in *Intake) Packet(m *sensor.Message) {
	r := &in.response
	if m.Query {
		*r = dnscache.Response{}
	} else if !in.parse(m.Wire) {
		return
	}
	m.Fill(r)
	in.file(r)
}

// Dnstap takes a message that a resolver reported.
func (in *Intake) Dnstap(m *dnstap.Message) {
	switch m.Fill(&in.response) {
	case dnstap.EvidenceNone:
		return
	case dnstap.EvidenceAnyone, dnstap.EvidenceClient:
		if !in.parse(m.Wire) {
			return
		}
		if !in.response.Subnet.IsValid() { // not every server repeats the query's
			in.response.Subnet = dnswire.Subnet(m.Query)
		}
	}
	in.file(&in.response)
}

// PowerDNS takes a message that a PowerDNS server reported.
func (in *Intake) PowerDNS(m *powerdns.Message) {
	switch m.Fill(&in.response) {
	case powerdns.EvidenceNone:
		return
	case powerdns.EvidenceAnyone, powerdns.EvidenceClient:
		if !in.parse(m.Wire) {
			return
		}
	}
	in.file(&in.response)
}

// Stats are those of the messages.
func (in *Intake) Stats() dnswire.Stats { return in.parser.Stats() }

// parse fills the response from a message; what a cut message says before the
// cut is true.
func (in *Intake) parse(wire []byte) bool {
	err := in.parser.Parse(&in.response, wire)
	return err == nil || len(in.response.Addrs) > 0
}
