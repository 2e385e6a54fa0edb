package main

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

// A fileKind is what an input file turned out to be, by its content.
type fileKind int

const (
	kindUnknown  fileKind = iota
	kindCapture           // pcap or pcapng
	kindDnstap            // a frame stream
	kindPowerDNS          // a stream of protobuf messages
	kindLog               // lines of a known format
)

var kindTexts = [...]string{
	kindUnknown:  "none",
	kindCapture:  "a capture",
	kindDnstap:   "a dnstap stream: give it with --dns",
	kindPowerDNS: "a stream of PowerDNS messages: give it with --dns",
	kindLog:      "a log of DNS evidence: give it with --dns",
}

// An input is an opened file, unpacked, with its kind.
type input struct {
	path   string
	kind   fileKind
	packed []string     // what it is packed with, the outermost first
	format *logs.Format // of a log
	reader *bufio.Reader
	file   *os.File
	zstd   *zstd.Decoder
	size   int64
	read   atomic.Int64 // packed bytes so far, for the progress line
}

// maxPacking is how deeply a file may be packed: a packed file packed again is
// more likely a bomb than a capture.
const maxPacking = 2

var errEmpty = errors.New("the file is empty")

// openInput opens a file and tells its kind.
func openInput(path string) (*input, error) {
	in, err := openFile(path)
	if err != nil {
		return nil, err
	}
	if err := in.sniff(); err != nil {
		in.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}

// openPacked opens a file of any kind, unpacked; nil where it is empty.
func openPacked(path string) (*input, error) {
	in, err := openFile(path)
	if err != nil {
		return nil, err
	}
	switch _, err := in.unpack(); {
	case errors.Is(err, errEmpty):
		in.close()
		return nil, nil
	case err != nil:
		in.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}

func openFile(path string) (*input, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := &input{path: path, file: file}
	if info, err := file.Stat(); err == nil {
		in.size = info.Size()
	}
	in.reader = bufio.NewReaderSize(in.countReads(file), 1<<20)
	return in, nil
}

func (in *input) sniff() error {
	head, err := in.unpack()
	if err != nil {
		return err
	}
	switch kind := capture.Sniff(head); {
	case kind == capture.KindPcap || kind == capture.KindPcapNG:
		in.kind = kindCapture
	case dnstap.IsFrameStream(head):
		in.kind = kindDnstap
	case in.isPowerDNS():
		in.kind = kindPowerDNS
	default:
		in.format, err = peekLogFormat(in.reader)
		if in.format != nil {
			in.kind = kindLog
		}
	}
	return err
}

// isPowerDNS says whether the unpacked file is a stream of PowerDNS's messages.
func (in *input) isPowerDNS() bool {
	head, _ := in.reader.Peek(logHead)
	return powerdns.Is(head)
}

// unpack makes in.reader give the unpacked content, and returns its head.
func (in *input) unpack() (head []byte, err error) {
	for range maxPacking + 1 {
		head, err := in.reader.Peek(16)
		if len(head) == 0 {
			return nil, errEmpty
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		switch capture.Sniff(head) {
		case capture.KindGzip:
			z, err := gzip.NewReader(in.reader)
			if err != nil {
				return nil, err
			}
			in.packed = append(in.packed, "gzip")
			in.reader = bufio.NewReaderSize(z, 1<<20)
		case capture.KindZstd:
			z, err := zstd.NewReader(in.reader, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
			if err != nil {
				return nil, err
			}
			in.zstd = z
			in.packed = append(in.packed, "zstd")
			in.reader = bufio.NewReaderSize(z, 1<<20)
		default:
			return head, nil
		}
	}
	return nil, errors.New("packed too often")
}

func (in *input) close() {
	if in.zstd != nil {
		in.zstd.Close()
	}
	in.file.Close()
}

// countReads counts what is read of the packed file.
func (in *input) countReads(r io.Reader) io.Reader { return &countingReader{r, &in.read} }

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
