package stream

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"flowname/flows/listen"
)

// A running listener serves every connection to its end.
type running struct {
	*Listener
	t    *testing.T
	stop func() // waits for all

	mu      sync.Mutex
	refused []error // by Run
	ended   []error // of sessions, nil for good ends
	names   []string
}

// start opens a listener on the loopback interface. handle may be nil.
func start(t *testing.T, cfg Config, handle func([]listen.Datagram)) *running {
	t.Helper()
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Listener: l, t: t}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	serve := func(c *Conn) {
		wg.Go(func() {
			defer c.Close()
			err := r.serve(ctx, c, handle)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.ended = append(r.ended, err)
		})
	}
	wg.Go(func() {
		err := l.Run(ctx, serve, func(err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.refused = append(r.refused, err)
		})
		if err != nil {
			t.Errorf("Run = %v, want nil after cancel", err)
		}
	})
	r.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(r.stop)
	return r
}

func (r *running) serve(ctx context.Context, c *Conn, handle func([]listen.Datagram)) error {
	if err := c.Handshake(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	r.names = append(r.names, c.Name())
	r.mu.Unlock()
	return c.Run(ctx, func(batch []listen.Datagram) {
		if handle != nil {
			handle(batch)
		}
	})
}

func (r *running) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// until waits until ask says yes.
func until(t *testing.T, what string, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !ask(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not so after 10 s: %s", what)
		}
	}
}

// Every message of many exporters at once comes once, in its exporter's order,
// and under its exporter's address and port.
func TestManyConnections(t *testing.T) {
	const exporters, each = 32, 500
	var mu sync.Mutex
	next := map[netip.AddrPort]uint32{}
	r := start(t, Config{}, func(batch []listen.Datagram) {
		mu.Lock()
		defer mu.Unlock()
		for _, d := range batch {
			if seq := binary.BigEndian.Uint32(d.Payload[16:]); seq != next[d.From] {
				t.Errorf("%v: message %d, want %d", d.From, seq, next[d.From])
			}
			next[d.From]++
		}
	})
	var wg sync.WaitGroup
	peers := make([]netip.AddrPort, exporters)
	for i := range exporters {
		c := r.dial()
		peers[i] = c.LocalAddr().(*net.TCPAddr).AddrPort()
		wg.Go(func() {
			defer c.Close()
			var stream []byte
			for seq := range uint32(each) {
				m := message(20+int(seq), 1)
				binary.BigEndian.PutUint32(m[16:], seq)
				stream = append(stream, m...)
			}
			for part := range slices.Chunk(stream, 1+7*i) {
				if _, err := c.Write(part); err != nil {
					t.Errorf("exporter %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	until(t, "all connections have ended", func() bool { return r.Connections() == 0 })
	r.stop()
	for _, p := range peers {
		if next[p] != each {
			t.Errorf("%v: %d messages, want %d", p, next[p], each)
		}
	}
	if s := r.Stats(); s.Sessions != exporters || s.Messages != exporters*each || s.BytesLost != 0 || s.Broken != 0 {
		t.Errorf("stats %+v", s)
	}
	if err := errors.Join(r.ended...); err != nil || len(r.refused) > 0 {
		t.Errorf("ended %v, refused %v; want neither", err, r.refused)
	}
}

// Who may not connect is refused before anything of TLS, also where all places
// are taken, and takes none.
func TestStrangersAreRefused(t *testing.T) {
	a := newAuthority(t, "CA")
	for name, cfg := range map[string]Config{"TCP": {}, "TLS": {TLS: files(t, t.TempDir(), a, a)}} {
		cfg.Allow, cfg.MaxConnections = []netip.Prefix{netip.MustParsePrefix("127.0.0.64/26")}, 1
		r := start(t, cfg, nil)
		dial := func(from string) net.Conn {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
			c, err := d.Dial("tcp", r.Addr().String())
			if err != nil {
				t.Skipf("an exporter at %s: %v", from, err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
		for i, from := range []string{"127.0.0.63", "127.0.0.65", "127.0.0.128"} {
			c := dial(from)
			if i == 1 {
				until(t, name+": one that may is connected", func() bool { return r.Connections() == 1 })
				continue
			}
			if n, err := c.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s: %s reads %d bytes, want a closed connection", name, from, n)
			}
		}
		until(t, name+": two are refused", func() bool { return r.Stats().RefusedNotAllowed == 2 })
		r.stop()
		for _, err := range r.refused {
			if !errors.Is(err, ErrNotAllowed) {
				t.Errorf("%s: refused with %v", name, err)
			}
		}
		if s := r.Stats(); s.FailedHandshakes+s.RefusedFull != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// The bounds hold, are counted, and give way when a connection ends.
func TestConnectionsAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		cfg   Config
		count func(Stats) uint64
	}{
		"in all":         {Config{MaxConnections: 2}, func(s Stats) uint64 { return s.RefusedFull }},
		"of one address": {Config{MaxPerAddress: 2}, func(s Stats) uint64 { return s.RefusedAddress }},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, c.cfg, nil)
			first, _ := r.dial(), r.dial()
			until(t, "two sessions", func() bool { return r.Stats().Sessions == 2 })
			if _, err := r.dial().Read(make([]byte, 1)); err == nil {
				t.Error("the third was not closed")
			}
			until(t, "the third is refused", func() bool { return c.count(r.Stats()) == 1 && r.Connections() == 2 })
			first.Close()
			until(t, "the first is gone", func() bool { return r.Connections() == 1 })
			r.dial()
			until(t, "another takes its place", func() bool { return r.Stats().Sessions == 3 })
			r.stop()
			if len(r.refused) != 1 || !errors.Is(r.refused[0], ErrFull) {
				t.Errorf("refused %v, want one ErrFull", r.refused)
			}
			if len(r.peers) != 0 || len(r.hosts) != 0 {
				t.Errorf("places are still taken: %v, %v", r.peers, r.hosts)
			}
		})
	}
}

// An address and port that is connected can not come twice: templates are
// filed under it.
func TestDuplicatePeer(t *testing.T) {
	l := newListener(Config{}, nil)
	enter := func(peer string) (*Conn, error) {
		ours, theirs := net.Pipe()
		theirs.Close()
		return l.enter(pipeConn{ours, netip.MustParseAddrPort(peer)})
	}
	first, err := enter("192.0.2.1:40000")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enter("[::ffff:192.0.2.1]:40000"); !errors.Is(err, ErrDuplicate) || l.Stats().RefusedDuplicate != 1 {
		t.Errorf("second: %v, %+v", err, l.Stats())
	}
	if _, err := enter("192.0.2.1:40001"); err != nil {
		t.Errorf("another port: %v", err)
	}
	first.Close()
	first.Close() // takes no other's place
	if _, err := enter("192.0.2.1:40000"); err != nil || l.Connections() != 2 {
		t.Errorf("after the first is closed: %v, %d connections", err, l.Connections())
	}
}

// failingListener can not accept.
type failingListener struct {
	net.Listener
	closed chan struct{}
}

func (l failingListener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
		return nil, syscall.EMFILE
	}
}

func (failingListener) Addr() net.Addr { return &net.TCPAddr{} }
func (l failingListener) Close() error { close(l.closed); return nil }

// Failing to accept is counted, told and tried again, once a second.
func TestAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newListener(Config{}, failingListener{closed: make(chan struct{})})
		ctx, cancel := context.WithTimeout(t.Context(), 5*acceptPause-acceptPause/2)
		defer cancel()
		told := 0
		err := l.Run(ctx, nil, func(err error) {
			if told++; !errors.Is(err, syscall.EMFILE) {
				t.Errorf("refused %v, want EMFILE", err)
			}
		})
		if s := l.Stats(); err != nil || s.AcceptErrors != 5 || told != 5 {
			t.Errorf("Run = %v, told %d times, %+v; want 5", err, told, s)
		}
	})
}

func TestRunOnClosedListener(t *testing.T) {
	l, err := Open(Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := l.Run(t.Context(), nil, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run = %v, want net.ErrClosed", err)
	}
}

func TestOpenErrors(t *testing.T) {
	r := start(t, Config{}, nil)
	for name, c := range map[string]struct {
		cfg  Config
		err  error
		text string
	}{
		"no port":       {Config{Addr: "nowhere"}, listen.ErrAddress, "host:port"},
		"in use":        {Config{Addr: r.Addr().String()}, listen.ErrInUse, "another process"},
		"not here":      {Config{Addr: "192.0.2.1:0"}, listen.ErrAddress, "no interface"},
		"negative":      {Config{Addr: ":0", MaxConnections: -1}, listen.ErrConfig, "0 or more"},
		"half of TLS":   {Config{Addr: ":0", TLS: &TLSFiles{Cert: "c", Key: "k"}}, listen.ErrConfig, "authorities"},
		"no such files": {Config{Addr: ":0", TLS: &TLSFiles{Cert: "no.crt", Key: "no.key", ClientCA: "no.ca"}}, nil, "no.crt"},
	} {
		l, err := Open(c.cfg)
		if err == nil {
			l.Close()
		}
		if err == nil || c.err != nil && !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.err, c.text)
		}
	}
}
