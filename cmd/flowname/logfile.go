package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
	_ "time/tzdata" // --log-zone works where the system has no zones

	"flowname/cmd/flowname/command"
	"flowname/dnscache/logs"
)

// logHead is how much of a file its format is told from.
const logHead = 64 << 10

// peekLogFormat tells the format of a log from its head, without reading on; nil
// if it is none that is known.
func peekLogFormat(r *bufio.Reader) (*logs.Format, error) {
	head, err := r.Peek(logHead)
	if err != nil && len(head) == 0 && !errors.Is(err, io.EOF) {
		return nil, err
	}
	whole := errors.Is(err, io.EOF) // another error comes again where reading gets there
	var lines [][]byte
	for line := range bytes.Lines(head) {
		if line[len(line)-1] != '\n' && !whole && len(lines) > 0 {
			break // torn by the end of the head
		}
		lines = append(lines, bytes.TrimRight(line, "\r\n"))
	}
	return logs.Sniff(lines), nil
}

// cutLogFormat takes a format's name and a colon off the front of a path: the
// format is nil where the path begins with none.
func cutLogFormat(text string) (format *logs.Format, path string) {
	if name, path, ok := strings.Cut(text, ":"); ok {
		if format = logs.ByName(name); format != nil {
			return format, path
		}
	}
	return nil, text
}

// LogFlags are the flags of all commands that read logs.
type LogFlags struct {
	LogZone string `name:"log-zone" help:"Zone of the times in logs that have none, such as Europe/Berlin or Local (default ${default})." default:"UTC" placeholder:"ZONE"`
}

// config is what a log that was last written at that time does not say of
// itself.
func (f *LogFlags) config(written time.Time) (logs.Config, error) {
	zone, err := time.LoadLocation(f.LogZone)
	if err != nil {
		return logs.Config{}, command.Usagef("--log-zone: %q is no time zone such as Europe/Berlin", f.LogZone)
	}
	return logs.Config{Location: zone, ReferenceNs: written.UnixNano()}, nil
}
