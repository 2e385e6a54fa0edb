package findings

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"time"

	"flowname/correlate"
	"flowname/flows"
)

// A Finding is one that was admitted: who, what, when, and the evidence.
type Finding struct {
	Code   Code
	TimeNs int64 // of the flow's start or the answer, Unix nanoseconds

	Client netip.Addr // who did it; zero: not known, or nobody in particular
	Addr   netip.Addr // the other end, or the answer's address; zero: none
	Port   uint16     // the other end's; 0: not known
	Proto  uint8      // 0: not known

	Name, Domain string
	Basis        correlate.Basis

	// Evidence is of the code's own type.
	Evidence any
	// Flow is the flow that it was found at; nil: it was found at an answer.
	Flow *correlate.Flow
}

// A line is a Finding as it is written.
type line struct {
	Time     string   `json:"time"`
	Code     string   `json:"code"`
	Client   string   `json:"client,omitempty"`
	Addr     string   `json:"addr,omitempty"`
	Port     uint16   `json:"port,omitempty"`
	Proto    string   `json:"proto,omitempty"`
	Name     string   `json:"name,omitempty"`
	Domain   string   `json:"domain,omitempty"`
	Basis    string   `json:"basis,omitempty"`
	Evidence any      `json:"evidence"`
	Flow     *flowRef `json:"flow,omitempty"`
}

// A flowRef tells which flow it was, in the fields of the flow's own line.
type flowRef struct {
	Sampler      string `json:"sampler_address"`
	SequenceNum  uint32 `json:"sequence_num"`
	StartNs      int64  `json:"time_flow_start_ns"`
	EndNs        int64  `json:"time_flow_end_ns"`
	SrcAddr      string `json:"src_addr"`
	SrcPort      uint16 `json:"src_port"`
	DstAddr      string `json:"dst_addr"`
	DstPort      uint16 `json:"dst_port"`
	Bytes        uint64 `json:"bytes"`
	SamplingRate uint64 `json:"sampling_rate"`
}

// encode is the finding's line.
func (f *Finding) encode(code string) ([]byte, error) {
	l := line{
		Time: time.Unix(0, f.TimeNs).UTC().Format(time.RFC3339Nano), Code: code, Client: text(f.Client), Addr: text(f.Addr),
		Port: f.Port, Proto: protoName(f.Proto), Name: f.Name, Domain: f.Domain, Basis: f.Basis.String(), Evidence: f.Evidence,
	}
	if l.Evidence == nil {
		l.Evidence = struct{}{}
	}
	if r := f.Flow; r != nil {
		l.Flow = &flowRef{
			Sampler: text(r.Exporter), SequenceNum: r.SequenceNum, StartNs: r.StartNs, EndNs: r.EndNs, Bytes: r.Bytes, SamplingRate: r.SamplingRate,
			SrcAddr: text(r.Record.Src), SrcPort: r.SrcPort, DstAddr: text(r.Record.Dst), DstPort: r.DstPort,
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(&l)
	return b.Bytes(), err
}

func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func protoName(proto uint8) string {
	switch proto {
	case flows.ProtoTCP:
		return "TCP"
	case flows.ProtoUDP:
		return "UDP"
	}
	return ""
}

// AtFlow is a Finding about a flow's server.
func AtFlow(code Code, f *correlate.Flow, evidence any) *Finding {
	server, addr, port := f.Server()
	_, client, _ := f.Client()
	found := &Finding{
		Code: code, TimeNs: f.StartNs, Client: client, Addr: addr, Port: port, Proto: f.Proto, Domain: server.Domain,
		Evidence: evidence, Flow: f,
	}
	if server.Named {
		found.Name, found.Basis = server.Candidates[0].Name, server.Basis()
	}
	return found
}
