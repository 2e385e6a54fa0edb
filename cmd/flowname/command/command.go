package command

import (
	"fmt"
	"io"
	"os"
)

// Streams are where a command reads and writes: data goes to stdout, all else to
// stderr.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// OnTerminal tells whether a person sees what is written.
func OnTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A UsageError is a wrong use of the command line that only the command
// itself can see.
type UsageError struct{ text string }

func (e *UsageError) Error() string { return e.text }

// Usagef makes a UsageError of a text.
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}
