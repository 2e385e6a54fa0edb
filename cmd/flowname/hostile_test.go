package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowload/feed"
	"flowname/cmd/flowname/exports/exportstest"
	"flowname/cmd/flowname/ledger"
	"flowname/flows"
	"flowname/flows/netflow"
)

const (
	// hostileSeconds is the variable that lengthens TestRunUnderHostileExporters.
	hostileSeconds = "FLOWNAME_HOSTILE_SECONDS"

	// hostileMemory bounds the collector's memory under all of that; README says
	// so. Of 120 MB in use most is the join's memory of connections, then Badger's
	// tables, the sockets' buffers and the decoders' stores; as much again is what
	// Go's collector leaves for its next turn, and the file of exporters' state.
	// The decoders' part is hostileDecoder each.
	hostileMemory  = 400 << 20
	hostileDecoder = 24 << 20
	// hostileGrowth is how much more memory the second half of the time may take
	// than the first, once the stores are full.
	hostileGrowth = 1.25

	hostilePorts = 200      // made-up exporters' addresses and ports
	hostileBurst = 12       // messages a millisecond and a half
	hostileTurns = 1800     // bursts before the time begins, which fill the decoders
	hostileQueue = 64 << 10 // bytes in the kernel's queue before a burst: a third of the least buffer

	memorySamples = 20
)

// A hostile sends what no exporter should, from many addresses.
type hostile struct {
	rng   *rand.Rand
	conns []*net.UDPConn
	buf   []byte
}

func newHostile(t *testing.T, collector string) *hostile {
	h := &hostile{rng: rand.New(rand.NewPCG(4, 2))}
	for i := range hostilePorts {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(10 + i%50), byte(i), 1}), 0)
		h.conns = append(h.conns, exportTo(t, collector, from.String()).conn)
	}
	return h
}

// send sends one message; that the kernel takes it is not asked for.
func (h *hostile) send() {
	conn := h.conns[h.rng.IntN(len(h.conns))]
	h.buf = h.message(h.buf[:0])
	switch h.rng.IntN(12) {
	case 0:
		h.buf = h.buf[:h.rng.IntN(len(h.buf)+1)] // cut short
	case 1: // some bits turned over
		for range 1 + h.rng.IntN(8) {
			if len(h.buf) > 0 {
				h.buf[h.rng.IntN(len(h.buf))] ^= byte(1 << h.rng.IntN(8))
			}
		}
	case 2:
		h.buf = h.noise(h.buf, h.rng.IntN(2000)) // longer than it says
	}
	_, _ = conn.Write(h.buf)
}

// message makes a message of one of 64 k domains: v5, v9 or IPFIX, with sets of
// all kinds.
func (h *hostile) message(b []byte) []byte {
	domain := uint32(h.rng.IntN(1 << 16))
	switch h.rng.IntN(8) {
	case 0:
		b = h.noise(append(b, 0, 5, 0, byte(1+h.rng.IntN(30))), 20+48*h.rng.IntN(31))
		return b
	case 1:
		return h.noise(b, h.rng.IntN(1500))
	case 2, 3:
		b = append(b, 0, 9, 0, 1)
		b = binary.BigEndian.AppendUint32(b, h.rng.Uint32())
		b = binary.BigEndian.AppendUint32(b, uint32(time.Now().Unix()))
		b = binary.BigEndian.AppendUint32(b, h.rng.Uint32())
		b = binary.BigEndian.AppendUint32(b, domain)
		return h.sets(b, 0)
	}
	b = append(b, 0, 10, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(time.Now().Unix()))
	b = binary.BigEndian.AppendUint32(b, h.rng.Uint32())
	b = binary.BigEndian.AppendUint32(b, domain)
	b = h.sets(b, 2)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// sets appends templates with the set ids from first on, and data.
func (h *hostile) sets(b []byte, first uint16) []byte {
	id := uint16(256 + h.rng.IntN(1000))
	for range 1 + h.rng.IntN(3) {
		start := len(b)
		b = append(b, 0, 0, 0, 0)
		set := id
		switch h.rng.IntN(5) {
		case 0, 1:
			set = first
			fields := h.rng.IntN(40)
			b = binary.BigEndian.AppendUint16(b, id)
			b = binary.BigEndian.AppendUint16(b, uint16(fields))
			for range fields {
				b = binary.BigEndian.AppendUint16(b, uint16(h.rng.IntN(500)))
				b = binary.BigEndian.AppendUint16(b, uint16(1+h.rng.IntN(16)))
			}
		case 2:
			set = first + 1
			b = h.noise(b, h.rng.IntN(100))
		case 3:
			set = uint16(h.rng.IntN(1 << 16))
			b = h.noise(b, h.rng.IntN(500))
		default:
			b = h.noise(b, h.rng.IntN(1200))
		}
		binary.BigEndian.PutUint16(b[start:], set)
		binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start))
	}
	return b
}

func (h *hostile) noise(b []byte, n int) []byte {
	for range n {
		b = append(b, byte(h.rng.Uint32()))
	}
	return b
}

// oversized is as large as a datagram can be: one template, then records of a
// byte each.
func (h *hostile) oversized() {
	b := append(h.buf[:0], 0, 10, 0xff, 0xd0)
	b = append(b, make([]byte, 12)...)
	b = append(b, 0, 2, 0, 12, 1, 0, 0, 1, 0, 4, 0, 1, 1, 0, 0xff, 0xb4)
	for len(b) < 0xffd0-24 {
		b = append(b, 6)
	}
	h.buf = b
	_, _ = h.conns[h.rng.IntN(len(h.conns))].Write(b)
}

// TestRunUnderHostileExporters has a good exporter beside a flood of bad ones.
// It has sent its template once and is silent for a third of the time. All of its
// flows arrive, nothing of them is lost, the accounts add up, and the collector's
// memory levels off under its bound.
func TestRunUnderHostileExporters(t *testing.T) {
	seconds, turns := 3, hostileTurns
	if text := os.Getenv(hostileSeconds); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", hostileSeconds, err)
		}
		turns *= 3
	}
	c := startCollector(t, t.TempDir(), "--sockets", "2", "--wait", "0s")
	good := exportTo(t, c.netflow, "127.0.0.9:0")
	good.send(exportstest.Template(), 0)
	good.send(testFlows(18), 18)
	eventually(t, "the good exporter is known", func() bool { return c.row("127.0.0.9").Flows == 18 })

	memory := flood(t, c, good, turns, time.Duration(seconds)*time.Second)

	var r ledger.Exporter
	eventually(t, "all of the good exporter's flows", func() bool { r = c.row("127.0.0.9"); return r.Flows == uint64(good.sent) })
	whole, _ := c.ledger()
	t.Logf("%d datagrams, %d dropped by the kernel; %d flows of the good exporter; %d domains' messages forgotten; refused %v",
		whole.Datagrams, whole.KernelDrops, r.Flows, whole.Forgotten.Messages, whole.Account.Refused)
	if whole.KernelDrops > 0 {
		t.Errorf("the kernel dropped %d datagrams of a flood that waits for its reader", whole.KernelDrops)
	}
	if r.Lost+r.Missing != 0 || len(r.Refused) != 0 || r.Waiting.Count+r.Late.Count != 0 {
		t.Errorf("of the good exporter: %+v", r.Account)
	}
	if whole.Forgotten.Messages == 0 {
		t.Error("the flood did not fill the decoders")
	}
	eventually(t, "the accounts add up", func() bool { w, _ := c.ledger(); return w.Account.Bytes == w.DatagramBytes && w.FlowsInside == 0 })
	eventually(t, "the good flows are written", func() bool { return goodLines(t, c.out) == int(good.sent) })
	memory.check(seconds >= 10)
}

// TestDecoderUnderHostileExporters has 400,000 such messages for one decoder: in
// the second half its memory does not grow.
func TestDecoderUnderHostileExporters(t *testing.T) {
	h := &hostile{rng: rand.New(rand.NewPCG(4, 2))}
	d := netflow.NewDecoder(netflow.Config{})
	var recs []flows.Record
	var memory [3]uint64
	for i := range memory {
		for j := range 200_000 * min(i, 1) {
			h.buf = h.message(h.buf[:0])
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(j % 50), byte(h.rng.IntN(200)), 1}), 9)
			recs, _ = d.AppendRecords(recs[:0], h.buf, from, int64(i*200_000+j)*100_000)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		memory[i] = m.HeapAlloc
	}
	if used, grown := int64(memory[1]-memory[0]), int64(memory[2]-memory[1]); used > hostileDecoder || grown > 2<<20 {
		t.Errorf("%d bytes in use, %d more after as much again", used, grown)
	}
	runtime.KeepAlive(d)
}

// flood sends all that a hostile can, first some turns as fast as the collector
// reads, to fill its stores, then at some pace for so long; and between it the flows of
// the good exporter, but for the middle third of that time. No more is under way
// than the smallest receive buffer holds, however slow the machine is.
func flood(t *testing.T, c *collector, good *exporter, turns int, long time.Duration) *memoryWatch {
	h := newHostile(t, c.netflow)
	port, err := feed.OpenPort(netip.MustParseAddrPort(c.netflow).Port())
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	turn := func(i int, goodToo bool) {
		untilRead(t, port, hostileQueue)
		for range hostileBurst {
			h.send()
		}
		if i%500 == 0 {
			untilRead(t, port, 0)
			h.oversized()
		}
		if i%20 == 0 && goodToo {
			good.send(testFlows(18), 18)
		}
	}
	for i := range turns {
		turn(i, true)
	}
	memory := &memoryWatch{c: c, every: long / memorySamples}
	tick := time.NewTicker(1500 * time.Microsecond)
	defer tick.Stop()
	begin := time.Now()
	for i := 0; time.Since(begin) < long || len(memory.samples) < memorySamples/2; i++ {
		<-tick.C
		memory.look(time.Since(begin))
		turn(i, 3*time.Since(begin)/long != 1)
	}
	return memory
}

// untilRead waits until the kernel holds no more than so many bytes for the
// collector.
func untilRead(t *testing.T, port *feed.Port, queue uint64) {
	t.Helper()
	for deadline := time.Now().Add(feed.Patience); ; runtime.Gosched() {
		s, err := port.Socket()
		switch {
		case err != nil:
			t.Fatal(err)
		case s.Queued <= queue:
			return
		case time.Now().After(deadline):
			t.Fatalf("the collector has left %d bytes in its queue for %v", s.Queued, feed.Patience)
		}
	}
}

// A memoryWatch takes samples of the collector's memory.
type memoryWatch struct {
	c       *collector
	every   time.Duration
	samples []float64
}

var residentLine = regexp.MustCompile(`(?m)^process_resident_memory_bytes (\S+)`)

// look takes a sample when one is due.
func (m *memoryWatch) look(elapsed time.Duration) {
	if elapsed < time.Duration(len(m.samples)+1)*m.every {
		return
	}
	found := residentLine.FindStringSubmatch(m.c.get("/metrics"))
	if found == nil {
		m.c.t.Fatal("the collector does not tell its memory")
	}
	bytes, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		m.c.t.Fatal(err)
	}
	m.samples = append(m.samples, bytes)
}

// check wants all samples under the bound and, when the time was long enough for
// that to be seen, the second half level with the first: a quarter is left out
// before it, in which Go's collector finds its pace.
func (m *memoryWatch) check(level bool) {
	t := m.c.t
	t.Helper()
	begin, half := len(m.samples)/4, (len(m.samples)+1)/2
	first, second := slices.Max(m.samples[begin:half]), slices.Max(m.samples[half:])
	t.Logf("memory at most %.0f MB in the first half, %.0f MB in the second", first/1e6, second/1e6)
	if underRace {
		return // which takes several times as much
	}
	if most := max(first, second); most > hostileMemory {
		t.Errorf("memory %.0f, bound %d", most, hostileMemory)
	}
	if level && second > hostileGrowth*first {
		t.Errorf("memory grows from %.0f to %.0f", first, second)
	}
}

// goodLines counts the good exporter's flows in the output.
func goodLines(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), fmt.Sprintf(`"sampler_address":%q`, "127.0.0.9"))
}
