package main

import (
	"fmt"
	"io"

	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/input"
	"flowname/dnscache"
	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
	"flowname/flows"
	"flowname/flows/netflow"
	"flowname/flows/sflow"
)

// A flowFile yields the records of a capture of export packets, datagram by
// datagram in the file's order. Any UDP payload that looks like an export message is one, whatever
// its port.
type flowFile struct {
	in      *input.File
	frames  *capture.Reader
	packets *packet.Decoder
	packet  packet.Packet
	decoder *netflow.Decoder // shared by all flow files: exporters go on from one file to the next
	samples *fileSamples     // shared too
	ended   bool
	problem error

	datagrams, foreign uint64 // UDP datagrams, those that are no export message
	refused            uint64 // messages of which something was refused
	firstRefusal       error

	answers []netflow.Answer
	flowDNS flowDNS
	ready   fileDatagram // the last one
}

// A fileDatagram is what one datagram of a file told.
type fileDatagram struct {
	atNs     int64 // when it was received
	records  []flows.Record
	evidence []dnscache.Response // copies
}

// fileSamples reads the sFlow datagrams of files.
type fileSamples struct {
	*sampleDecoder
	evidence []dnscache.Response // of the datagram being read
}

func newFileSamples(config evidence.Config) *fileSamples {
	s := new(fileSamples)
	s.sampleDecoder = newSampleDecoder(config, func(r *dnscache.Response) { s.evidence = append(s.evidence, evidence.Cloned(r)) })
	return s
}

func openFlowFile(path string, decoder *netflow.Decoder, samples *fileSamples) (*flowFile, error) {
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
	return &flowFile{
		in: in, frames: frames, decoder: decoder, samples: samples,
		packets: packet.NewDecoder(packet.Config{}),
	}, nil
}

// pull yields the next datagram that told anything, at the time it was received.
func (f *flowFile) pull() (int64, fileDatagram, bool) {
	f.ready = fileDatagram{} // the reorderer keeps the last one
	for len(f.ready.records) == 0 && len(f.ready.evidence) == 0 {
		if !f.advance() {
			return 0, fileDatagram{}, false
		}
	}
	return f.ready.atNs, f.ready, true
}

// advance reads one frame; false at the end.
func (f *flowFile) advance() bool {
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
	f.close()
	return false
}

func (f *flowFile) take(p *packet.Packet) {
	if p.Proto != flows.ProtoUDP {
		return
	}
	f.datagrams++
	f.ready.atNs = p.TimeNs
	var err error
	if _, ok := netflow.Version(p.Payload); ok {
		f.ready.records, err = f.decoder.AppendRecords(f.ready.records, p.Payload, p.Src, p.TimeNs)
		f.takeAnswers()
	} else if sflow.IsDatagram(p.Payload) {
		f.samples.evidence = nil
		f.ready.records, err = f.samples.appendRecords(f.ready.records, p.Payload, p.Src, p.TimeNs)
		f.ready.evidence = f.samples.evidence
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
func (f *flowFile) takeAnswers() {
	f.answers = f.decoder.TakeAnswers(f.answers[:0])
	for i := range f.answers {
		f.ready.evidence = append(f.ready.evidence, evidence.Cloned(f.flowDNS.evidence(&f.answers[i])))
	}
}

// close closes the file; it may be called twice.
func (f *flowFile) close() {
	if !f.ended {
		f.ended = true
		f.in.Close()
	}
}
