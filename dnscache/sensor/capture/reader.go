package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow is four times what RFC 8878 section 3.1.1.1.2 asks of every
// decoder and enough for zstd -20 without --long. The decoder allocates what
// the frame header says at once (128 MiB from 19 bytes, when it was allowed),
// so this is also what a lying header can cost.
const maxZstdWindow = 32 << 20

// ReaderStats counts what a Reader gave and what it had to pass over.
type ReaderStats struct {
	Frames           uint64 // frames given
	Bytes            uint64 // captured bytes of those frames
	OversizePackets  uint64 // pcapng packets over MaxFrameLen, passed over
	BadBlocks        uint64 // pcapng blocks whose inside is wrong, passed over
	UnknownInterface uint64 // pcapng packets of an interface that was not described
	BadInterfaces    uint64 // pcapng interfaces over the limit or without a usable description
	SkippedBlocks    uint64 // pcapng blocks that are not about packets
	SkippedSections  uint64 // pcapng sections of a version that is not 1.x
	BadTrailers      uint64 // pcapng blocks whose two lengths differ
	BadTimes         uint64 // times beyond the years that nanoseconds can say
}

// A Reader gives the frames of one capture file. Use NewReader.
type Reader struct {
	src     *source
	br      *bufio.Reader
	order   binary.ByteOrder
	next    func() (Frame, error)
	pending int   // bytes of the frame given last, still in br
	err     error // sticks
	stats   ReaderStats

	pcap pcapState
	ng   ngState
}

// NewReader recognises what r holds. The error is ErrFormat for what is no
// capture, or too short to be known as one, and ErrTruncated for a header that
// is cut. It does not close r.
func NewReader(r io.Reader) (*Reader, error) {
	src := &source{r: r}
	rd := &Reader{src: src, br: bufio.NewReaderSize(src, MaxFrameLen+4096)}
	kind, err := rd.sniff()
	if err != nil {
		return nil, err
	}
	if kind == KindGzip || kind == KindZstd {
		inner, err := decompress(kind, rd.br)
		if err != nil {
			return nil, rd.cutError(err)
		}
		rd.br = bufio.NewReaderSize(inner, MaxFrameLen+4096)
		if kind, err = rd.sniff(); err != nil {
			return nil, err
		}
	}
	switch kind {
	case KindPcap:
		rd.next, err = rd.nextPcap, rd.openPcap()
	case KindPcapNG:
		rd.next = rd.nextNG
	default:
		err = ErrFormat
	}
	if err != nil {
		return nil, err
	}
	return rd, nil
}

func (r *Reader) sniff() (Kind, error) {
	prefix, err := r.br.Peek(SniffLen)
	if err != nil && !errors.Is(err, io.EOF) {
		return KindUnknown, r.cutError(err)
	}
	return Sniff(prefix), nil
}

func decompress(kind Kind, r io.Reader) (io.Reader, error) {
	if kind == KindGzip {
		return gzip.NewReader(r) // reads all members of the file
	}
	// One at a time: no goroutines, so that nothing needs to be closed.
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow))
}

// Next is the next frame, io.EOF at a clean end, ErrTruncated where the file
// was cut, ErrCorrupt or an error of the underlying reader. Errors stick.
func (r *Reader) Next() (Frame, error) {
	if r.err != nil {
		return Frame{}, r.err
	}
	r.drop()
	f, err := r.next()
	if err != nil {
		r.err = err
		return Frame{}, err
	}
	r.stats.Frames++
	r.stats.Bytes += uint64(len(f.Data))
	return f, nil
}

// Stats is what has been counted so far.
func (r *Reader) Stats() ReaderStats { return r.stats }

// drop releases the frame that was given last.
func (r *Reader) drop() {
	if r.pending > 0 {
		// Peek has seen these bytes, so they are there.
		_, _ = r.br.Discard(r.pending)
		r.pending = 0
	}
}

// peek is the next n bytes, which stay in the buffer. At the end of the input
// it is io.EOF where nothing is left, ErrTruncated where less than n is.
func (r *Reader) peek(n int) ([]byte, error) {
	b, err := r.br.Peek(n)
	if err == nil {
		return b, nil
	}
	if errors.Is(err, io.EOF) && len(b) == 0 {
		return nil, io.EOF
	}
	return nil, r.cutError(err)
}

// need is peek where an end is never clean.
func (r *Reader) need(n int) ([]byte, error) {
	b, err := r.peek(n)
	if err == io.EOF {
		err = ErrTruncated
	}
	return b, err
}

// skip passes over n bytes that need not be in the buffer.
func (r *Reader) skip(n int64) error {
	for n > 0 {
		step := min(n, 1<<30)
		if _, err := r.br.Discard(int(step)); err != nil {
			return r.cutError(err)
		}
		n -= step
	}
	return nil
}

// cutError gives the errors of readers and decompressors their meaning.
func (r *Reader) cutError(err error) error {
	switch {
	case r.src.err != nil && errors.Is(err, r.src.err):
		return fmt.Errorf("capture: reading: %w", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrTruncated
	}
	// The source is well, so a decompressor does not like what it holds.
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// source remembers the errors that are the input's own, to tell them from those
// of a decompressor over it.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
