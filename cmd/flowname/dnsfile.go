package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/sensor"
	"flowname/dnscache/sensor/capture"
)

// A dnsFile yields the evidence of a file in the file's order.
type dnsFile struct {
	in      *input
	intake  *intake
	sensor  *sensor.Sensor // for captures
	frames  *capture.Reader
	dnstap  *dnstap.Reader // for frame streams
	seen    uint64         // frames read
	ended   bool
	problem error // why reading ended early

	ready []dnscache.Response // evidence not yet pulled, copies
	next  int
}

// dnsConfig is what all sources of DNS have in common.
type dnsConfig struct {
	wire       dnswire.Config
	sensor     sensor.Config
	forwarders []netip.Prefix
}

// openDNSFile opens a file of DNS evidence: a capture or a dnstap frame stream.
func openDNSFile(path string, config dnsConfig) (*dnsFile, error) {
	in, err := openInput(path)
	if err != nil {
		return nil, err
	}
	f := &dnsFile{in: in}
	f.intake = newIntake(config.wire, f.keep)
	if in.kind == kindDnstap {
		f.dnstap, err = dnstap.NewReader(in.reader, dnstap.Config{})
	} else {
		config.sensor.Queries = true
		f.sensor = sensor.New(config.sensor)
		f.frames, err = capture.NewReader(in.reader)
	}
	if err != nil {
		in.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// keep copies a response until it is pulled: the window of the reorderer holds
// it longer than its source does.
func (f *dnsFile) keep(r *dnscache.Response) {
	f.ready = append(f.ready, cloned(r))
}

// cloned is a copy that shares nothing with its origin.
func cloned(r *dnscache.Response) dnscache.Response {
	c := *r
	c.Name, c.Canonical, c.Addrs = slices.Clone(r.Name), slices.Clone(r.Canonical), slices.Clone(r.Addrs)
	return c
}

// pull yields the next evidence of the file.
func (f *dnsFile) pull() (int64, dnscache.Response, bool) {
	for f.next == len(f.ready) {
		f.ready, f.next = f.ready[:0], 0
		if !f.advance() {
			break
		}
	}
	if f.next == len(f.ready) {
		return 0, dnscache.Response{}, false
	}
	r := f.ready[f.next]
	f.next++
	return r.TimeNs, r, true
}

// advance reads one frame; false at the end.
func (f *dnsFile) advance() bool {
	if f.ended {
		return false
	}
	var err error
	if f.dnstap != nil {
		var m dnstap.Message
		if err = f.dnstap.Next(&m); err == nil {
			f.intake.dnstap(&m)
		} else if errors.Is(err, dnstap.ErrFrame) {
			err = nil // one bad frame: counted by the reader
		}
	} else {
		var frame capture.Frame
		if frame, err = f.frames.Next(); err == nil {
			f.frame(frame)
		}
	}
	if err == nil {
		f.seen++
		return true
	}
	if err != io.EOF {
		f.problem = fmt.Errorf("%s: %w", f.in.path, err)
	}
	if f.sensor != nil {
		f.sensor.Flush(f.intake.packet)
	}
	f.close()
	return true // what Flush gave is still to be pulled
}

// frame gives a frame to the sensor. The first one shows when the sensor began,
// whatever is in it.
func (f *dnsFile) frame(frame capture.Frame) {
	if f.seen == 0 {
		f.keep(&dnscache.Response{TimeNs: frame.TimeNs, Client: netip.Addr{}})
	}
	f.sensor.Frame(frame, f.intake.packet)
}

// close closes the file; it may be called twice.
func (f *dnsFile) close() {
	if !f.ended {
		f.ended = true
		f.in.close()
	}
}
