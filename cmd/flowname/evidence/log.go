package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/input"
	"flowname/dnscache"
	"flowname/dnscache/logs"
)

// SplitFormat reads FORMAT:PATH or PATH; without a format the content tells. A
// FORMAT that there is not is said, unless it is the beginning of a file's name.
func SplitFormat(text string) (*logs.Format, string, error) {
	format, path := input.CutFormat(text)
	name, _, colon := strings.Cut(text, ":")
	if format != nil || !colon || strings.ContainsAny(name, "./") {
		return format, path, nil
	}
	if _, err := os.Stat(text); errors.Is(err, fs.ErrNotExist) {
		return nil, text, command.Usagef("%s: no format is called %q, and there is no file of this name: see 'flowname formats'", text, name)
	}
	return nil, text, nil
}

// openLog reads a log. Times without a year are taken to be before the file was
// last written.
func (f *File) openLog(config logs.Config) {
	config.ReferenceNs = time.Now().UnixNano()
	if info, err := f.in.Stat(); err == nil && info.Mode().IsRegular() {
		config.ReferenceNs = info.ModTime().UnixNano()
	}
	lines := logs.NewLines(f.in.Reader)
	reader := logs.NewReader(f.in.Format, config, logs.Sink{
		Response:   f.keep,
		Connection: func(c *dnscache.Connection) { f.ready = append(f.ready, Piece{Connection: clonedConnection(c)}) },
	})
	f.step = func() error {
		line, ended, err := lines.Next()
		switch {
		case err != nil:
			return err
		case ended:
			reader.Line(line)
		default:
			reader.Unended(line)
		}
		return nil
	}
	f.flush = reader.Flush
	f.accounts = func(tell func(string, any)) {
		stats := reader.Stats()
		tell(f.in.Format.Name, stats)
		tell(f.in.Format.Name+" lines", linesByReason(&stats))
	}
}

// A reasonCount is how many lines became what.
type reasonCount struct {
	reason string
	lines  uint64
}

// linesByReason is what became of lines, the used ones first, without reasons that
// did not occur.
func linesByReason(stats *logs.Stats) (counts []reasonCount) {
	for _, reason := range append([]logs.Reason{logs.Used}, logs.Reasons()...) {
		if n := stats.ByReason[reason]; n > 0 {
			counts = append(counts, reasonCount{reason.String(), n})
		}
	}
	return counts
}

func (c reasonCount) String() string { return fmt.Sprintf("%s=%d", c.reason, c.lines) }
