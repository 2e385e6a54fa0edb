package input

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"

	"flowname/dnscache/logs"
)

// logHead is how much of a file its format is told from.
const logHead = 64 << 10

// PeekFormat tells the format of a log from its head, without reading on; nil
// if it is none that is known.
func PeekFormat(r *bufio.Reader) (*logs.Format, error) {
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

// CutFormat takes a format's name and a colon off the front of a path: the
// format is nil where the path begins with none.
func CutFormat(text string) (format *logs.Format, path string) {
	if name, path, ok := strings.Cut(text, ":"); ok {
		if format = logs.ByName(name); format != nil {
			return format, path
		}
	}
	return nil, text
}
