package indicators

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// What can be wrong with a feed as a whole. Returned errors wrap one of these,
// or what reading gave.
var (
	// ErrPacked is a feed that is packed more than twice.
	ErrPacked = errors.New("packed too often")
	// ErrSyntax is JSON that is torn or wrong.
	ErrSyntax = errors.New("not JSON")
	// ErrFeeds is one feed more than a Set tells apart.
	ErrFeeds = errors.New("too many feeds")
)

const (
	maxLine    = 64 << 10
	maxPacking = 2
	maxFirst   = 10
	maxExample = 80
)

// A reading is a feed while it is read.
type reading struct {
	b      *Builder
	feed   uint16
	in     *bufio.Reader
	report Report
	line   uint64
	item   item
}

// Read adds what a feed gives. Where it ends with an error, what was read before
// is there, and the Report tells of it.
func (b *Builder) Read(feed string, in io.Reader) (Report, error) {
	number, ok := b.feed(feed)
	if !ok {
		return Report{}, ErrFeeds
	}
	r := &reading{b: b, feed: number, in: bufio.NewReaderSize(in, maxLine)}
	closeIt, err := r.unpack()
	defer closeIt()
	if err == nil {
		err = r.read()
	}
	return r.report, err
}

// unpack makes r.in give the unpacked content.
func (r *reading) unpack() (closeIt func(), err error) {
	closeIt = func() {}
	for range maxPacking + 1 {
		head, _ := r.in.Peek(4)
		switch {
		case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
			z, err := gzip.NewReader(r.in)
			if err != nil {
				return closeIt, err
			}
			r.in = bufio.NewReaderSize(z, maxLine)
		case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
			z, err := zstd.NewReader(r.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
			if err != nil {
				return closeIt, err
			}
			before := closeIt
			closeIt = func() { z.Close(); before() }
			r.in = bufio.NewReaderSize(z, maxLine)
		default:
			return closeIt, nil
		}
	}
	return closeIt, ErrPacked
}

func (r *reading) read() error {
	if head, _ := r.in.Peek(3); string(head) == "\xef\xbb\xbf" {
		_, _ = r.in.Discard(3) // just peeked
	}
	head, err := r.in.Peek(maxLine)
	if err != nil && err != io.EOF {
		return err
	}
	var shape csvShape
	r.report.Format, shape = sniff(head)
	switch r.report.Format {
	case MISP, STIX:
		return r.readJSON()
	case RPZ:
		return r.readZone()
	case CSV:
		return r.eachLine(func(line string) { r.readCSV(strings.TrimSpace(line), &shape) })
	case Hosts:
		return r.eachLine(func(line string) { r.readHosts(strings.TrimSpace(line)) })
	default:
		return r.eachLine(func(line string) { r.readList(strings.TrimSpace(line)) })
	}
}

// eachLine calls do for each line without its end.
func (r *reading) eachLine(do func(line string)) error {
	for {
		line, err := r.in.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			return notEOF(err)
		}
		r.line++
		r.report.Lines++
		if err == bufio.ErrBufferFull {
			r.refuse(TooLong, string(line[:maxExample]))
			for err == bufio.ErrBufferFull {
				_, err = r.in.ReadSlice('\n')
			}
		} else {
			do(string(bytes.TrimRight(line, " \t\r\n")))
		}
		if err != nil {
			return notEOF(err)
		}
	}
}

func notEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// take reads one indicator and files it.
func (r *reading) take(text string, of reach) {
	if reason := r.item.read(text, of); reason != taken {
		r.refuse(reason, text)
		return
	}
	r.file(text)
}

// file adds the item at hand.
func (r *reading) file(text string) {
	switch r.b.add(&r.item, r.feed) {
	case addedNew:
		r.report.Entries++
	case addedAgain:
		r.report.Again++
	default:
		r.refuse(Full, text)
	}
}

func (r *reading) refuse(reason Reason, text string) {
	r.report.Refused[reason]++
	if len(r.report.First) < maxFirst {
		r.report.First = append(r.report.First, Refusal{Line: r.line, Reason: reason, Text: text[:min(len(text), maxExample)]})
	}
}

// String says in a line what became of a feed.
func (r *Report) String() string {
	s := fmt.Sprintf("%d entries (%v)", r.Entries, r.Format)
	if r.Again > 0 {
		s += fmt.Sprintf(", %d again", r.Again)
	}
	for _, reason := range Reasons() {
		if n := r.Refused[reason]; n > 0 {
			s += fmt.Sprintf(", %d refused: %v", n, reason)
		}
	}
	return s
}
