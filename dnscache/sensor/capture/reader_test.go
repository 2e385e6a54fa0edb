package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// readAll is all frames of a capture and the error that ended it, io.EOF for
// none.
func readAll(r io.Reader) ([]Frame, ReaderStats, error) {
	rd, err := NewReader(r)
	if err != nil {
		return nil, ReaderStats{}, err
	}
	var frames []Frame
	for {
		f, err := rd.Next()
		if err != nil {
			if _, again := rd.Next(); again != err {
				return nil, ReaderStats{}, errors.New("the error did not stick")
			}
			return frames, rd.Stats(), err
		}
		f.Data = bytes.Clone(f.Data)
		frames = append(frames, f)
	}
}

type container struct {
	name    string
	kind    Kind
	content []byte
}

func containers(t testing.TB) []container {
	le, be := binary.LittleEndian, binary.BigEndian
	frames := sample()
	micro := pcapFile(le, false, 1, frames)
	ng := pcapngFile(le, frames)
	return []container{
		{"pcap", KindPcap, micro},
		{"pcap, big-endian", KindPcap, pcapFile(be, false, 1, frames)},
		{"pcap, nanoseconds", KindPcap, pcapFile(le, true, 1, frames)},
		{"pcap, nanoseconds, big-endian", KindPcap, pcapFile(be, true, 1, frames)},
		{"pcap, frame check sequence", KindPcap, pcapFile(le, true, 0x24000001, frames)},
		{"pcapng", KindPcapNG, ng},
		{"pcapng, big-endian", KindPcapNG, pcapngFile(be, frames)},
		{"pcap, gzip", KindGzip, gzipped(t, micro)},
		{"pcap, gzip in members", KindGzip, gzipped(t, micro[:30], micro[30:100], nil, micro[100:])},
		{"pcapng, gzip", KindGzip, gzipped(t, ng)},
		{"pcap, zstd", KindZstd, zstandard(t, micro)},
		{"pcapng, zstd in frames", KindZstd, append(zstandard(t, ng[:50]), zstandard(t, ng[50:])...)},
		{"pcap, zstd behind a skippable frame", KindZstd,
			append([]byte{0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9}, zstandard(t, micro)...)},
	}
}

func TestReader(t *testing.T) {
	for _, c := range containers(t) {
		if k := Sniff(c.content); k != c.kind {
			t.Errorf("%s: sniffed as %v", c.name, k)
		}
		for _, r := range []io.Reader{bytes.NewReader(c.content), iotest.OneByteReader(bytes.NewReader(c.content))} {
			frames, stats, err := readAll(r)
			if err != io.EOF {
				t.Errorf("%s: ended with %v", c.name, err)
			}
			if diff := cmp.Diff(sample(), frames); diff != "" {
				t.Errorf("%s: (-want +got):\n%s", c.name, diff)
			}
			if want := (ReaderStats{Frames: 4, Bytes: 5 + 11 + 99}); stats != want {
				t.Errorf("%s: stats %+v, want %+v", c.name, stats, want)
			}
		}
	}
}

// TestReaderTruncated cuts every container at every byte: what it gives is a
// beginning of the frames, and the end is never taken for a clean one except
// where it is one.
func TestReaderTruncated(t *testing.T) {
	want := sample()
	for _, c := range containers(t) {
		plain := c.kind == KindPcap || c.kind == KindPcapNG
		for n := range c.content {
			frames, _, err := readAll(bytes.NewReader(c.content[:n]))
			if len(frames) >= len(want) && plain {
				t.Fatalf("%s cut at %d: all frames", c.name, n)
			}
			for i, f := range frames {
				if diff := cmp.Diff(want[i], f); diff != "" {
					t.Fatalf("%s cut at %d: frame %d (-want +got):\n%s", c.name, n, i, diff)
				}
			}
			switch {
			case errors.Is(err, ErrTruncated), errors.Is(err, io.EOF):
			case errors.Is(err, ErrFormat) && n < 64:
			default:
				t.Fatalf("%s cut at %d: %v", c.name, n, err)
			}
		}
	}
}

// TestReaderTruncatedFrames has the exact ends of a plain file.
func TestReaderTruncatedFrames(t *testing.T) {
	frames := sample()
	for _, whole := range [][]byte{pcapFile(binary.LittleEndian, false, 1, frames), pcapngFile(binary.BigEndian, frames)} {
		for k := range frames {
			end := len(pcapFile(binary.LittleEndian, false, 1, frames[:k]))
			if Sniff(whole) == KindPcapNG {
				end = len(pcapngFile(binary.BigEndian, frames[:k]))
			}
			for cut, want := range map[int]error{end: io.EOF, end + 1: ErrTruncated, end + 15: ErrTruncated} {
				got, _, err := readAll(bytes.NewReader(whole[:cut]))
				if len(got) != k || !errors.Is(err, want) {
					t.Errorf("%v cut at %d: %d frames and %v, want %d and %v", Sniff(whole), cut, len(got), err, k, want)
				}
			}
		}
	}
}

// TestSectionsAndInterfaces has two sections of different byte order,
// interfaces of their own link type, resolution and offset, and all kinds of
// packet blocks.
func TestSectionsAndInterfaces(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	content := slices.Concat(
		section(le, 1),
		interfaceBlock(le, LinkEthernet, 0),
		interfaceBlock(le, LinkRaw, 4, option(le, 2, []byte("eth1")), option(le, 9, []byte{9}), option(le, 0, nil)),
		interfaceBlock(le, LinkSLL, 0, option(le, 9, []byte{0x80 | 10}), option(le, 14, le.AppendUint64(nil, 100))),
		interfaceBlock(le, LinkNull, 0, option(le, 9, []byte{0}), option(le, 14, le.AppendUint64(nil, 1<<64-3))),
		interfaceBlock(le, LinkLoop, 0, option(le, 9, []byte{12})),
		enhanced(le, 0, 1_000_001, []byte("a"), 1),
		block(le, 5, []byte("statistics")),
		enhanced(le, 1, 7, []byte("bb"), 2),
		enhanced(le, 2, 2048+512, []byte("ccc"), 3),
		enhanced(le, 3, 9, []byte("dddd"), 4),
		obsolete(le, 4, 5_000_000, []byte("e"), 1),
		simple(le, []byte("ffffff"), 6),
		section(be, 1),
		interfaceBlock(be, LinkRaw, 4),
		simple(be, []byte("gggg"), 100),
		enhanced(be, 0, 3, []byte("h"), 1),
		section(le, 2),
		interfaceBlock(le, LinkRaw, 4),
		enhanced(le, 0, 3, []byte("of another version"), 1),
		section(le, 1),
		interfaceBlock(le, LinkIPv4, 0),
		enhanced(le, 0, 4, []byte("i"), 1),
	)
	want := []Frame{
		{1_000_001_000, LinkEthernet, []byte("a"), 1},
		{7, LinkRaw, []byte("bb"), 2},
		{102_500_000_000, LinkSLL, []byte("ccc"), 3},
		{6_000_000_000, LinkNull, []byte("dddd"), 4},
		{5_000, LinkLoop, []byte("e"), 1},
		{5_000, LinkEthernet, []byte("ffffff"), 6},
		{5_000, LinkRaw, []byte("gggg"), 100},
		{3_000, LinkRaw, []byte("h"), 1},
		{4_000, LinkIPv4, []byte("i"), 1},
	}
	got, stats, err := readAll(bytes.NewReader(content))
	if err != io.EOF {
		t.Errorf("ended with %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if stats.SkippedBlocks != 1 || stats.SkippedSections != 1 {
		t.Errorf("stats %+v", stats)
	}
}

// TestBadBlocks has blocks that are wrong inside, each between two good
// packets.
func TestBadBlocks(t *testing.T) {
	le := binary.LittleEndian
	start := slices.Concat(section(le, 1), interfaceBlock(le, LinkEthernet, 0))
	good := enhanced(le, 0, 1, []byte("good"), 4)
	lying := enhanced(le, 0, 1, []byte("data"), 4)
	le.PutUint32(lying[20:], 1<<31)
	trailer := enhanced(le, 0, 1, []byte("good"), 4)
	le.PutUint32(trailer[len(trailer)-4:], 99)
	statistics := block(le, 5, nil)
	le.PutUint32(statistics[len(statistics)-4:], 99)
	huge := make([]byte, MaxFrameLen+8)
	cases := []struct {
		name  string
		bad   []byte
		given int // packets of the bad part
		want  func(*ReaderStats) *uint64
	}{
		{"a packet longer than its block", lying, 0, func(s *ReaderStats) *uint64 { return &s.BadBlocks }},
		{"a packet block without its header", block(le, ngEnhancedPacket, make([]byte, 8)), 0, func(s *ReaderStats) *uint64 { return &s.BadBlocks }},
		{"a simple packet block without its header", block(le, ngSimplePacket), 0, func(s *ReaderStats) *uint64 { return &s.BadBlocks }},
		{"a packet of no interface", enhanced(le, 9, 1, []byte("x"), 1), 0, func(s *ReaderStats) *uint64 { return &s.UnknownInterface }},
		{"a packet too long", enhanced(le, 0, 1, huge, len(huge)), 0, func(s *ReaderStats) *uint64 { return &s.OversizePackets }},
		{"an interface without its description", block(le, ngInterface, make([]byte, 4)), 0, func(s *ReaderStats) *uint64 { return &s.BadInterfaces }},
		{"options out of step", interfaceBlock(le, LinkRaw, 0, []byte{9, 0, 200, 0}), 0, nil},
		{"lengths that differ around a packet", trailer, 1, func(s *ReaderStats) *uint64 { return &s.BadTrailers }},
		{"lengths that differ around a block", statistics, 0, func(s *ReaderStats) *uint64 { return &s.BadTrailers }},
		{"long options", enhanced(le, 0, 1, []byte("good"), 4, bytes.Repeat(option(le, 1, make([]byte, 65532)), 5)), 1, nil},
		{"a long unknown block", block(le, 0x0bad, make([]byte, 3<<20)), 0, func(s *ReaderStats) *uint64 { return &s.SkippedBlocks }},
	}
	for _, c := range cases {
		frames, stats, err := readAll(bytes.NewReader(slices.Concat(start, good, c.bad, good)))
		if err != io.EOF || len(frames) != 2+c.given {
			t.Errorf("%s: %d frames and %v", c.name, len(frames), err)
		}
		for _, f := range frames {
			if string(f.Data) != "good" {
				t.Errorf("%s: frame %q", c.name, f.Data)
			}
		}
		if c.want != nil && *c.want(&stats) != 1 {
			t.Errorf("%s: stats %+v", c.name, stats)
		}
	}
	// The numbers of interfaces go on behind one that is not usable.
	frames, _, _ := readAll(bytes.NewReader(slices.Concat(start, block(le, ngInterface, make([]byte, 4)),
		interfaceBlock(le, LinkRaw, 0), enhanced(le, 2, 1, []byte("x"), 1), enhanced(le, 1, 1, []byte("y"), 1))))
	if len(frames) != 1 || frames[0].Link != LinkRaw {
		t.Errorf("frames %+v", frames)
	}
}

func TestTooManyInterfaces(t *testing.T) {
	le := binary.LittleEndian
	content := slices.Concat(section(le, 1), bytes.Repeat(interfaceBlock(le, LinkRaw, 0), ngMaxInterfaces+3))
	if _, stats, err := readAll(bytes.NewReader(content)); err != io.EOF || stats.BadInterfaces != 3 {
		t.Errorf("%v, stats %+v", err, stats)
	}
}

func TestCorrupt(t *testing.T) {
	le := binary.LittleEndian
	frames := sample()
	long := pcapFile(le, false, 1, frames[:2])
	le.PutUint32(long[24+16+5+8:], MaxFrameLen+1)
	damaged := gzipped(t, pcapFile(le, false, 1, frames))
	damaged[len(damaged)-6] ^= 1 // the checksum
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, (31 - 10) << 3, 10<<3 | 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	start := slices.Concat(section(le, 1), interfaceBlock(le, LinkEthernet, 0), enhanced(le, 0, 1, nil, 0))
	cases := []struct {
		name    string
		content []byte
		frames  int
	}{
		{"a pcap packet too long", long, 1},
		{"gzip checksum", damaged, 4},
		{"zstd window of 2 GiB", window, 0},
		{"block length 0", append(start[:len(start):len(start)], 6, 0, 0, 0, 0, 0, 0, 0), 1},
		{"block length 8", append(start[:len(start):len(start)], 6, 0, 0, 0, 8, 0, 0, 0), 1},
		{"block length 13", append(start[:len(start):len(start)], 6, 0, 0, 0, 13, 0, 0, 0), 1},
		{"a section without byte order", append(start[:len(start):len(start)], 10, 13, 13, 10, 28, 0, 0, 0, 1, 2, 3, 4), 1},
	}
	for _, c := range cases {
		got, _, err := readAll(bytes.NewReader(c.content))
		if !errors.Is(err, ErrCorrupt) || len(got) != c.frames {
			t.Errorf("%s: %d frames and %v, want %d and %v", c.name, len(got), err, c.frames, ErrCorrupt)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, content := range [][]byte{nil, {0}, []byte("GET / HTTP/1.1\r\n\r\n"), make([]byte, 100),
		gzipped(t, []byte("some text that is no capture")), zstandard(t, nil), {10, 13, 13, 10, 28, 0, 0, 0, 9, 9, 9, 9}} {
		if _, err := NewReader(bytes.NewReader(content)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v, want %v", content, err, ErrFormat)
		}
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("the disk is gone")
	whole := pcapFile(binary.LittleEndian, false, 1, sample())
	for n := range whole {
		_, _, err := readAll(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.Is(err, ErrTruncated) || errors.Is(err, ErrCorrupt) {
			t.Fatalf("at %d: %v", n, err)
		}
	}
}

func TestResolution(t *testing.T) {
	cases := []struct {
		res   ngResolution
		units uint64
		want  int64
		ok    bool
	}{
		{6, 1_700_000_000_123_456, 1_700_000_000_123_456_000, true},
		{9, 42, 42, true},
		{0, 2, 2_000_000_000, true},
		{3, 5, 5_000_000, true},
		{12, 1_999, 1, true},
		{127, math.MaxUint64, 0, true},
		{0x80, 3, 3_000_000_000, true},
		{0x80 | 1, 3, 1_500_000_000, true},
		{0x80 | 30, 1 << 30, 1_000_000_000, true},
		{0x80 | 63, 1 << 63, 1_000_000_000, true},
		{0x80 | 64, 1 << 63, 500_000_000, true},
		{0x80 | 127, math.MaxUint64, 0, true},
		{6, math.MaxUint64, 0, false},
		{9, math.MaxUint64, 0, false},
		{0x80 | 2, math.MaxUint64, 0, false},
	}
	for _, c := range cases {
		if got, ok := c.res.nanoseconds(c.units); got != c.want || ok != c.ok {
			t.Errorf("resolution %#x of %d: got %d %v, want %d %v", uint8(c.res), c.units, got, ok, c.want, c.ok)
		}
	}
}

func TestBadTimes(t *testing.T) {
	le := binary.LittleEndian
	for _, offset := range []uint64{0, 1 << 62, 1 << 63, math.MaxInt64/nanosPerSecond - 5} {
		content := slices.Concat(section(le, 1), interfaceBlock(le, LinkRaw, 0, option(le, 14, le.AppendUint64(nil, offset))),
			enhanced(le, 0, math.MaxInt64/1000, []byte("x"), 1), enhanced(le, 0, math.MaxUint64, []byte("y"), 1))
		frames, stats, err := readAll(bytes.NewReader(content))
		want := uint64(2)
		if offset == 0 {
			want = 1
		}
		if err != io.EOF || len(frames) != 2 || stats.BadTimes != want {
			t.Errorf("offset %d: %d frames, %v, stats %+v, want %d bad times", offset, len(frames), err, stats, want)
		}
	}
}

func TestKindString(t *testing.T) {
	for k, want := range map[Kind]string{KindUnknown: "unknown", KindPcap: "pcap", KindPcapNG: "pcapng", KindGzip: "gzip", KindZstd: "zstd"} {
		if k.String() != want {
			t.Errorf("kind %d: %q, want %q", k, k, want)
		}
	}
}

func TestReaderAllocs(t *testing.T) {
	frames := slices.Repeat(sample(), 300)
	for _, content := range [][]byte{pcapFile(binary.LittleEndian, false, 1, frames), pcapngFile(binary.LittleEndian, frames)} {
		r, err := NewReader(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(1000, func() {
			if _, err := r.Next(); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations a frame", Sniff(content), n)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, c := range containers(f) {
		f.Add(c.content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := NewReader(bytes.NewReader(content))
		if err != nil {
			return
		}
		for range 1 << 20 {
			fr, err := r.Next()
			if err != nil {
				return
			}
			if len(fr.Data) > MaxFrameLen || fr.OrigLen < len(fr.Data) {
				t.Errorf("frame of %d bytes, %d on the wire", len(fr.Data), fr.OrigLen)
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	frames := slices.Repeat([]Frame{{TimeNs: 1e18, Data: make([]byte, 100), OrigLen: 100}}, 10000)
	for name, content := range map[string][]byte{
		"pcap":   pcapFile(binary.LittleEndian, false, 1, frames),
		"pcapng": pcapngFile(binary.LittleEndian, frames),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content) / len(frames)))
			b.ReportAllocs()
			src := bytes.NewReader(content)
			r, err := NewReader(src)
			for b.Loop() {
				if err != nil {
					b.Fatal(err)
				}
				if _, end := r.Next(); end != nil {
					src.Reset(content)
					r, err = NewReader(src)
				}
			}
		})
	}
}
