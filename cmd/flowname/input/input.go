// Package input opens the files that commands are given and tells what they are by
// their content, packed or not.
package input

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"flowname/dnscache/dnstap"
	"flowname/dnscache/logs"
	"flowname/dnscache/powerdns"
	"flowname/dnscache/sensor/capture"
)

// A Kind is what an input file turned out to be, by its content.
type Kind int

// The kinds of files.
const (
	Unknown  Kind = iota
	Capture       // pcap or pcapng
	Dnstap        // a frame stream
	PowerDNS      // a stream of protobuf messages
	Log           // lines of a known format
)

var kindTexts = [...]string{
	Unknown:  "none",
	Capture:  "a capture",
	Dnstap:   "a dnstap stream: give it with --dns",
	PowerDNS: "a stream of PowerDNS messages: give it with --dns",
	Log:      "a log of DNS evidence: give it with --dns",
}

// String is what is said of a file of the kind where it should be another.
func (k Kind) String() string { return kindTexts[k] }

// A File is an opened file, unpacked, with its kind.
type File struct {
	Path   string
	Kind   Kind
	Packed []string     // what it is packed with, the outermost first
	Format *logs.Format // of a log
	Reader *bufio.Reader
	file   *os.File
	zstd   *zstd.Decoder
	size   int64
	read   atomic.Int64 // packed bytes so far, for the progress line
}

// maxPacking is how deeply a file may be packed: a packed file packed again is
// more likely a bomb than a capture.
const maxPacking = 2

var errEmpty = errors.New("the file is empty")

// Open opens a file and tells its kind.
func Open(path string) (*File, error) {
	in, err := openFile(path)
	if err != nil {
		return nil, err
	}
	if err := in.sniff(); err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}

// OpenPacked opens a file of any kind, unpacked; nil where it is empty.
func OpenPacked(path string) (*File, error) {
	in, err := openFile(path)
	if err != nil {
		return nil, err
	}
	switch _, err := in.unpack(); {
	case errors.Is(err, errEmpty):
		in.Close()
		return nil, nil
	case err != nil:
		in.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}

func openFile(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := &File{Path: path, file: file}
	if info, err := file.Stat(); err == nil {
		in.size = info.Size()
	}
	in.Reader = bufio.NewReaderSize(in.countReads(file), 1<<20)
	return in, nil
}

func (in *File) sniff() error {
	head, err := in.unpack()
	if err != nil {
		return err
	}
	switch kind := capture.Sniff(head); {
	case kind == capture.KindPcap || kind == capture.KindPcapNG:
		in.Kind = Capture
	case dnstap.IsFrameStream(head):
		in.Kind = Dnstap
	case in.IsPowerDNS():
		in.Kind = PowerDNS
	default:
		in.Format, err = PeekFormat(in.Reader)
		if in.Format != nil {
			in.Kind = Log
		}
	}
	return err
}

// IsPowerDNS says whether the unpacked file is a stream of PowerDNS's messages.
func (in *File) IsPowerDNS() bool {
	head, _ := in.Reader.Peek(logHead)
	return powerdns.Is(head)
}

// unpack makes in.Reader give the unpacked content, and returns its head.
func (in *File) unpack() (head []byte, err error) {
	for range maxPacking + 1 {
		head, err := in.Reader.Peek(16)
		if len(head) == 0 {
			return nil, errEmpty
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		switch capture.Sniff(head) {
		case capture.KindGzip:
			z, err := gzip.NewReader(in.Reader)
			if err != nil {
				return nil, err
			}
			in.Packed = append(in.Packed, "gzip")
			in.Reader = bufio.NewReaderSize(z, 1<<20)
		case capture.KindZstd:
			z, err := zstd.NewReader(in.Reader, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
			if err != nil {
				return nil, err
			}
			in.zstd = z
			in.Packed = append(in.Packed, "zstd")
			in.Reader = bufio.NewReaderSize(z, 1<<20)
		default:
			return head, nil
		}
	}
	return nil, errors.New("packed too often")
}

// Stat describes the file.
func (in *File) Stat() (os.FileInfo, error) { return in.file.Stat() }

// Done is how many bytes of the file are read, packed as they are, and how many
// there are.
func (in *File) Done() (read, size int64) { return in.read.Load(), in.size }

// Close closes the file.
func (in *File) Close() {
	if in.zstd != nil {
		in.zstd.Close()
	}
	in.file.Close()
}

// countReads counts what is read of the packed file.
func (in *File) countReads(r io.Reader) io.Reader { return &countingReader{r, &in.read} }

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
