package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"flowname/flows/listen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testPeer = netip.MustParseAddrPort("192.0.2.1:40000")

// A pipeConn is one end of a pipe that looks like a TCP connection.
type pipeConn struct {
	net.Conn
	peer netip.AddrPort
}

func (c pipeConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.peer) }

// An exporter is a connection served to its end, without a network.
type exporter struct {
	net.Conn // the exporter's end
	listener *Listener
	cancel   context.CancelFunc
	done     chan error
	got      [][]byte // valid once done has been read
	times    []int64
	batches  []int
}

// connect begins a session on a listener of its own. before, where it is not
// nil, is called ahead of each batch.
func connect(t *testing.T, before func()) *exporter {
	t.Helper()
	return connectTo(t, newListener(Config{}, nil), before)
}

func connectTo(t *testing.T, l *Listener, before func()) *exporter {
	t.Helper()
	ours, theirs := net.Pipe()
	c, err := l.enter(pipeConn{ours, testPeer})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	e := &exporter{Conn: theirs, listener: l, cancel: cancel, done: make(chan error, 1)}
	go func() {
		defer c.Close()
		err := c.Handshake(ctx)
		if err == nil {
			err = c.Run(ctx, func(batch []listen.Datagram) {
				if before != nil {
					before()
				}
				e.take(t, batch)
			})
		}
		e.done <- err
	}()
	t.Cleanup(func() { cancel(); theirs.Close() })
	return e
}

func (e *exporter) take(t *testing.T, batch []listen.Datagram) {
	e.batches = append(e.batches, len(batch))
	for _, d := range batch {
		if d.From != testPeer || d.Truncated {
			t.Errorf("got %+v, want it from %v and whole", d, testPeer)
		}
		e.got = append(e.got, bytes.Clone(d.Payload))
		e.times = append(e.times, d.ReceivedNs)
	}
}

// send writes to the listener. One that has closed shows in its result.
func (e *exporter) send(b ...[]byte) { e.Write(slices.Concat(b...)) }

func TestRunHandsMessagesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := connect(t, nil)
		start := time.Now().UnixNano()
		msg := message(20, 1)
		e.send(msg[:7])
		time.Sleep(messageTime - time.Second)
		e.send(msg[7:], message(16, 2))
		time.Sleep(idleTime - time.Second) // silence between messages is allowed
		e.send(message(16, 3))
		e.Close()
		if err := <-e.done; err != nil {
			t.Fatalf("Run = %v, want nil after the peer's end", err)
		}
		if want := [][]byte{msg, message(16, 2), message(16, 3)}; !slices.EqualFunc(e.got, want, bytes.Equal) {
			t.Errorf("got %x, want %x", e.got, want)
		}
		if want := []int{2, 1}; !slices.Equal(e.batches, want) {
			t.Errorf("batches of %v messages, want %v", e.batches, want)
		}
		if got, want := time.Duration(e.times[2]-start), idleTime+messageTime-2*time.Second; got != want {
			t.Errorf("the last message came after %v, want %v", got, want)
		}
		want := Stats{Sessions: 1, Messages: 3, Bytes: 52, Batches: 2}
		if got := e.listener.Stats(); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
	})
}

func TestRunSplitsLargeBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := connect(t, nil)
		e.send(bytes.Repeat(message(16, 1), 2*batchSize+5))
		e.Close()
		if err := <-e.done; err != nil || !slices.Equal(e.batches, []int{batchSize, batchSize, 5}) {
			t.Errorf("batches of %v messages, %v", e.batches, err)
		}
	})
}

// What is wrong ends the session behind what was good, and says what it was.
func TestRunEnds(t *testing.T) {
	good := message(20, 1)
	for name, c := range map[string]struct {
		bytes []byte
		err   error
		stats Stats // beside the session and the good message
	}{
		"garbage":   {[]byte("GET / HTTP/1.1"), ErrVersion, Stats{BadVersions: 1, BytesLost: 14}},
		"length":    {[]byte{0, 10, 0, 1, 9, 9}, ErrLength, Stats{BadLengths: 1, BytesLost: 6}},
		"cut short": {good[:11], ErrCutShort, Stats{CutShort: 1, BytesLost: 11}},
		"one byte":  {good[:1], ErrCutShort, Stats{CutShort: 1, BytesLost: 1}},
		"end":       {nil, nil, Stats{}},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := connect(t, nil)
			e.send(good, c.bytes)
			e.Close()
			if err := <-e.done; !errors.Is(err, c.err) {
				t.Errorf("%s: Run = %v, want %v", name, err, c.err)
			}
			want := c.stats
			want.Sessions, want.Messages, want.Bytes, want.Batches = 1, 1, 20, 1
			if got := e.listener.Stats(); got != want {
				t.Errorf("%s: stats %+v, want %+v", name, got, want)
			}
		})
	}
}

// A message that has begun has messageTime, however its bytes are spread.
func TestRunEndsSlowMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const every, came = 700 * time.Millisecond, 43
		start := time.Now()
		e := connect(t, nil)
		written := make(chan int)
		go func() {
			for i, b := range message(60, 1) {
				if _, err := e.Write([]byte{b}); err != nil {
					written <- i
					return
				}
				time.Sleep(every)
			}
			written <- 60
		}()
		if err := <-e.done; !errors.Is(err, ErrSlow) {
			t.Errorf("Run = %v, want ErrSlow", err)
		}
		if took := time.Since(start); took != messageTime {
			t.Errorf("ended after %v, want %v", took, messageTime)
		}
		if n := <-written; n != came {
			t.Errorf("%d bytes were taken, want %d", n, came)
		}
		want := Stats{Sessions: 1, Slow: 1, BytesLost: came}
		if got := e.listener.Stats(); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
	})
}

// Silence ends a connection too, sooner before the first message.
func TestRunEndsSilence(t *testing.T) {
	for name, c := range map[string]struct {
		sent  []byte
		after time.Duration
		stats Stats
	}{
		"at first":         {nil, firstTime, Stats{Sessions: 1, Silent: 1}},
		"after a message":  {message(20, 1), idleTime, Stats{Sessions: 1, Silent: 1, Messages: 1, Bytes: 20, Batches: 1}},
		"within a message": {message(20, 1)[:9], messageTime, Stats{Sessions: 1, Slow: 1, BytesLost: 9}},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			e := connect(t, nil)
			e.send(c.sent)
			err := <-e.done
			if took := time.Since(began); took != c.after || c.stats.Silent == 1 != errors.Is(err, ErrSilent) {
				t.Errorf("%s: %v after %v, want its end after %v", name, err, took, c.after)
			}
			if got := e.listener.Stats(); got != c.stats {
				t.Errorf("%s: stats %+v, want %+v", name, got, c.stats)
			}
			e.Close()
		})
	}
}

// The peer pays with patience, not with its connection, for a slow collector.
func TestRunHoldsThePeerUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		e := connect(t, func() { time.Sleep(2 * messageTime) })
		msg := message(20, 1)
		e.send(msg, msg[:5])
		e.send(msg[5:]) // waits for the first batch
		if took := time.Since(start); took != 2*messageTime {
			t.Errorf("the peer waited for %v, want %v", took, 2*messageTime)
		}
		e.Close()
		if err := <-e.done; err != nil || len(e.got) != 2 {
			t.Errorf("got %d messages, %v; want 2", len(e.got), err)
		}
	})
}

// At the end what has come is handed over; a peer that is still sending is
// given no more than drainFor.
func TestRunDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := connect(t, nil)
		synctest.Wait()
		e.cancel()
		start := time.Now()
		e.send(message(16, 1))
		e.send(message(16, 2)[:9])
		if err := <-e.done; err != nil || len(e.got) != 1 {
			t.Errorf("got %d messages, %v; want 1 and nil", len(e.got), err)
		}
		if took := time.Since(start); took != drainFor {
			t.Errorf("ended after %v, want %v", took, drainFor)
		}
		want := Stats{Sessions: 1, Messages: 1, Bytes: 16, Batches: 1, BytesLost: 9}
		if got := e.listener.Stats(); got != want {
			t.Errorf("stats %+v, want %+v", got, want)
		}
	})
}

// A fault is one also while this side is ending.
func TestRunDrainsAndRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := connect(t, nil)
		synctest.Wait()
		e.cancel()
		e.send([]byte("garbage"))
		if err := <-e.done; !errors.Is(err, ErrVersion) {
			t.Errorf("Run = %v, want ErrVersion", err)
		}
	})
}

// brokenConn fails as a reset connection does.
type brokenConn struct{ pipeConn }

func (brokenConn) Read([]byte) (int, error) { return 0, os.ErrInvalid }

func TestRunBroken(t *testing.T) {
	l := newListener(Config{}, nil)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c, err := l.enter(brokenConn{pipeConn{ours, testPeer}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Run(t.Context(), func([]listen.Datagram) {}); !errors.Is(err, os.ErrInvalid) || l.Stats().Broken != 1 {
		t.Errorf("Run = %v, %+v", err, l.Stats())
	}
}

// loopReader gives the same bytes again and again, then an end.
type loopReader struct {
	net.Conn
	bytes []byte
	turns int
}

func (r *loopReader) Read(b []byte) (int, error) {
	if r.turns--; r.turns < 0 {
		return 0, io.EOF
	}
	return copy(b, r.bytes), nil
}

func (*loopReader) SetReadDeadline(time.Time) error { return nil }

// TestAllocs asks for no allocation a message.
func TestAllocs(t *testing.T) {
	allocs := func(turns int) float64 {
		l := newListener(Config{}, nil)
		r := &loopReader{bytes: bytes.Repeat(message(1400, 1), 46)}
		c := &Conn{listener: l, peer: testPeer, conn: r}
		return testing.AllocsPerRun(20, func() {
			r.turns = turns
			if err := c.Run(context.Background(), func([]listen.Datagram) {}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocs(1), allocs(101); many > few {
		t.Errorf("a session of 46 messages costs %v allocations, one of 4646 %v: want the same", few, many)
	}
}

func BenchmarkRun(b *testing.B) {
	l := newListener(Config{}, nil)
	r := &loopReader{bytes: bytes.Repeat(message(1400, 1), 46), turns: b.N}
	c := &Conn{listener: l, peer: testPeer, conn: r}
	b.SetBytes(int64(len(r.bytes)))
	b.ReportAllocs()
	if err := c.Run(context.Background(), func([]listen.Datagram) {}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*46), "ns/message")
}
