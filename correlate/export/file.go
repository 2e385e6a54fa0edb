package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// flushAt is how many buffered bytes are written without waiting for a Flush.
const flushAt = 256 << 10

// A File is a sink of whole lines: a named file, or a stream that it neither
// opens nor closes. It belongs to one goroutine. Lines that can not be written
// are lost and counted; what was written stays whole lines.
type File struct {
	path  string // empty for a stream
	out   io.Writer
	file  *os.File // nil for a stream
	buf   []byte
	stats FileStats
}

// FileStats count what a File has written.
type FileStats struct {
	Bytes uint64
	// LostLines could not be written, in Errors failed writes.
	LostLines, Errors uint64
}

// OpenFile opens a file for appending, and makes it where there is none.
func OpenFile(path string) (*File, error) {
	return openFile(path, 0)
}

// CreateFile opens a file anew: what was in it is gone.
func CreateFile(path string) (*File, error) {
	return openFile(path, os.O_TRUNC)
}

func openFile(path string, flag int) (*File, error) {
	f := &File{path: path, buf: make([]byte, 0, 2*flushAt)}
	if err := f.open(flag); err != nil {
		return nil, err
	}
	return f, nil
}

// NewStream returns a sink that writes to an open stream.
func NewStream(w io.Writer) *File {
	return &File{out: w, buf: make([]byte, 0, 2*flushAt)}
}

func (f *File) open(flag int) error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_RDWR|os.O_APPEND|flag, 0o644)
	if err != nil {
		return err
	}
	if err := closeTornLine(file); err != nil {
		file.Close()
		return fmt.Errorf("open %s: %w", f.path, err)
	}
	f.file, f.out = file, file
	return nil
}

// closeTornLine ends the line that a crash cut short, so that the next line
// does not become part of it. Pipes and devices have no end to look at.
func closeTornLine(file *os.File) error {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, info.Size()-1); err != nil {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	_, err = file.Write([]byte{'\n'})
	return err
}

// Write takes whole lines: many are written at once, few buffered, as a copy.
// Errors are as Flush's.
func (f *File) Write(lines []byte) error {
	if len(lines) >= flushAt {
		return errors.Join(f.Flush(), f.write(lines))
	}
	f.buf = append(f.buf, lines...)
	if len(f.buf) < flushAt {
		return nil
	}
	return f.Flush()
}

// Flush writes what is buffered. After an error the lines that were not
// written are lost, and a line that was written in part is taken back where
// the file allows it.
func (f *File) Flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	err := f.write(f.buf)
	f.buf = f.buf[:0]
	return err
}

func (f *File) write(lines []byte) error {
	n, err := f.out.Write(lines)
	if err != nil {
		n = f.takeBackTorn(lines[:n])
		f.stats.Errors++
		f.stats.LostLines += uint64(bytes.Count(lines[n:], []byte{'\n'}))
	}
	f.stats.Bytes += uint64(n)
	return err
}

// takeBackTorn cuts the file back to the last whole line of what was written of a
// write and returns how many bytes of it stay.
func (f *File) takeBackTorn(lines []byte) int {
	written := len(lines)
	whole := bytes.LastIndexByte(lines, '\n') + 1
	if whole == written || f.file == nil {
		return written
	}
	info, err := f.file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return written
	}
	if f.file.Truncate(info.Size()-int64(written-whole)) != nil {
		return written
	}
	return whole
}

// Reopen flushes, closes the file and opens its path again, as log rotation
// wants after it has renamed the file away. Where the path can not be
// opened, the old file stays in use. A stream is only flushed.
func (f *File) Reopen() error {
	err := f.Flush()
	if f.file == nil {
		return err
	}
	old := f.file
	if openErr := f.open(0); openErr != nil {
		return errors.Join(err, openErr)
	}
	return errors.Join(err, old.Close())
}

// Close flushes and closes the file; a stream stays open.
func (f *File) Close() error {
	err := f.Flush()
	if f.file == nil {
		return err
	}
	return errors.Join(err, f.file.Close())
}

// IsStream tells that the sink is a stream, which can not be opened again.
func (f *File) IsStream() bool { return f.path == "" }

// Stats returns the counters so far.
func (f *File) Stats() FileStats { return f.stats }
