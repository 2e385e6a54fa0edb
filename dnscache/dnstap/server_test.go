package dnstap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	framestream "github.com/farsightsec/golang-framestream"
)

// A session is one connection served to its end.
type session struct {
	server *Server
	conn   net.Conn // the peer's side
	cancel context.CancelFunc
	done   chan error
	wires  []string // of the messages, valid once done has been read
	times  []int64
	idles  int
}

// serve begins a session. fail is what yield returns from the second message on.
func serve(t *testing.T, cfg Config, fail error) *session {
	t.Helper()
	server, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	s := &session{server: server, conn: theirs, cancel: cancel, done: make(chan error, 1)}
	yield := func(m *Message) error {
		s.wires = append(s.wires, string(m.Wire))
		s.times = append(s.times, m.TimeNs)
		if len(s.wires) > 1 {
			return fail
		}
		return nil
	}
	go func() { s.done <- server.Serve(ctx, ours, yield, func() { s.idles++ }) }()
	t.Cleanup(cancel)
	return s
}

// send writes to the server. A server that has closed shows in its result.
func (s *session) send(text string) { io.WriteString(s.conn, text) }

func TestServeWithEncoder(t *testing.T) {
	for _, bidirectional := range []bool{false, true} {
		t.Run(fmt.Sprintf("bidirectional %v", bidirectional), func(t *testing.T) {
			s := serve(t, Config{}, nil)
			w, err := framestream.NewWriter(s.conn, &framestream.WriterOptions{
				ContentTypes:  [][]byte{[]byte("another:type"), []byte(ContentType)},
				Bidirectional: bidirectional,
			})
			if !bidirectional {
				// Its START names the first type alone, without asking.
				if err := <-s.done; !errors.Is(err, ErrContentType) {
					t.Fatalf("START with another type: %v", err)
				}
				s = serve(t, Config{}, nil)
				w, err = framestream.NewWriter(s.conn, &framestream.WriterOptions{ContentTypes: [][]byte{[]byte(ContentType)}})
			}
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				if _, err := w.WriteFrame(clientResponse().bytes(14, fmt.Sprint("r", i)).dnstap()); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil { // awaits FINISH if bidirectional
				t.Fatal(err)
			}
			if err := <-s.done; err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.wires, " "); got != "r0 r1 r2" {
				t.Errorf("got %s", got)
			}
			if got := s.server.Stats(); got.Streams != 1 || got.Stopped != 1 || got.Frames != 3 || got.ByType[ClientResponse] != 3 {
				t.Errorf("%+v", got)
			}
			if s.idles == 0 {
				t.Error("idle was not called")
			}
			if _, err := s.conn.Write([]byte{0}); err == nil {
				t.Error("the connection is open still")
			}
		})
	}
}

func TestServeHandshakes(t *testing.T) {
	ready := func(types ...string) string {
		text := ""
		for _, typ := range types {
			text += "\x00\x00\x00\x01\x00\x00\x00" + string(rune(len(typ))) + typ
		}
		return "\x00\x00\x00\x00\x00\x00\x00" + string(rune(4+len(text))) + "\x00\x00\x00\x04" + text
	}
	acceptPlain := "\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x01"
	acceptType := strings.Replace(startFrame, "\x22\x00\x00\x00\x02", "\x22\x00\x00\x00\x01", 1)
	for _, c := range []struct {
		name, ready, accept, start string
		err                        error
	}{
		{"typed", ready(ContentType), acceptType, startFrame, nil},
		{"one of two", ready("other", ContentType), acceptType, startFrame, nil},
		{"untyped", ready(), acceptPlain, "\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x02", nil},
		{"another type", ready("other"), "", "", ErrContentType},
		{"START with another type", ready(ContentType), acceptType, strings.Replace(startFrame, "Dnstap", "Dnstat", 1), ErrContentType},
		{"READY twice", ready(ContentType), acceptType, ready(ContentType), ErrNotFrameStream},
		{"data instead of START", ready(ContentType), acceptType, response(1), ErrNotFrameStream},
		{"not a stream", "GET / HTTP/1.0\r\n\r\n", "", "", ErrNotFrameStream},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{}, nil)
			s.send(c.ready)
			accept := make([]byte, len(c.accept))
			if _, err := io.ReadFull(s.conn, accept); err != nil || string(accept) != c.accept {
				t.Fatalf("answer %q, %v, want %q", accept, err, c.accept)
			}
			s.send(c.start)
			if c.err == nil {
				s.send(response(1) + stopFrame)
				finish := make([]byte, 12)
				if _, err := io.ReadFull(s.conn, finish); err != nil || finish[11] != 5 {
					t.Errorf("FINISH %x, %v", finish, err)
				}
			}
			if err := <-s.done; !errors.Is(err, c.err) {
				t.Errorf("%v, want %v", err, c.err)
			}
			if got := s.server.Stats(); (got.BadStart == 1) != (c.err != nil) || got.Streams+got.BadStart != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestServeEnds(t *testing.T) {
	failure := errors.New("queue is closed")
	for _, c := range []struct {
		name, stream string
		end          func(*session)
		fail, err    error
		wires        int
		stats        Stats
	}{
		{name: "peer closes between frames", stream: startFrame + response(1), end: func(s *session) { s.conn.Close() },
			wires: 1, stats: Stats{Frames: 1, Streams: 1, Unstopped: 1}},
		{name: "peer closes in a frame", stream: startFrame + response(1) + response(1)[:9], end: func(s *session) { s.conn.Close() },
			wires: 1, err: io.ErrUnexpectedEOF, stats: Stats{Frames: 2, Streams: 1, Broken: 1}},
		{name: "bad frames are passed over", stream: startFrame + frame([]byte{0, 0}) + response(1) + stopFrame, end: func(*session) {},
			wires: 1, stats: Stats{Frames: 2, BadProtobuf: 1, Streams: 1, Stopped: 1}},
		{name: "yield fails", stream: startFrame + response(1) + response(1) + response(1), end: func(*session) {}, fail: failure, err: failure,
			wires: 2, stats: Stats{Frames: 2, Streams: 1}},
		{name: "cancelled between frames", stream: startFrame + response(1), end: func(s *session) { s.cancel() },
			wires: 1, stats: Stats{Frames: 1, Streams: 1}},
		{name: "cancelled in a frame", stream: startFrame + "\x00", end: func(s *session) { s.cancel() }, stats: Stats{Streams: 1}},
		{name: "cancelled in the handshake", stream: startFrame[:9], end: func(s *session) { s.cancel() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, Config{}, c.fail)
				s.send(c.stream)
				synctest.Wait()
				c.end(s)
				if err := <-s.done; !errors.Is(err, c.err) {
					t.Errorf("%v, want %v", err, c.err)
				}
				if len(s.wires) != c.wires {
					t.Errorf("messages %q, want %d", s.wires, c.wires)
				}
				c.stats.ByType[ClientResponse] = uint64(c.wires)
				if got := s.server.Stats(); got != c.stats {
					t.Errorf("got  %+v\nwant %+v", got, c.stats)
				}
			})
		})
	}
}

// TestServeTime: a message without a time gets that of its arrival.
func TestServeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{}, nil)
		s.send(startFrame + frame(pb(nil).varint(1, 6).bytes(14, "r").dnstap()) + response(1) + stopFrame)
		if err := <-s.done; err != nil {
			t.Fatal(err)
		}
		if now := time.Now().UnixNano(); len(s.times) != 2 || s.times[0] != now || s.times[1] != 1700000000_000002000 {
			t.Errorf("times %v, now %d", s.times, now)
		}
	})
}

// TestServeSlowPeer: a peer may be silent between frames and nowhere else.
func TestServeSlowPeer(t *testing.T) {
	const timeout = 5 * time.Second
	ready := strings.Replace(startFrame, "\x22\x00\x00\x00\x02", "\x22\x00\x00\x00\x04", 1)
	for _, c := range []struct {
		name, stream string
		frames       uint64
		err          error
	}{
		{"silent from the start", "", 0, ErrNotFrameStream},
		{"half a START", startFrame[:21], 0, ErrNotFrameStream},
		{"takes no ACCEPT", ready, 0, os.ErrDeadlineExceeded},
		{"half a length", startFrame + response(1) + "\x00", 1, ErrStream},
		{"half a frame", startFrame + response(1)[:20], 1, ErrStream},
		{"half a large frame", startFrame + response(65535)[:65000], 1, ErrStream},
		{"half a control frame", startFrame + stopFrame[:9], 0, ErrStream},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, Config{Timeout: timeout}, nil)
				begin := time.Now()
				s.send(c.stream)
				err := <-s.done
				if !errors.Is(err, c.err) || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%v, want %v after a deadline", err, c.err)
				}
				if took := time.Since(begin); took != timeout {
					t.Errorf("took %v", took)
				}
				if got := s.server.Stats(); got.Frames != c.frames || got.Broken+got.BadStart != 1 {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

// TestServeDrip sends a frame an octet at a time: the limit is for the frame,
// not for each of its reads.
func TestServeDrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{Timeout: 5 * time.Second}, nil)
		s.send(startFrame)
		begin := time.Now()
		written := make(chan struct{})
		go func() {
			defer close(written)
			for _, c := range []byte(response(60)) {
				if _, err := s.conn.Write([]byte{c}); err != nil {
					return
				}
				<-time.After(time.Second)
			}
		}()
		if err := <-s.done; !errors.Is(err, ErrStream) {
			t.Errorf("%v", err)
		}
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("took %v", took)
		}
		<-written
	})
}

func TestServeIdlePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{Timeout: time.Second}, nil)
		s.send(startFrame)
		for range 3 {
			r := response(3)
			s.send(r[:7]) // in two parts, so that a limit is set and taken away
			s.send(r[7:])
			<-time.After(time.Hour)
			synctest.Wait()
			// All that has come is counted and handed on by now.
			if got := s.server.Stats(); got.Frames == 0 || s.idles == 0 {
				t.Errorf("idle %d times, %+v", s.idles, got)
			}
		}
		s.send(stopFrame)
		if err := <-s.done; err != nil {
			t.Error(err)
		}
		if len(s.wires) != 3 {
			t.Errorf("got %q", s.wires)
		}
	})
}

// TestServeFinish: a peer that leaves without hearing FINISH, or does not take
// it, is no error.
func TestServeFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, Config{Timeout: time.Second}, nil)
		w, err := framestream.NewWriter(s.conn, &framestream.WriterOptions{Bidirectional: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteFrame(clientResponse().dnstap()); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		s.send(stopFrame)
		if err := <-s.done; err != nil || len(s.wires) != 1 {
			t.Errorf("%v, messages %q", err, s.wires)
		}
	})
}
