package feed

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowload/world"
	"flowname/dnscache/dnstap"
)

func mustWorld(t testing.TB) *world.World {
	t.Helper()
	c := world.Default()
	c.Flows = 20_000
	w, err := world.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  348: 0100007F:0807 00000000:0000 07 00000000:00001A00 00:00000000 00000000     0        0 71213 2 0000000000000000 5
  349: 0100007F:0807 00000000:0000 07 00000000:00000100 00:00000000 00000000     0        0 71214 2 0000000000000000 2
  350: 0100007F:0808 00000000:0000 07 00000000:00009999 00:00000000 00000000     0        0 71215 2 0000000000000000 9
  351: nonsense
`

func TestSocketTable(t *testing.T) {
	for port, want := range map[uint16]Socket{
		2055: {Bound: true, Queued: 0x1b00, Drops: 7}, 2056: {Bound: true, Queued: 0x9999, Drops: 9}, 2057: {},
	} {
		var got Socket
		if got.add([]byte(table), port); got != want {
			t.Errorf("port %d: got %+v, want %+v", port, got, want)
		}
	}
}

// listen counts datagrams in a socket of the smallest buffer, slowly.
func listen(t *testing.T, each time.Duration) (addr string, count *atomic.Uint64) {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	count = new(atomic.Uint64)
	done := make(chan bool)
	go func() {
		defer close(done)
		b := make([]byte, 1<<16)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			count.Add(1)
			for until := time.Now().Add(each); time.Now().Before(until); {
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return c.LocalAddr().String(), count
}

func messages(w *world.World) func(func(wire.Message) bool) {
	return func(yield func(wire.Message) bool) { wire.Messages(w, wire.IPFIX, yield) }
}

// A receiver that is slower than the sender loses nothing by queue.
func TestNothingIsLostByQueue(t *testing.T) {
	addr, count := listen(t, 200*time.Microsecond)
	learned := false
	sent, err := Flows(t.Context(), Options{To: addr, Learned: func() error { learned = true; return nil }}, messages(mustWorld(t)))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); count.Load() < sent.Datagrams && time.Now().Before(deadline); {
	}
	if sent.Flows != 20_000 || sent.Drops != 0 || count.Load() != sent.Datagrams || !learned {
		t.Errorf("sent %+v, received %d datagrams, learned %v", sent, count.Load(), learned)
	}
}

func TestRate(t *testing.T) {
	addr, _ := listen(t, 0)
	sent, err := Flows(t.Context(), Options{To: addr, Rate: 100_000}, messages(mustWorld(t)))
	if err != nil {
		t.Fatal(err)
	}
	if rate := float64(sent.Flows) / sent.Took.Seconds(); rate > 110_000 {
		t.Errorf("%d flows in %v, want 100,000 a second at most", sent.Flows, sent.Took)
	}
}

func TestErrors(t *testing.T) {
	w := mustWorld(t)
	if _, err := Flows(t.Context(), Options{To: "nowhere"}, messages(w)); err == nil {
		t.Error("an address without a port is taken")
	}
	if _, err := Flows(t.Context(), Options{To: "127.0.0.1:1"}, messages(w)); err == nil {
		t.Error("nobody listens, and no error")
	}
	addr, _ := listen(t, 0)
	refused := errors.New("refused")
	if _, err := Flows(t.Context(), Options{To: addr, Learned: func() error { return refused }}, messages(w)); err != refused {
		t.Errorf("got %v, want the hook's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Flows(ctx, Options{To: addr}, messages(w)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
	for _, to := range []string{"", "fifo:x", "unix:", "unix:" + filepath.Join(t.TempDir(), "none")} {
		if _, err := Dnstap(t.Context(), to, w, 0); err == nil {
			t.Errorf("dnstap to %q: no error", to)
		}
	}
}

// All answers arrive at the project's own server, paced and not.
func TestDnstap(t *testing.T) {
	w := mustWorld(t)
	for _, rate := range []int{0, 200_000} {
		path := "unix:" + filepath.Join(t.TempDir(), "tap")
		l, err := dnstap.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		server, err := dnstap.NewServer(dnstap.Config{})
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		got := 0
		go func() {
			conn, err := l.Accept()
			if err == nil {
				err = server.Serve(context.Background(), conn, func(*dnstap.Message) error { got++; return nil }, func() {})
			}
			served <- err
		}()
		n, err := Dnstap(t.Context(), path, w, rate)
		if err = errors.Join(err, <-served); err != nil || n != w.Answers() || got != n {
			t.Errorf("rate %d: sent %d, got %d of %d: %v", rate, n, got, w.Answers(), err)
		}
		l.Close()
	}
}

func TestPortSaysWhoListens(t *testing.T) {
	addr, _ := listen(t, 0)
	_, text, _ := strings.Cut(addr, ":")
	n, err := net.LookupPort("udp", text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenPort(uint16(n))
	if err != nil {
		t.Skip(err)
	}
	defer p.Close()
	if s, err := p.Socket(); err != nil || !s.Bound || s.Queued != 0 {
		t.Errorf("got %+v, %v, want a bound socket", s, err)
	}
}
