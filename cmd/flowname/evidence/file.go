package evidence

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/input"
	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/logs"
	"flowname/dnscache/powerdns"
	"flowname/dnscache/sensor"
	"flowname/dnscache/sensor/capture"
)

// A File yields the evidence of a file in the file's order.
type File struct {
	in      *input.File
	intake  *Intake // for files that hold DNS messages
	seen    uint64  // things read
	ended   bool
	problem error // why reading ended early

	// step reads one thing of the file and keeps its evidence; flush gives what
	// was held back until more is read; accounts are what the summary tells.
	step     func() error
	flush    func()
	accounts func(tell func(what string, stats any))

	ready []Piece // evidence not yet pulled, copies
	next  int
}

// Config is what all sources of DNS have in common.
type Config struct {
	Wire       dnswire.Config
	Sensor     sensor.Config
	Logs       logs.Config // ReferenceNs is each file's own
	Forwarders []netip.Prefix
}

// Open opens a file of DNS evidence: a capture, a dnstap frame stream, a
// stream of PowerDNS messages or a log, which may be given as FORMAT:PATH.
func Open(path string, config Config) (*File, error) {
	format, path, err := SplitFormat(path)
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
	f := &File{in: in, flush: func() {}}
	f.intake = NewIntake(config.Wire, f.keep)
	switch in.Kind {
	case input.Dnstap:
		err = f.openDnstap()
	case input.PowerDNS:
		f.openPowerDNS()
	case input.Log:
		f.openLog(config.Logs)
	default:
		err = f.openCapture(config.Sensor)
	}
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

var errNoEvidence = errors.New("neither a capture (pcap, pcapng), nor a stream of dnstap or PowerDNS, nor a log of a known format, " +
	"plain or packed with gzip or zstd; a log's format can be given: FORMAT:PATH")

func (f *File) openDnstap() error {
	reader, err := dnstap.NewReader(f.in.Reader, dnstap.Config{})
	f.step = func() error {
		var m dnstap.Message
		err := reader.Next(&m)
		switch {
		case err == nil:
			f.intake.Dnstap(&m)
		case errors.Is(err, dnstap.ErrFrame):
			return nil // one bad frame: counted by the reader
		}
		return err
	}
	f.accounts = func(tell func(string, any)) {
		tell("dnstap", reader.Stats())
		tell("dns", f.intake.Stats())
	}
	return err
}

func (f *File) openPowerDNS() {
	reader := powerdns.NewReader(f.in.Reader)
	var m powerdns.Message
	f.step = func() error {
		err := reader.Next(&m)
		switch {
		case err == nil:
			f.intake.PowerDNS(&m)
		case errors.Is(err, powerdns.ErrFrame):
			return nil // one bad frame: counted by the reader
		}
		return err
	}
	f.accounts = func(tell func(string, any)) {
		tell("powerdns", reader.Stats())
		tell("dns", f.intake.Stats())
	}
}

func (f *File) openCapture(config sensor.Config) error {
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
		s.Frame(frame, f.intake.Packet)
		return nil
	}
	f.flush = func() { s.Flush(f.intake.Packet) }
	f.accounts = func(tell func(string, any)) {
		tell("sensor", s.Stats())
		tell("dns", f.intake.Stats())
	}
	return err
}

// keep copies a response until it is pulled: the window of the reorderer holds
// it longer than its source does.
func (f *File) keep(r *dnscache.Response) {
	f.ready = append(f.ready, Piece{Response: Cloned(r)})
}

// Pull yields the next evidence of the file.
func (f *File) Pull() (int64, Piece, bool) {
	for f.next == len(f.ready) {
		f.ready, f.next = f.ready[:0], 0
		if !f.advance() {
			return 0, Piece{}, false
		}
	}
	t := f.ready[f.next]
	f.next++
	return t.TimeNs(), t, true
}

// advance reads one thing; false when there is none left.
func (f *File) advance() bool {
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
	f.Close()
	return true // what flush gave is still to be pulled
}

// Close closes the file; it may be called twice.
func (f *File) Close() {
	if !f.ended {
		f.ended = true
		f.in.Close()
	}
}

// Input is the file itself.
func (f *File) Input() *input.File { return f.in }

// Things is how many things were read of it: packets, frames, messages or lines.
func (f *File) Things() uint64 { return f.seen }

// EndedEarly is why reading ended before the file did; nil where it did not.
func (f *File) EndedEarly() error { return f.problem }

// Accounts tells what readers counted.
func (f *File) Accounts(tell func(what string, stats any)) { f.accounts(tell) }

// Summarise tells what became of what was read.
func (f *File) Summarise(w io.Writer) {
	f.accounts(func(what string, stats any) {
		title := f.in.Path + ": " + what
		if lines, ok := stats.([]reasonCount); ok {
			fmt.Fprintf(w, "%s: %s\n", title, strings.Trim(fmt.Sprint(lines), "[]"))
			return
		}
		counters.Summarise(w, title, stats)
	})
	if f.problem != nil {
		fmt.Fprintf(w, "%v: what came before is used\n", f.problem)
	}
}
