package dnstap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	framestream "github.com/farsightsec/golang-framestream"
)

const (
	startFrame = "\x00\x00\x00\x00\x00\x00\x00\x22\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x16" + ContentType
	stopFrame  = "\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x03"
)

// frame is a data frame.
func frame(payload []byte) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(payload)))) + string(payload)
}

// response is a frame with a CLIENT_RESPONSE whose DNS message has n octets.
func response(n int) string {
	return frame(clientResponse().bytes(14, strings.Repeat("r", n)).dnstap())
}

// readAll reads a stream to its end and writes each step in a word: the DNS
// message's length, or "bad N" for a frame that is passed over.
func readAll(r *Reader) (steps []string, end error) {
	var m Message
	for {
		err := r.Next(&m)
		switch {
		case err == nil:
			steps = append(steps, fmt.Sprint(len(m.Wire)))
		case errors.Is(err, ErrFrame):
			var n int
			if _, scanErr := fmt.Sscanf(err.Error(), "dnstap: bad frame %d:", &n); scanErr != nil {
				return steps, fmt.Errorf("error text %q: %w", err, scanErr)
			}
			steps = append(steps, fmt.Sprint("bad ", n))
		default:
			return steps, err
		}
	}
}

type streamCase struct {
	name   string
	stream string
	cfg    Config
	want   string // steps, with commas
	end    error
	text   string // part of the end's text
	stats  string
}

func streamCases() []streamCase {
	large := frame(make([]byte, 1<<20))
	cases := []streamCase{
		{name: "empty", stream: startFrame + stopFrame, end: io.EOF, stats: "Streams Stopped"},
		{name: "two", stream: startFrame + response(10) + response(20) + stopFrame, want: "10,20", end: io.EOF, stats: "Frames"},
		{name: "no STOP", stream: startFrame + response(10), want: "10", end: io.EOF, stats: "Unstopped"},
		{name: "behind STOP", stream: startFrame + stopFrame + response(10), end: io.EOF},
		{name: "START without a type", stream: "\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x02" + response(10), want: "10", end: io.EOF},
		{name: "other control frames", stream: startFrame + startFrame + response(1) + "\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x09" + response(2), want: "1,2", end: io.EOF, stats: "Controls"},
		{name: "bad frame between good", stream: startFrame + response(1) + frame([]byte{0, 0}) + response(2) + stopFrame, want: "1,bad 2,2", end: io.EOF, stats: "BadProtobuf"},
		{name: "frame without a message", stream: startFrame + response(1) + frame(pb(nil).varint(15, 1)) + response(2), want: "1,2", end: io.EOF, stats: "NotMessage"},
		{name: "largest messages", stream: startFrame + response(65535) + response(5) + response(65535) + response(6), want: "65535,5,65535,6", end: io.EOF},
		{name: "frame over the bound", stream: startFrame + response(1) + large + response(2), want: "1,bad 2,2", end: io.EOF, stats: "TooLarge"},
		{name: "frame over a small bound", cfg: Config{MaxFrame: 200}, stream: startFrame + response(200) + response(10), want: "bad 1,10", end: io.EOF, stats: "TooLarge"},
		{name: "frame over any bound", stream: startFrame + response(1) + "\x00\x10\x00\x01" + response(2), want: "1", end: ErrStream, text: "frame 2: frame is too large", stats: "Broken"},
		{name: "cut in a length", stream: startFrame + response(1) + "\x00\x00", want: "1", end: ErrStream, text: "frame 2: unexpected EOF", stats: "Broken"},
		{name: "cut behind a length", stream: startFrame + response(1) + "\x00\x00\x00\x09", want: "1", end: ErrStream, text: "frame 2: unexpected EOF", stats: "Broken"},
		{name: "cut in a large frame", stream: startFrame + response(65535)[:65600], end: ErrStream, text: "frame 1: unexpected EOF", stats: "Broken"},
		{name: "cut in a frame over the bound", stream: startFrame + large[:1<<19], end: ErrStream, text: "frame 1: unexpected EOF", stats: "Broken"},
		{name: "cut in a control frame", stream: startFrame + stopFrame[:11], end: ErrStream, text: "frame 1: unexpected EOF", stats: "Broken"},
		{name: "control frame too long", stream: startFrame + "\x00\x00\x00\x00\x00\x00\x02\x01", end: ErrStream, text: "frame 1: decoding error", stats: "Broken"},
	}
	for _, c := range decodeCases() {
		want := fmt.Sprint(len(c.want.Wire))
		switch {
		case strings.Contains(c.stats, "NotMessage"):
			want = ""
		case c.err != "":
			want = "bad 1"
		}
		cases = append(cases, streamCase{name: "frame: " + c.name, stream: startFrame + frame(c.frame), want: want, end: io.EOF, stats: c.stats})
	}
	return cases
}

func TestReader(t *testing.T) {
	for _, c := range streamCases() {
		r, err := NewReader(strings.NewReader(c.stream), c.cfg)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		steps, end := readAll(r)
		if got := strings.Join(steps, ","); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if !errors.Is(end, c.end) || !strings.Contains(end.Error(), c.text) {
			t.Errorf("%s: ends with %v, want %v and %q", c.name, end, c.end, c.text)
		}
		var m Message
		if again := r.Next(&m); again != end {
			t.Errorf("%s: after the end %v, want %v", c.name, again, end)
		}
		raised := raisedCounters(r.Stats())
		for _, s := range strings.Fields(c.stats) {
			if raised[s] == 0 {
				t.Errorf("%s: counter %s was not raised: %+v", c.name, s, r.Stats())
			}
		}
		checkSums(t, c.name, r.Stats())
	}
}

// checkSums: each frame is counted once, each stream's end once.
func checkSums(t *testing.T, name string, s Stats) {
	t.Helper()
	sum := s.BadProtobuf + s.TooLarge + s.NotMessage
	for _, n := range s.ByType {
		sum += n
	}
	// The frame that a stream breaks in is none of them.
	if sum != s.Frames && sum+s.Broken != s.Frames {
		t.Errorf("%s: %d frames, %d told apart: %+v", name, s.Frames, sum, s)
	}
	if s.Streams != s.Stopped+s.Unstopped+s.Broken {
		t.Errorf("%s: %d streams, other ends: %+v", name, s.Streams, s)
	}
}

func raisedCounters(s Stats) map[string]uint64 {
	raised := map[string]uint64{}
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Array {
			for j := range f.Len() {
				raised[v.Type().Field(i).Name] += f.Index(j).Uint()
			}
			continue
		}
		raised[v.Type().Field(i).Name] = f.Uint()
	}
	return raised
}

// TestStatsRaised fails for a counter that no case names, for such a one could
// rot. BadStart and ByType have tests of their own.
func TestStatsRaised(t *testing.T) {
	named := map[string]bool{"BadStart": true, "ByType": true}
	for _, c := range streamCases() {
		for _, s := range strings.Fields(c.stats) {
			named[s] = true
		}
	}
	for f := range reflect.TypeFor[Stats]().Fields() {
		if !named[f.Name] {
			t.Errorf("no case raises Stats.%s", f.Name)
		}
	}
}

// TestStatsAdd: no counter is forgotten in the sum.
func TestStatsAdd(t *testing.T) {
	var one Stats
	v := reflect.ValueOf(&one).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Array {
			for j := range f.Len() {
				f.Index(j).SetUint(uint64(100 + j))
			}
		} else {
			f.SetUint(uint64(i + 1))
		}
	}
	sum := one
	sum.add(&one)
	for name, n := range raisedCounters(one) {
		if got := raisedCounters(sum)[name]; got != 2*n {
			t.Errorf("%s: %d and %d make %d", name, n, n, got)
		}
	}
}

func TestByType(t *testing.T) {
	stream := startFrame
	for typ := range numTypes + 1 {
		stream += frame(clientResponse().varint(1, uint64(typ)).dnstap())
	}
	r, err := NewReader(strings.NewReader(stream), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readAll(r); err != io.EOF {
		t.Fatal(err)
	}
	for typ, n := range r.Stats().ByType {
		if want := map[bool]uint64{true: 2, false: 1}[typ == 0]; n != want {
			t.Errorf("%v: %d, want %d", MessageType(typ), n, want)
		}
	}
}

func TestNewReaderRefuses(t *testing.T) {
	other := strings.Replace(startFrame, ContentType, "protobuf:dnstap.Dnstat", 1)
	for _, c := range []struct {
		name, stream string
		err          error
	}{
		{"nothing", "", io.ErrUnexpectedEOF},
		{"text", "[2023-11-14] not a stream", ErrNotFrameStream},
		{"half a START", startFrame[:20], io.ErrUnexpectedEOF},
		{"STOP", stopFrame, ErrNotFrameStream},
		{"READY", strings.Replace(startFrame, "\x02", "\x04", 1), ErrNotFrameStream},
		{"data first", response(10), ErrNotFrameStream},
		{"another type", other, ErrContentType},
	} {
		if _, err := NewReader(strings.NewReader(c.stream), Config{}); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
	}
	for _, cfg := range []Config{{MaxFrame: -1}, {MaxFrame: 1<<20 + 1}, {Timeout: -1}} {
		if _, err := NewReader(strings.NewReader(startFrame), cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
		if _, err := NewServer(cfg); err == nil {
			t.Errorf("%+v: no error", cfg)
		}
	}
}

func TestIsFrameStream(t *testing.T) {
	for head, want := range map[string]bool{
		startFrame: true, startFrame[:12]: true, startFrame[:11]: false, stopFrame: false,
		"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00": false, "": false,
	} {
		if got := IsFrameStream([]byte(head)); got != want {
			t.Errorf("%q: got %v", head, got)
		}
	}
}

// TestReaderCut cuts a stream at every octet. Every frame that is whole is
// read; the end is clean only between frames.
func TestReaderCut(t *testing.T) {
	frames := []string{response(1), response(2), frame([]byte{0, 0}), response(300)}
	ends := map[int]int{len(startFrame): 0}
	stream := startFrame
	for i, f := range frames {
		stream += f
		ends[len(stream)] = i + 1
	}
	whole := 0
	for n := range len(stream) + 1 {
		if i, ok := ends[n]; ok {
			whole = i
		}
		r, err := NewReader(strings.NewReader(stream[:n]), Config{})
		if n < len(startFrame) {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut at %d: %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		steps, end := readAll(r)
		if len(steps) != whole {
			t.Errorf("cut at %d: read %v, want %d frames", n, steps, whole)
		}
		if _, clean := ends[n]; clean && end != io.EOF {
			t.Errorf("cut at %d, between frames: %v", n, end)
		} else if !clean {
			want := fmt.Sprintf("dnstap: broken stream at frame %d: unexpected EOF", whole+1)
			if !errors.Is(end, ErrStream) || end.Error() != want {
				t.Errorf("cut at %d: %v, want %s", n, end, want)
			}
		}
	}
}

// TestReaderSmallReads reads from a source that gives an octet at a time.
func TestReaderSmallReads(t *testing.T) {
	stream := startFrame + response(10) + response(70000) + response(20) + stopFrame
	r, err := NewReader(oneByte{strings.NewReader(stream)}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if steps, err := readAll(r); err != io.EOF || strings.Join(steps, ",") != "10,70000,20" {
		t.Errorf("got %v, %v", steps, err)
	}
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// endless repeats a text for ever behind a beginning.
type endless struct {
	begin *strings.Reader
	text  string
	at    int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.begin.Len() > 0 {
		return e.begin.Read(p)
	}
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}

func TestReaderAllocs(t *testing.T) {
	r, err := NewReader(&endless{begin: strings.NewReader(startFrame), text: response(100) + response(65535)}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	var m Message
	r.Next(&m)
	r.Next(&m) // makes the buffer of large frames
	if n := testing.AllocsPerRun(100, func() {
		if err := r.Next(&m); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzReader compares with golang-framestream: every frame that it reads from a
// stream we read too, and nothing hangs.
func FuzzReader(f *testing.F) {
	for _, c := range streamCases() {
		if len(c.stream) < 1000 {
			f.Add([]byte(c.stream))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		theirs, theirErr := framestream.NewReader(bytes.NewReader(stream), &framestream.ReaderOptions{ContentTypes: [][]byte{[]byte(ContentType)}})
		r, err := NewReader(bytes.NewReader(stream), Config{})
		if (err == nil) != (theirErr == nil) {
			t.Fatalf("%x\n%v, golang-framestream %v", stream, err, theirErr)
		}
		if err != nil {
			return
		}
		buf := make([]byte, DefaultMaxFrame)
		for {
			n, theirErr := theirs.ReadFrame(buf)
			frame, err := r.f.next()
			if theirErr == nil && (err != nil || !bytes.Equal(frame, buf[:n])) {
				t.Fatalf("%x\nframe %d: %x %v, golang-framestream %x", stream, r.f.frames, frame, err, buf[:n])
			}
			if theirErr != nil || err != nil {
				if err == nil {
					t.Fatalf("%x\nframe %d: golang-framestream %v", stream, r.f.frames, theirErr)
				}
				break
			}
		}
		whole, err := NewReader(bytes.NewReader(stream), Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, end := readAll(whole); end != io.EOF && !errors.Is(end, ErrStream) {
			t.Errorf("%x\nends with %v", stream, end)
		}
		checkSums(t, "fuzz", whole.Stats())
	})
}

func BenchmarkReader(b *testing.B) {
	text := response(120)
	r, err := NewReader(&endless{begin: strings.NewReader(startFrame), text: text}, Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var m Message
	for b.Loop() {
		if err := r.Next(&m); err != nil {
			b.Fatal(err)
		}
	}
}
