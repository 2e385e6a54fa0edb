package listen

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What does not fit into the receive buffer is counted: received and dropped
// make what was sent.
func TestKernelDrops(t *testing.T) {
	const sent = 2000
	g := open(t, Config{Addr: "127.0.0.1:0", Sockets: 1, ReceiveBuffer: 1 << 16})
	c := dial(t, g.Addr())
	payload := make([]byte, 1000)
	for range sent {
		write(t, c, payload)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Sockets()[0].Run(ctx, func([]Datagram) {}); err != nil {
		t.Fatal(err)
	}
	st := g.Stats() // after the close: the last count is kept
	if st.KernelDrops == 0 || st.Datagrams == 0 || st.Datagrams+st.KernelDrops != sent {
		t.Errorf("%d received and %d dropped, want both and %d in all", st.Datagrams, st.KernelDrops, sent)
	}
}

// The kernel's counter has 32 bits; the sum goes on beyond them.
func TestKernelDropsWrap(t *testing.T) {
	g := open(t, Config{Addr: "127.0.0.1:0", Sockets: 1})
	s := g.Sockets()[0]
	s.drops, s.lastDrop = 1<<40, 1<<32-3 // the kernel says 0 now: 3 more
	if got, want := s.Stats().KernelDrops, uint64(1<<40+3); got != want {
		t.Errorf("drops after a wrap = %d, want %d", got, want)
	}
}

func TestReceiveBuffer(t *testing.T) {
	tests := []struct{ wanted, most int }{
		{1 << 16, 1 << 16},
		{1 << 29, 1 << 29},
	}
	for _, tt := range tests {
		g := open(t, Config{Addr: "127.0.0.1:0", Sockets: 1, ReceiveBuffer: tt.wanted})
		got := g.Sockets()[0].ReceiveBuffer()
		if got < 1<<15 || got > tt.most {
			t.Errorf("wanted %d bytes, got %d, want at most %d", tt.wanted, got, tt.most)
		}
		warning := g.BufferWarning()
		if (got < tt.wanted) != (warning != "") {
			t.Errorf("wanted %d bytes, got %d, warning %q", tt.wanted, got, warning)
		}
	}
}

func TestBufferWarning(t *testing.T) {
	g := &Group{wanted: 32 << 20, sockets: []*Socket{{receiveBuffer: 208 << 10}}}
	for _, says := range []string{"208 KiB", "32768 KiB", "net.core.rmem_max=33554432"} {
		if got := g.BufferWarning(); !strings.Contains(got, says) {
			t.Errorf("warning %q does not say %q", got, says)
		}
	}
}

// The sender of BenchmarkReceive is a process of its own, so that its CPU time
// is not the receiver's.
const (
	envSendTo   = "LISTEN_TEST_SEND_TO"
	envSendN    = "LISTEN_TEST_SEND_N"
	envSendRate = "LISTEN_TEST_SEND_RATE"
)

// sendIfAsked sends evenly and exits, in the child process of a benchmark.
func sendIfAsked() {
	to := os.Getenv(envSendTo)
	if to == "" {
		return
	}
	n, _ := strconv.Atoi(os.Getenv(envSendN))
	rate, _ := strconv.Atoi(os.Getenv(envSendRate))
	c, err := net.Dial("udp", to)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	payload := make([]byte, benchPayload)
	for i, start := 0, time.Now(); i < n; i++ {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
		for time.Now().Before(due) {
			continue // a sleep is too coarse for 20 µs
		}
		if _, err := c.Write(payload); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(0)
}

const benchPayload = 1000

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReceive tells the CPU time of the whole process for a datagram that
// comes in evenly at a rate. ns/op is the sender's pace.
func BenchmarkReceive(b *testing.B) {
	for _, rate := range []int{5_000, 20_000, 55_555, 200_000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) {
			g := open(b, Config{Addr: "127.0.0.1:0", Sockets: 1})
			sender := exec.Command(os.Args[0])
			sender.Env = append(os.Environ(), "GOMAXPROCS=1", envSendTo+"="+g.Addr().String(),
				fmt.Sprintf("%s=%d", envSendN, b.N), fmt.Sprintf("%s=%d", envSendRate, rate))
			b.SetBytes(benchPayload)
			b.ReportAllocs()
			stop := runAll(b, g, func(int, []Datagram) {})
			before := cpuTime()
			if out, err := sender.CombinedOutput(); err != nil {
				b.Fatalf("sender: %v: %s", err, out)
			}
			stop()
			cpu, st := cpuTime()-before, g.Stats()
			if st.Datagrams+st.KernelDrops != uint64(b.N) {
				b.Errorf("%d received and %d dropped of %d", st.Datagrams, st.KernelDrops, b.N)
			}
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(st.Datagrams)/float64(max(st.Batches, 1)), "datagrams/batch")
			b.ReportMetric(float64(st.KernelDrops), "dropped")
		})
	}
}
