package check

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/exports"
	"flowname/dnscache"
	"flowname/dnscache/logs"
	"flowname/flows/netflow"
)

// exampleBytes is how much of a line an example shows.
const exampleBytes = 120

// readLog reads the lines of a log.
func (r *report) readLog(in *bufio.Reader, format *logs.Format, config logs.Config, examples int) (err error) {
	reader := logs.NewReader(format, config, logs.Sink{Response: r.Tally.response, Connection: r.Tally.connection})
	lines := logs.NewLines(in)
	shown := map[logs.Reason][]example{}
	for n := uint64(1); ; n++ {
		line, ended, readErr := lines.Next()
		if readErr != nil {
			if !errors.Is(readErr, io.EOF) {
				err = fmt.Errorf("line %d: %w: what came before is used", n, readErr)
			}
			break
		}
		take := reader.Line
		if !ended {
			take = reader.Unended
		}
		if reason := take(line); reason != logs.Used && len(line) > 0 && len(shown[reason]) < examples {
			shown[reason] = append(shown[reason], example{Line: n, Text: quoteExample(line)})
		}
	}
	reader.Flush()
	stats := reader.Stats()
	r.Total, r.Used = stats.Lines, stats.ByReason[logs.Used]
	for _, reason := range logs.Reasons() {
		if n := stats.ByReason[reason]; n > 0 {
			r.NotUsed = append(r.NotUsed, unused{Reason: reason.String(), Count: n, Examples: shown[reason]})
		}
	}
	r.Tally.finish()
	return err
}

// quoteExample is the beginning of a line, with all bytes written out that a
// terminal could take for more than text.
func quoteExample(line []byte) string {
	var b strings.Builder
	for _, c := range line[:min(len(line), exampleBytes)] {
		if c >= ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	if len(line) > exampleBytes {
		b.WriteString("...")
	}
	return b.String()
}

// notUsed adds the counters of sensor, dnstap or dnswire that are reasons why
// something was not used: those that there are words for.
func (r *report) notUsed(stats any) {
	counters.Each(stats, func(name string, n uint64) {
		if n > 0 && reasonWords[name] != "" {
			r.NotUsed = append(r.NotUsed, unused{Reason: name, Count: n})
		}
	})
}

// restNotUsed adds what no other reason was counted for.
func (r *report) restNotUsed() {
	counted := r.Used
	for _, reason := range r.NotUsed {
		counted += reason.Count
	}
	if counted < r.Total {
		r.NotUsed = append(r.NotUsed, unused{Reason: "rest", Count: r.Total - counted})
	}
}

// readCapture reads a capture for DNS, and where there is none for exports.
func (r *report) readCapture(path string, config evidence.Config) error {
	err := r.readFrames(path, config)
	if r.Used > 0 || r.Total == 0 {
		return err
	}
	f, flowErr := exports.Open(path, netflow.NewDecoder(netflow.Config{}), exports.NewFileSamples(config))
	if flowErr != nil {
		return errors.Join(err, flowErr)
	}
	defer f.Close()
	for {
		_, datagram, ok := f.Pull()
		if !ok {
			break
		}
		r.Flows += uint64(len(datagram.Records))
		for i := range datagram.Records {
			r.Tally.at(datagram.Records[i].StartNs)
		}
	}
	if r.Flows > 0 {
		r.Title, r.Carries, r.Caveat, r.NotUsed = "Flow exports in packets (pcap, pcapng)", nil, "", nil
		r.Tally.finish()
	}
	return err
}

// readFrames reads a file of DNS messages.
func (r *report) readFrames(path string, config evidence.Config) error {
	f, err := evidence.Open(path, config)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		_, piece, ok := f.Pull()
		if !ok {
			break
		}
		if isEvidence(&piece.Response) {
			r.Used++
			r.Tally.response(&piece.Response)
		}
	}
	r.Total = f.Things()
	f.Accounts(func(_ string, stats any) { r.notUsed(stats) })
	r.restNotUsed()
	r.Tally.finish()
	if err := f.EndedEarly(); err != nil {
		return fmt.Errorf("%w: what came before is used", err)
	}
	return nil
}

// isEvidence says whether a response tells anything: a capture's first shows
// only when it began.
func isEvidence(r *dnscache.Response) bool { return len(r.Name) > 0 || r.Client.IsValid() }
