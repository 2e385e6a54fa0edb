package listen

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	sendIfAsked()
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, cfg Config) *Group {
	t.Helper()
	g, err := Open(cfg)
	if err != nil {
		t.Fatalf("Open(%+v): %v", cfg, err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func dial(t testing.TB, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatalf("dial %s: %v", to, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func write(t testing.TB, c *net.UDPConn, payload []byte) {
	t.Helper()
	if _, err := c.Write(payload); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// runAll runs every socket of g until the returned function is called, which
// waits and reports an error of Run.
func runAll(t testing.TB, g *Group, handle func(socket int, batch []Datagram)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i, s := range g.Sockets() {
		wg.Go(func() {
			if err := s.Run(ctx, func(batch []Datagram) { handle(i, batch) }); err != nil {
				t.Errorf("socket %d: Run = %v, want nil after cancel", i, err)
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// Every datagram of several exporters comes once, in its exporter's order, and
// all of an exporter's come to one socket.
func TestCompleteOrderedSticky(t *testing.T) {
	const senders, each, window = 16, 3200, 8
	g := open(t, Config{Addr: "127.0.0.1:0", Sockets: 4})

	// A sender waits for a token that the receiver gives back, so that the
	// test needs no larger buffer than any system gives.
	tokens := make([]chan struct{}, senders)
	for i := range tokens {
		tokens[i] = make(chan struct{}, window)
		for range window {
			tokens[i] <- struct{}{}
		}
	}
	var mu sync.Mutex
	next := make([]uint32, senders)
	socketOf := map[netip.AddrPort]int{}
	used := map[int]bool{}
	stop := runAll(t, g, func(socket int, batch []Datagram) {
		mu.Lock()
		defer mu.Unlock()
		for _, d := range batch {
			from, seq := binary.BigEndian.Uint32(d.Payload), binary.BigEndian.Uint32(d.Payload[4:])
			if seq != next[from] {
				t.Errorf("sender %d: datagram %d, want %d", from, seq, next[from])
			}
			next[from] = seq + 1
			if was, ok := socketOf[d.From]; ok && was != socket {
				t.Errorf("%s came to socket %d, then to %d", d.From, was, socket)
			}
			socketOf[d.From], used[socket] = socket, true
			tokens[from] <- struct{}{}
		}
	})
	var wg sync.WaitGroup
	for i := range senders {
		c := dial(t, g.Addr())
		wg.Go(func() {
			var b [8]byte
			binary.BigEndian.PutUint32(b[:], uint32(i))
			for seq := range uint32(each) {
				<-tokens[i]
				binary.BigEndian.PutUint32(b[4:], seq)
				if _, err := c.Write(b[:]); err != nil {
					t.Errorf("sender %d: %v", i, err)
					return
				}
			}
			for range window {
				<-tokens[i]
			}
		})
	}
	wg.Wait()
	stop()

	st := g.Stats()
	if st.Datagrams != senders*each || st.Bytes != senders*each*8 || st.KernelDrops != 0 {
		t.Errorf("stats = %+v, want %d datagrams of 8 bytes and no drop", st, senders*each)
	}
	if len(socketOf) != senders {
		t.Errorf("%d senders seen, want %d", len(socketOf), senders)
	}
	if canShare && len(used) < 2 {
		t.Errorf("%d of 4 sockets got datagrams: the port is not shared out", len(used))
	}
}

// When the context ends, what the kernel has queued is handed over before Run
// returns.
func TestCancelDrains(t *testing.T) {
	const n = 150 // more than a batch, less than the smallest buffer holds
	g := open(t, Config{Addr: "127.0.0.1:0", Sockets: 1})
	c := dial(t, g.Addr())
	for range n {
		write(t, c, []byte("queued"))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	got := 0
	if err := g.Sockets()[0].Run(ctx, func(batch []Datagram) { got += len(batch) }); err != nil {
		t.Fatalf("Run = %v, want nil", err)
	}
	if got != n {
		t.Errorf("%d datagrams handed over, want %d", got, n)
	}
}

// An exporter that never pauses does not keep Run from ending.
func TestDrainEnds(t *testing.T) {
	g := open(t, Config{Addr: "127.0.0.1:0", Sockets: 1})
	c := dial(t, g.Addr())
	ended := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for payload := make([]byte, 100); ; {
			select {
			case <-ended:
				return
			default:
				c.Write(payload)
			}
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	err := g.Sockets()[0].Run(ctx, func([]Datagram) { cancel() })
	close(ended)
	wg.Wait()
	if st := g.Stats(); err != nil || st.Datagrams == 0 {
		t.Errorf("Run = %v after %d datagrams, want nil after some", err, st.Datagrams)
	}
}

func TestCancelUnblocks(t *testing.T) {
	g := open(t, Config{Addr: "127.0.0.1:0", Sockets: 2})
	stop := runAll(t, g, func(int, []Datagram) { t.Error("a datagram from nobody") })
	stop()
}

func TestCloseUnderRun(t *testing.T) {
	g := open(t, Config{Addr: "127.0.0.1:0", Sockets: 1})
	c := dial(t, g.Addr())
	running := make(chan struct{})
	done := make(chan error)
	go func() {
		var once sync.Once
		done <- g.Sockets()[0].Run(context.Background(), func([]Datagram) { once.Do(func() { close(running) }) })
	}()
	write(t, c, []byte("x"))
	<-running
	if err := g.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("Run on a closed socket = %v, want ErrClosed", err)
	}
	if err := g.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if st := g.Stats(); st.Datagrams != 1 {
		t.Errorf("stats after the close = %+v, want 1 datagram", st)
	}
}

func TestFamiliesAndContents(t *testing.T) {
	largest := make([]byte, 65507) // the most IPv4 carries
	for i := range largest {
		largest[i] = byte(i * 7)
	}
	tests := []struct {
		listen, dial string
		payload      []byte
	}{
		{"127.0.0.1:0", "127.0.0.1", []byte("v4")},
		{"[::1]:0", "::1", []byte("v6")},
		{":0", "127.0.0.1", []byte("v4 on a socket of both families")},
		{":0", "::1", []byte("v6 on a socket of both families")},
		{"127.0.0.1:0", "127.0.0.1", nil},
		{"127.0.0.1:0", "127.0.0.1", largest},
	}
	for _, tt := range tests {
		g, err := Open(Config{Addr: tt.listen, Sockets: 1})
		if errors.Is(err, ErrAddress) && strings.Contains(tt.listen+tt.dial, "::") {
			t.Logf("no IPv6 here: %v", err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		to := netip.AddrPortFrom(netip.MustParseAddr(tt.dial), g.Addr().Port())
		c := dial(t, to)
		before := time.Now().UnixNano()
		write(t, c, tt.payload)
		got := make(chan struct{})
		stop := runAll(t, g, func(_ int, batch []Datagram) {
			d, after := batch[0], time.Now().UnixNano()
			if string(d.Payload) != string(tt.payload) || d.Truncated {
				t.Errorf("listen %s, dial %s: %d bytes, truncated %v, want %d bytes unchanged",
					tt.listen, tt.dial, len(d.Payload), d.Truncated, len(tt.payload))
			}
			if want := c.LocalAddr().(*net.UDPAddr).AddrPort(); d.From != netip.AddrPortFrom(want.Addr().Unmap(), want.Port()) {
				t.Errorf("listen %s, dial %s: from %s, want %s", tt.listen, tt.dial, d.From, want)
			}
			if d.ReceivedNs < before || d.ReceivedNs > after {
				t.Errorf("received at %d, want between %d and %d", d.ReceivedNs, before, after)
			}
			close(got)
		})
		<-got
		stop()
	}
}

func TestTruncated(t *testing.T) {
	conn, err := bind("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	addr := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	rx, err := newReceiver(conn, 1<<20, 4, 100)
	if err != nil {
		t.Fatal(err)
	}
	s := newSocket(rx, addr)
	c := dial(t, addr)
	write(t, c, make([]byte, 101))
	write(t, c, make([]byte, 100))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var got []bool
	if err := s.Run(ctx, func(batch []Datagram) {
		for _, d := range batch {
			if len(d.Payload) != 100 {
				t.Errorf("payload of %d bytes, want 100", len(d.Payload))
			}
			got = append(got, d.Truncated)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !got[0] || got[1] {
		t.Errorf("truncated = %v, want [true false]", got)
	}
	if st := s.Stats(); st.Truncated != 1 || st.Datagrams != 2 || st.Bytes != 200 || st.Batches == 0 {
		t.Errorf("stats = %+v, want 2 datagrams of 100 bytes, 1 truncated", st)
	}
}

func TestPassingErrors(t *testing.T) {
	s := &Socket{addr: netip.MustParseAddrPort("127.0.0.1:2055")}
	for _, e := range []syscall.Errno{syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENOBUFS, syscall.EMSGSIZE, syscall.EPROTO} {
		if err := s.forgive(e, 1); err != nil {
			t.Errorf("%v ends Run: %v", e, err)
		}
	}
	got := [4]uint64{s.unreachable.Load(), s.noMemory.Load(), s.tooLong.Load(), s.otherError.Load()}
	if want := [4]uint64{2, 1, 1, 1}; got != want {
		t.Errorf("counted %v, want %v", got, want)
	}
	if err := s.forgive(syscall.EBADF, 1); !errors.Is(err, syscall.EBADF) {
		t.Errorf("EBADF gives %v, want it to end Run", err)
	}
	if err := s.forgive(syscall.ENOBUFS, maxFailures); !errors.Is(err, ErrStuck) {
		t.Errorf("%d errors in a row give %v, want ErrStuck", maxFailures, err)
	}
}

func TestStatsAdd(t *testing.T) {
	one := Stats{1, 2, 3, 4, 5, 6, 7, 8, 9}
	sum := one
	sum.add(one)
	if want := (Stats{2, 4, 6, 8, 10, 12, 14, 16, 18}); sum != want {
		t.Errorf("sum = %+v, want %+v", sum, want)
	}
}

func TestOpenErrors(t *testing.T) {
	held, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	group := open(t, Config{Addr: "127.0.0.1:0", Sockets: 2})
	tests := []struct {
		name string
		cfg  Config
		want error
		says string
	}{
		{"no port", Config{Addr: "127.0.0.1"}, ErrAddress, "host:port"},
		{"empty", Config{}, ErrAddress, "host:port"},
		{"port too large", Config{Addr: "127.0.0.1:70000"}, ErrAddress, "70000"},
		{"address of nobody here", Config{Addr: "192.0.2.1:0"}, ErrAddress, "no interface"},
		{"held by a plain socket", Config{Addr: held.LocalAddr().String()}, ErrInUse, "another collector"},
		{"held by a shared group", Config{Addr: group.Addr().String(), Sockets: 2}, ErrInUse, "another collector"},
		{"negative sockets", Config{Addr: ":0", Sockets: -1}, ErrConfig, "sockets"},
		{"too many sockets", Config{Addr: ":0", Sockets: 65}, ErrConfig, "sockets"},
		{"negative buffer", Config{Addr: ":0", ReceiveBuffer: -1}, ErrConfig, "buffer"},
	}
	for _, tt := range tests {
		g, err := Open(tt.cfg)
		if err == nil {
			g.Close()
		}
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: Open(%+v) = %v, want %v and the words %q", tt.name, tt.cfg, err, tt.want, tt.says)
		}
	}
}

func TestDefaults(t *testing.T) {
	got := Config{Addr: ":0"}.withDefaults()
	if got.Sockets < 1 || got.Sockets > 8 || got.ReceiveBuffer != 32<<20 {
		t.Errorf("defaults = %+v, want 1 to 8 sockets and 32 MiB", got)
	}
}

// Reading a batch and counting it allocates nothing.
func TestNoAllocations(t *testing.T) {
	g := open(t, Config{Addr: "127.0.0.1:0", Sockets: 1})
	s := g.Sockets()[0]
	c := dial(t, g.Addr())
	payload := make([]byte, 1400)
	var seen atomic.Int64
	handle := func(batch []Datagram) { seen.Add(int64(len(batch))) }
	const each = 20
	allocs := testing.AllocsPerRun(50, func() {
		for range each {
			write(t, c, payload)
		}
		for want := seen.Load() + each; seen.Load() < want; {
			batch, err := s.rx.read()
			if err != nil {
				t.Fatal(err)
			}
			s.deliver(batch, handle)
		}
	})
	if canShare && allocs != 0 {
		t.Errorf("%v allocations for %d datagrams, want 0", allocs, each)
	}
}
