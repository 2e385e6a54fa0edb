package watch

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"flowname/cmd/flowname/exports/exportstest"
)

// A traffic is an order in which flows ask for what the cache knows.
type traffic struct {
	name string
	// fresh: each flow is a new connection; else the same come round again.
	fresh bool
	// next gives the number of the answer that the next flow was made by.
	next func(answers int) func() int
}

var traffics = []traffic{
	{"again", false, uniform},
	{"fresh", true, uniform},
	{"zipf", true, zipf},
}

// uniform is the worst for caches: all answers are as likely.
func uniform(answers int) func() int {
	at := 0
	return func() int {
		at = (at + 7919) % answers
		return at
	}
}

// zipf is as popularity goes: the k-th answer is asked for in proportion to
// k^-1.1. The popular ones are scattered over all clients.
func zipf(answers int) func() int {
	z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, uint64(answers-1))
	return func() int { return int(z.Uint64() * 7919 % uint64(answers)) }
}

// datagrams are n messages of a traffic.
func (tr *traffic) datagrams(answers, n int) [][]byte {
	next := tr.next(answers)
	msgs := make([][]byte, n)
	for i := range msgs {
		clients, servers := make([]uint32, flowsEach), make([]uint32, flowsEach)
		for k := range clients {
			at := uint32(next())
			clients[k], servers[k] = at/addressesPerClient, serverOf(at)
		}
		msgs[i] = exportstest.Data(clients, servers)
	}
	return msgs
}

// Where the source port of a flow of exportstest.Data is.
const (
	firstPort = 16 + 4 + 9
	flowSize  = 67
)

// renew gives the flows of a message other source ports.
func renew(msg []byte, port uint16) {
	for at := firstPort; at < len(msg); at += flowSize {
		binary.BigEndian.PutUint16(msg[at:], binary.BigEndian.Uint16(msg[at:])+port)
	}
}

// BenchmarkFlowPath is a flow from its datagram to its JSON line, in a world
// of so many answers, where so many datagrams are read at a time.
func BenchmarkFlowPath(b *testing.B) {
	for _, answers := range []int{10_000, 1_000_000, 10_000_000} {
		if testing.Short() && answers > 1_000_000 {
			continue
		}
		b.Run(fmt.Sprintf("answers=%d", answers), func(b *testing.B) {
			p := newFlowPath(b, answers)
			p.datagram(b, exportstest.Template())
			for _, tr := range traffics {
				msgs := tr.datagrams(answers, min(answers/flowsEach, 20_000)/64*64)
				for _, burst := range []int{1, 64} {
					b.Run(fmt.Sprintf("%s/burst=%d", tr.name, burst), func(b *testing.B) {
						benchFlows(b, p, &tr, msgs, burst)
					})
				}
			}
		})
	}
}

func benchFlows(b *testing.B, p *flowPath, tr *traffic, msgs [][]byte, burst int) {
	b.ReportAllocs()
	p.named = 0
	joined := 0
	for at := 0; b.Loop(); at = (at + burst) % len(msgs) {
		if tr.fresh {
			for _, m := range msgs[at : at+burst] {
				renew(m, 1)
			}
		}
		p.burst(b, msgs[at:at+burst]...)
		joined += len(p.records)
	}
	if p.named != joined {
		b.Errorf("named %d of %d flows by their clients' answers", p.named, joined)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(joined), "ns/flow")
}
