package hunt

import (
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// A month of a name that many clients resolve: of each hour some, the first of
// all in the middle of the input. HUNT_CLIENTS says how many, such as 1000000.
func TestManyClients(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("HUNT_CLIENTS"))
	if err != nil {
		n = 20_000
	}
	h := hunter(t, Config{}, "bad.example\n")
	client := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const month = 30 * 24 * 3600
	at := func(i int) int64 { return 1_000_000 + int64((i+n/2)%n)*month/int64(n) }
	empty := heap()
	for i := range n {
		h.Add(answer(client(i), at(i), at(i)+10, "bad.example", bad))
	}
	answers := heap()
	for i := range n {
		h.Flow(flow(at(i)+5, client(i), bad, "", ""))
		h.Flow(flow(at(i)+200, client(i), other, "", ""))
	}
	flows := heap()
	x := h.Indicators()[0]
	t.Logf("%d clients: %d bytes an answer, %d a sum of flows", n, (answers-empty)/uint64(n), (flows-answers)/uint64(n))
	if x.FirstNs != 1_000_000*sec || x.FirstClient != client(n/2) || x.Clients() != n || len(x.Flows) != n || h.LeftOut != 0 {
		t.Errorf("first evidence at %d of %v, %d clients, %d sums, %d left out", x.FirstNs/sec, x.FirstClient, x.Clients(), len(x.Flows), h.LeftOut)
	}
	for _, f := range x.Flows {
		if f.How != Resolved || f.Flows != 1 {
			t.Fatalf("got %+v", f)
		}
	}
}
