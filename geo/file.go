package geo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// What can be wrong with a file; an OpenError wraps one of them, or the
// system's error.
var (
	ErrNotMMDB    = errors.New("not an MMDB file")
	ErrDamaged    = errors.New("damaged MMDB file")
	ErrTooLarge   = errors.New("file too large")
	ErrNotRegular = errors.New("not a regular file")
	ErrChanging   = errors.New("file changed while it was read")
	ErrNoFacts    = errors.New("no known facts in its records")
	ErrWrongFacts = errors.New("not the facts wanted")
)

// An OpenError says which file can not be used, why, and what to do.
type OpenError struct {
	Path   string
	Err    error
	Advice string
}

// Error is one line.
func (e *OpenError) Error() string {
	s := fmt.Sprintf("geo: %s: %v", e.Path, e.Err)
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return s
}

// Unwrap gives the reason.
func (e *OpenError) Unwrap() error { return e.Err }

// maxFileSize is the largest file that is read. The largest databases sold have
// about 1 GB.
const maxFileSize = 2 << 30

// headSize is how many bytes show what a file is.
const headSize = 64

// readFile reads a regular file whole, and gives its state at that time.
func readFile(path string) ([]byte, os.FileInfo, error) {
	// Before opening: to open a pipe would wait for its writer.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, nil, &OpenError{path, ErrNotRegular, "give the path of an .mmdb file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, &OpenError{path, reason(err), "check the path and its permissions"}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, &OpenError{path, reason(err), ""}
	}
	if info.Size() > maxFileSize {
		return nil, nil, &OpenError{path, fmt.Errorf("%w: %d bytes", ErrTooLarge, info.Size()),
			fmt.Sprintf("the most that is read is %d bytes", int64(maxFileSize))}
	}
	if head, ok := checkEnds(f, info.Size()); !ok {
		return nil, nil, notMMDB(path, head)
	}
	buf := make([]byte, info.Size())
	_, err = io.ReadFull(f, buf)
	after, statErr := f.Stat()
	if errors.Is(err, io.ErrUnexpectedEOF) || statErr == nil && !sameState(info, after) {
		return nil, nil, &OpenError{path, ErrChanging,
			"write new databases beside the old one and rename them over it"}
	}
	if err != nil && err != io.EOF {
		return nil, nil, &OpenError{path, reason(err), ""}
	}
	return buf, info, nil
}

// checkEnds looks for the metadata where it has to be, in the last 128 KiB, so
// that no large file that is something else is read whole. If it is not there
// head is the first bytes of the file.
func checkEnds(f *os.File, size int64) (head []byte, ok bool) {
	const metadataMost = 128 << 10 // MaxMind DB File Format 2.0
	tail := make([]byte, min(size, metadataMost))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err == nil && bytes.Contains(tail, []byte(metadataMarker)) {
		return nil, true
	}
	head = make([]byte, min(size, headSize))
	n, _ := f.ReadAt(head, 0)
	return head[:n], false
}

// reason leaves out the path, which an OpenError says already.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// sameState reports whether a file is the same and unchanged: device and inode,
// size and time of change.
func sameState(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// notMMDB says what a file that is none looks like by its first bytes.
func notMMDB(path string, head []byte) error {
	advice := "download it again"
	switch {
	case len(head) == 0:
		advice = "the file is empty; download it again"
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		advice = "it is packed with gzip: unpack it with gunzip, or tar -xzf if it is an archive"
	case bytes.HasPrefix(head, []byte("PK")), bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")),
		bytes.HasPrefix(head, []byte("\xfd7zXZ")):
		advice = "it is a packed file: unpack it first"
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")):
		advice = "it is a web page, perhaps one that says why the download failed"
	}
	return &OpenError{path, ErrNotMMDB, advice}
}

func damaged(path, what string) error {
	return &OpenError{path, fmt.Errorf("%w: %s", ErrDamaged, what), "download it again"}
}

func badHeader(path string, m *maxminddb.Metadata) error {
	return damaged(path, fmt.Sprintf("format %d, IP version %d, record size %d are not known",
		m.BinaryFormatMajorVersion, m.IPVersion, m.RecordSize))
}

func noFacts(path, dbType string, keys []string) error {
	holds := "no records"
	if len(keys) > 0 {
		holds = strings.Join(keys, ", ")
	}
	return &OpenError{path, fmt.Errorf("%w: type %q holds %s", ErrNoFacts, dbType, holds),
		"wanted is an ASN, country or city database as MaxMind, DB-IP or IPinfo make them"}
}
