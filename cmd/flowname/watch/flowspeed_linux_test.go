package watch

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"flowname/cmd/flowname/exports/exportstest"
)

// A flow may take so many times what a step of the reference takes: twice the 5.9
// to 6.2 that were measured on two cores with ten times as much to do.
const flowBound = 12

// reference is work of the kind that a flow is, by code that does not change:
// reads all over a table that no cache holds, and arithmetic that has to wait for
// itself.
type reference struct {
	table []uint64
	state uint64
}

func newReference() *reference {
	r := &reference{table: make([]uint64, 64<<20/8), state: 1}
	for i := range r.table {
		r.table[i] = uint64(i) * 0x9e3779b97f4a7c15
	}
	return r
}

// step is what a flow is compared with.
func (r *reference) step() {
	const reads, rounds = 16, 150
	at, sum := r.state, uint64(0)
	for range reads {
		at = at*6364136223846793005 + 1442695040888963407
		sum += r.table[at>>32%uint64(len(r.table))]
	}
	for range rounds {
		sum = (sum ^ sum>>29) * 0xbf58476d1ce4e5b9
	}
	r.state = sum | 1
}

// threadTime is the CPU time that the calling thread has used: others' load
// makes it longer by what they take of the caches only.
func threadTime(tb testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestFlowSpeed compares a flow with the reference in one run, in turns, by the
// least that each took. Set FLOWNAME_SPEED to have it measured.
func TestFlowSpeed(t *testing.T) {
	if os.Getenv("FLOWNAME_SPEED") == "" {
		t.Skip("measures only where FLOWNAME_SPEED is set, as in .ci/run")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const answers, burst, turns = 200_000, 28, 12 // 28 datagrams are what a receiver joins at once
	p := newFlowPath(t, answers)
	p.datagram(t, exportstest.Template())
	fresh := traffic{fresh: true, next: uniform}
	msgs := fresh.datagrams(answers, 40*burst)
	ref := newReference()
	each := func(work func() int) float64 {
		began := threadTime(t)
		n := work()
		return float64(threadTime(t)-began) / float64(n)
	}
	flow, step := 1e18, 1e18
	for range turns {
		step = min(step, each(func() int {
			const steps = 20_000
			for range steps {
				ref.step()
			}
			return steps
		}))
		flow = min(flow, each(func() (n int) {
			for at := 0; at < len(msgs); at += burst {
				for _, m := range msgs[at : at+burst] {
					renew(m, 1)
				}
				p.burst(t, msgs[at:at+burst]...)
				n += len(p.records)
			}
			return n
		}))
	}
	t.Logf("a flow takes %.0f ns, a step of the reference %.0f ns: ratio %.2f, bound %v", flow, step, flow/step, flowBound)
	if flow > flowBound*step {
		t.Errorf("a flow takes %.2f times what a step of the reference takes; more than %v", flow/step, flowBound)
	}
}
