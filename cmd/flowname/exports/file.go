package exports

import (
	"fmt"
	"io"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/input"
	"flowname/dnscache"
	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
	"flowname/flows"
	"flowname/flows/netflow"
	"flowname/flows/sflow"
)

// A File yields the records of a capture of export packets, datagram by
// datagram in the file's order. Any UDP payload that looks like an export message
// is one, whatever its port.
type File struct {
	in      *input.File
	frames  *capture.Reader
	packets *packet.Decoder
	packet  packet.Packet
	decoder *netflow.Decoder // shared by all flow files: exporters go on from one file to the next
	samples *FileSamples     // shared too
	ended   bool
	problem error

	datagrams, foreign uint64 // UDP datagrams, those that are no export message
	refused            uint64 // messages of which something was refused
	firstRefusal       error

	answers []netflow.Answer
	flowDNS DNS
	ready   Datagram // the last one
}

// A Datagram is what one datagram of a file told.
type Datagram struct {
	AtNs     int64 // when it was received
	Records  []flows.Record
	Evidence []dnscache.Response // copies
}

// A FileSamples reads the sFlow datagrams of files.
type FileSamples struct {
	*SampleDecoder
	evidence []dnscache.Response // of the datagram being read
}

// NewFileSamples makes a FileSamples that all files of a command share: agents go
// on from one file to the next.
func NewFileSamples(config evidence.Config) *FileSamples {
	s := new(FileSamples)
	s.SampleDecoder = NewSampleDecoder(config, func(r *dnscache.Response) { s.evidence = append(s.evidence, evidence.Cloned(r)) })
	return s
}

// Open opens a capture of export packets. Decoder and samples are those of all
// files of the command.
func Open(path string, decoder *netflow.Decoder, samples *FileSamples) (*File, error) {
	in, err := input.Open(path)
	if err != nil {
		return nil, err
	}
	if in.Kind != input.Capture {
		in.Close()
		return nil, fmt.Errorf("%s: flows are read from captures of export packets (pcap, pcapng); this is %v", path, in.Kind)
	}
	frames, err := capture.NewReader(in.Reader)
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &File{
		in: in, frames: frames, decoder: decoder, samples: samples,
		packets: packet.NewDecoder(packet.Config{}),
	}, nil
}

// Pull yields the next datagram that told anything, at the time it was received.
func (f *File) Pull() (int64, Datagram, bool) {
	f.ready = Datagram{} // the reorderer keeps the last one
	for len(f.ready.Records) == 0 && len(f.ready.Evidence) == 0 {
		if !f.advance() {
			return 0, Datagram{}, false
		}
	}
	return f.ready.AtNs, f.ready, true
}

// advance reads one frame; false at the end.
func (f *File) advance() bool {
	if f.ended {
		return false
	}
	frame, err := f.frames.Next()
	if err == nil {
		if f.packets.Decode(frame, &f.packet) {
			f.take(&f.packet)
		}
		return true
	}
	if err != io.EOF {
		f.problem = fmt.Errorf("%s: %w", f.in.Path, err)
	}
	f.Close()
	return false
}

func (f *File) take(p *packet.Packet) {
	if p.Proto != flows.ProtoUDP {
		return
	}
	f.datagrams++
	f.ready.AtNs = p.TimeNs
	var err error
	if _, ok := netflow.Version(p.Payload); ok {
		f.ready.Records, err = f.decoder.AppendRecords(f.ready.Records, p.Payload, p.Src, p.TimeNs)
		f.takeAnswers()
	} else if sflow.IsDatagram(p.Payload) {
		f.samples.evidence = nil
		f.ready.Records, err = f.samples.AppendRecords(f.ready.Records, p.Payload, p.Src, p.TimeNs)
		f.ready.Evidence = f.samples.evidence
	} else {
		f.foreign++
		return
	}
	if err == nil {
		return
	}
	f.refused++
	if f.firstRefusal == nil {
		f.firstRefusal = fmt.Errorf("%s: exporter %s: %w", f.in.Path, p.Src, err)
	}
}

// takeAnswers takes the DNS that flow records told.
func (f *File) takeAnswers() {
	f.answers = f.decoder.TakeAnswers(f.answers[:0])
	for i := range f.answers {
		f.ready.Evidence = append(f.ready.Evidence, evidence.Cloned(f.flowDNS.Evidence(&f.answers[i])))
	}
}

// Input is the file itself.
func (f *File) Input() *input.File { return f.in }

// Close closes the file; it may be called twice.
func (f *File) Close() {
	if !f.ended {
		f.ended = true
		f.in.Close()
	}
}

// Summarise tells what was read of sFlow, and which DNS in it was not used.
func (s *FileSamples) Summarise(w io.Writer) {
	counters.Summarise(w, "sFlow datagrams", s.decoder.Stats())
	if s.decoder.Stats().Datagrams == 0 {
		return
	}
	counters.Summarise(w, "DNS in sFlow samples", s.dns.account())
	if n := s.dns.stats.NotBelieved; n > 0 {
		fmt.Fprintf(w, "%d DNS responses in sFlow samples were not used: they have no query; --accept-unmatched believes them\n", n)
	}
}

// Summarise tells what of the file was no export, and what was refused.
func (f *File) Summarise(w io.Writer) {
	if f.foreign > 0 {
		fmt.Fprintf(w, "%s: %d of %d UDP datagrams are no NetFlow, IPFIX or sFlow\n", f.in.Path, f.foreign, f.datagrams)
	}
	if f.firstRefusal != nil {
		fmt.Fprintf(w, "%d messages were refused in part, the first: %v\n", f.refused, f.firstRefusal)
	}
	if f.problem != nil {
		fmt.Fprintf(w, "%v: what came before is used\n", f.problem)
	}
}
