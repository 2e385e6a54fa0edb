package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"flowname/cmd/flowname/input"
	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/logs"
	"flowname/dnscache/powerdns"
	"flowname/dnscache/sensor"
	"flowname/dnscache/sensor/capture"
)

// A piece is one piece of evidence that a file told: a connection, or where that
// is nil a response.
type piece struct {
	response   dnscache.Response
	connection *dnscache.Connection
}

func (t *piece) timeNs() int64 {
	if t.connection != nil {
		return t.connection.TimeNs
	}
	return t.response.TimeNs
}

// file files it, and shows it to a watch.
func (t *piece) file(cache *dnscache.Cache, w *watch, filedNs int64) {
	if t.connection != nil {
		cache.FileConnection(t.connection, filedNs)
		return
	}
	cache.File(&t.response, filedNs)
	w.evidence(&t.response)
}

// A dnsFile yields the evidence of a file in the file's order.
type dnsFile struct {
	in      *input.File
	intake  *intake // for files that hold DNS messages
	seen    uint64  // things read
	ended   bool
	problem error // why reading ended early

	// step reads one thing of the file and keeps its evidence; flush gives what
	// was held back until more is read; accounts are what the summary tells.
	step     func() error
	flush    func()
	accounts func(tell func(what string, stats any))

	ready []piece // evidence not yet pulled, copies
	next  int
}

// dnsConfig is what all sources of DNS have in common.
type dnsConfig struct {
	wire       dnswire.Config
	sensor     sensor.Config
	logs       logs.Config // ReferenceNs is each file's own
	forwarders []netip.Prefix
}

// openDNSFile opens a file of DNS evidence: a capture, a dnstap frame stream, a
// stream of PowerDNS messages or a log, which may be given as FORMAT:PATH.
func openDNSFile(path string, config dnsConfig) (*dnsFile, error) {
	format, path, err := splitFormat(path)
	if err != nil {
		return nil, err
	}
	in, err := input.Open(path)
	if err == nil && format != nil {
		in.Kind, in.Format = input.Log, format
	}
	if err == nil && in.Kind == input.Unknown {
		in.Close()
		err = fmt.Errorf("%s: %w", path, errNoEvidence)
	}
	if err != nil {
		return nil, err
	}
	f := &dnsFile{in: in, flush: func() {}}
	f.intake = newIntake(config.wire, f.keep)
	switch in.Kind {
	case input.Dnstap:
		err = f.openDnstap()
	case input.PowerDNS:
		f.openPowerDNS()
	case input.Log:
		f.openLog(config.logs)
	default:
		err = f.openCapture(config.sensor)
	}
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

var errNoEvidence = errors.New("neither a capture (pcap, pcapng), nor a stream of dnstap or PowerDNS, nor a log of a known format, " +
	"plain or packed with gzip or zstd; a log's format can be given: FORMAT:PATH")

func (f *dnsFile) openDnstap() error {
	reader, err := dnstap.NewReader(f.in.Reader, dnstap.Config{})
	f.step = func() error {
		var m dnstap.Message
		err := reader.Next(&m)
		switch {
		case err == nil:
			f.intake.dnstap(&m)
		case errors.Is(err, dnstap.ErrFrame):
			return nil // one bad frame: counted by the reader
		}
		return err
	}
	f.accounts = func(tell func(string, any)) {
		tell("dnstap", reader.Stats())
		tell("dns", f.intake.parser.Stats())
	}
	return err
}

func (f *dnsFile) openPowerDNS() {
	reader := powerdns.NewReader(f.in.Reader)
	var m powerdns.Message
	f.step = func() error {
		err := reader.Next(&m)
		switch {
		case err == nil:
			f.intake.powerDNS(&m)
		case errors.Is(err, powerdns.ErrFrame):
			return nil // one bad frame: counted by the reader
		}
		return err
	}
	f.accounts = func(tell func(string, any)) {
		tell("powerdns", reader.Stats())
		tell("dns", f.intake.parser.Stats())
	}
}

func (f *dnsFile) openCapture(config sensor.Config) error {
	config.Queries = true
	s := sensor.New(config)
	frames, err := capture.NewReader(f.in.Reader)
	first := true
	f.step = func() error {
		frame, err := frames.Next()
		if err != nil {
			return err
		}
		if first { // it shows when the sensor began, whatever is in it
			f.keep(&dnscache.Response{TimeNs: frame.TimeNs, Client: netip.Addr{}})
			first = false
		}
		s.Frame(frame, f.intake.packet)
		return nil
	}
	f.flush = func() { s.Flush(f.intake.packet) }
	f.accounts = func(tell func(string, any)) {
		tell("sensor", s.Stats())
		tell("dns", f.intake.parser.Stats())
	}
	return err
}

// keep copies a response until it is pulled: the window of the reorderer holds
// it longer than its source does.
func (f *dnsFile) keep(r *dnscache.Response) {
	f.ready = append(f.ready, piece{response: cloned(r)})
}

// cloned is a copy that shares nothing with its origin.
func cloned(r *dnscache.Response) dnscache.Response {
	c := *r
	c.Name, c.Canonical, c.Addrs = slices.Clone(r.Name), slices.Clone(r.Canonical), slices.Clone(r.Addrs)
	return c
}

// pull yields the next evidence of the file.
func (f *dnsFile) pull() (int64, piece, bool) {
	for f.next == len(f.ready) {
		f.ready, f.next = f.ready[:0], 0
		if !f.advance() {
			return 0, piece{}, false
		}
	}
	t := f.ready[f.next]
	f.next++
	return t.timeNs(), t, true
}

// advance reads one thing; false when there is none left.
func (f *dnsFile) advance() bool {
	if f.ended {
		return false
	}
	err := f.step()
	if err == nil {
		f.seen++
		return true
	}
	if err != io.EOF {
		f.problem = fmt.Errorf("%s: %w", f.in.Path, err)
	}
	f.flush()
	f.close()
	return true // what flush gave is still to be pulled
}

// close closes the file; it may be called twice.
func (f *dnsFile) close() {
	if !f.ended {
		f.ended = true
		f.in.Close()
	}
}
