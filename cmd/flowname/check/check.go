package check

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/formats"
	"flowname/cmd/flowname/input"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/logs"
	"flowname/dnscache/sensor/capture"
)

// A Cmd is the command line of check.
type Cmd struct {
	Files    []string `arg:"" name:"[FORMAT:]FILE" help:"Captures, dnstap streams and logs, plain or packed with gzip or zstd. FORMAT, one of 'flowname formats', overrides what the content says."`
	Examples int      `help:"How many examples to show of lines that are not used, for each reason (default ${default})." default:"3" placeholder:"N"`
	Format   string   `help:"text or json (one object a file)." enum:"text,json" default:"text"`
	evidence.DNSFlags
	evidence.LogFlags
}

// Run tells what each file is. A file of which nothing can be used is a failure,
// and so is one that can not be read; the others are told all the same.
func (c *Cmd) Run(std command.Streams) error {
	config, err := c.DNSFlags.Config()
	if err != nil {
		return err
	}
	if _, err := c.LogFlags.Config(time.Time{}); err != nil {
		return err
	}
	if c.Examples < 0 {
		return command.Usagef("check: --examples is negative")
	}
	var useless []string
	for i, arg := range c.Files {
		report := c.check(arg, config)
		if !report.usable() {
			useless = append(useless, report.File)
		}
		out := bufio.NewWriter(std.Out)
		if c.Format == "json" {
			err = writeReportJSON(out, report)
		} else {
			if i > 0 {
				fmt.Fprintln(out)
			}
			writeReport(out, report)
		}
		if err := errors.Join(err, out.Flush()); err != nil {
			return err
		}
	}
	if len(useless) > 0 {
		return fmt.Errorf("check: nothing can be used of %s", strings.Join(useless, ", "))
	}
	return nil
}

func writeReportJSON(w io.Writer, r *report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// A report is what there is to say of a file.
type report struct {
	File   string   `json:"file"`
	Format string   `json:"format,omitempty"` // its name; empty where it is not known
	Title  string   `json:"title,omitempty"`
	Packed []string `json:"packed,omitempty"` // by what, the outermost first
	// Units is what the file consists of: lines, packets or frames.
	Units   string   `json:"units,omitempty"`
	Total   uint64   `json:"total"`
	Used    uint64   `json:"used"`
	NotUsed []unused `json:"not_used,omitempty"`
	Tally   tally    `json:"evidence"`
	// Flows are the flow records of a capture of exports.
	Flows   uint64   `json:"flows,omitempty"`
	Carries []string `json:"carries,omitempty"`
	Caveat  string   `json:"caveat,omitempty"`
	// Problem is why the file could not be read, or not to its end.
	Problem string `json:"problem,omitempty"`
}

// A unused is why some of a file's units are not used.
type unused struct {
	Reason   string    `json:"reason"`
	Count    uint64    `json:"count"`
	Examples []example `json:"examples,omitempty"`
}

type example struct {
	Line uint64 `json:"line"`
	Text string `json:"text"` // its beginning; odd bytes as \xNN
}

func (r *report) usable() bool { return r.Used > 0 || r.Flows > 0 }

// check reads a file to its end, in memory that does not depend on its size.
func (c *Cmd) check(arg string, config evidence.Config) *report {
	format, path := input.CutFormat(arg)
	r := &report{File: path, Tally: tally{forwarders: config.Forwarders}}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		r.Problem = "it is a directory: name its files"
		return r
	}
	in, err := input.OpenPacked(path)
	switch {
	case err != nil:
		r.Problem = err.Error()
		return r
	case in == nil:
		r.Problem = "the file is empty"
		return r
	}
	defer in.Close()
	r.Packed = in.Packed
	if err := c.checkInput(r, in, format, config); err != nil {
		r.Problem = err.Error()
	}
	return r
}

// beginningBytes is how much is shown of a file that is not known.
const beginningBytes = 32

func (c *Cmd) checkInput(r *report, in *input.File, format *logs.Format, config evidence.Config) error {
	head, _ := in.Reader.Peek(16)
	if format == nil {
		switch kind := capture.Sniff(head); {
		case kind == capture.KindPcap || kind == capture.KindPcapNG:
			r.describe(formats.Capture)
			return r.readCapture(in.Path, config)
		case dnstap.IsFrameStream(head):
			r.describe(formats.Dnstap)
			return r.readFrames(in.Path, config)
		case in.IsPowerDNS():
			r.describe(formats.PowerDNS)
			return r.readFrames(in.Path, config)
		}
	}
	if format == nil {
		var err error
		if format, err = input.PeekFormat(in.Reader); err != nil {
			return err
		}
	}
	if format == nil {
		line, _ := in.Reader.Peek(beginningBytes)
		text, _, _ := strings.Cut(string(line), "\n")
		return fmt.Errorf("not a capture, a stream of dnstap or PowerDNS, or a log that is known ('flowname formats' lists them); it begins with %s", quoteExample([]byte(text[:min(len(text), beginningBytes)])))
	}
	written := time.Now()
	if info, err := in.Stat(); err == nil {
		written = info.ModTime()
	}
	logConfig, err := c.LogFlags.Config(written)
	if err != nil {
		return err
	}
	logConfig.DNS64 = config.Wire.DNS64
	r.describe(format.Name)
	return r.readLog(in.Reader, format, logConfig, c.Examples)
}

// describe says what the file is.
func (r *report) describe(name string) {
	rows, err := formats.Rows([]string{name})
	if err != nil {
		return // of these names there are all
	}
	row := rows[0]
	r.Format, r.Title, r.Units, r.Carries, r.Caveat = row.Name, row.Title, row.Kind, row.Carries, row.Caveat
}
