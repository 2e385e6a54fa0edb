package netflow

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"flowname/flows"
)

// eighteen are the fields of the templates that speed is measured with: what a
// router exports of an IPv4 flow.
func eighteen(start, end, size uint16) []uint16 {
	return []uint16{8, 4, 12, 4, 15, 4, 10, 4, 14, 4, 2, 8, 1, 8, start, size, end, size,
		7, 2, 11, 2, 6, 1, 4, 1, 5, 1, 16, 4, 17, 4, 9, 1, 13, 1}
}

func record18(times ...[]byte) []byte {
	return slices.Concat(ip("192.0.2.1"), ip("198.51.100.2"), ip("203.0.113.1"), u32(3), u32(4), u64(10), u64(1500),
		slices.Concat(times...), u16(12345), u16(443), []byte{0x1b, 6, 0}, u32(64512), u32(65000), []byte{24, 16})
}

// speedCases are messages of eighteen records with the message that has their
// template; v5 has neither template nor eighteen fields.
func speedCases() map[string]struct{ learn, msg []byte } {
	nine := slices.Repeat(record18(u32(90_001), u32(95_001)), 18)
	ten := slices.Repeat(record18(u64(exportSecs*1000-9000), u64(exportSecs*1000)), 18)
	walk := slices.Repeat(append(record18(u64(exportSecs*1000-9000), u64(exportSecs*1000)), 4, 'e', 't', 'h', '0'), 18)
	return map[string]struct{ learn, msg []byte }{
		"v5":             {v5Message(1), v5Message(18)},
		"v9":             {v9(exportSecs, 100_001, set(0, tmpl(256, eighteen(22, 21, 4)...))), v9(exportSecs, 100_001, set(256, nine))},
		"IPFIX":          {ipfix(set(2, tmpl(256, eighteen(152, 153, 8)...))), ipfix(set(256, ten))},
		"IPFIX-variable": {ipfix(set(2, tmpl(256, append(eighteen(152, 153, 8), 82, 0xffff)...))), ipfix(set(256, walk))},
	}
}

// TestAllocs asks for no allocation a message once its template is known.
func TestAllocs(t *testing.T) {
	for name, c := range speedCases() {
		d := NewDecoder(Config{})
		recs := mustAppend(t, d, c.learn)
		recs = slices.Grow(recs[:0], 18)
		allocs := testing.AllocsPerRun(100, func() {
			var err error
			if recs, err = d.AppendRecords(recs[:0], c.msg, router, 1); err != nil || len(recs) != 18 {
				t.Fatalf("%s: %d records, %v", name, len(recs), err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a message, want 0", name, allocs)
		}
		allocs = testing.AllocsPerRun(100, func() {
			if _, err := d.AppendRecords(recs[:0], c.learn, router, 1); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a template that comes again, want 0", name, allocs)
		}
	}
}

// sequenceField is where a message of eighteen records has its sequence number,
// and by how much the next one's is higher.
func sequenceField(msg []byte) (at int, step uint32) {
	switch msg[1] {
	case 5:
		return 16, 18
	case 9:
		return 12, 1
	}
	return 8, 18
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"v5", "v9", "IPFIX", "IPFIX-variable"} {
		c := speedCases()[name]
		b.Run(name, func(b *testing.B) {
			d := NewDecoder(Config{})
			recs, err := d.AppendRecords(nil, c.learn, router, 1)
			if err != nil {
				b.Fatal(err)
			}
			recs = slices.Grow[[]flows.Record](recs[:0], 18)
			b.SetBytes(int64(len(c.msg)))
			b.ReportAllocs()
			at, step := sequenceField(c.msg)
			for number := uint32(0); b.Loop(); number += step {
				binary.BigEndian.PutUint32(c.msg[at:], number)
				if recs, err = d.AppendRecords(recs[:0], c.msg, router, 1); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/18, "ns/flow")
		})
	}
}

// BenchmarkTemplate learns a template anew each time.
func BenchmarkTemplate(b *testing.B) {
	msgs := [][]byte{
		ipfix(set(2, tmpl(256, eighteen(152, 153, 8)...))),
		ipfix(set(2, tmpl(256, eighteen(150, 151, 4)...))),
	}
	d := NewDecoder(Config{})
	b.SetBytes(int64(len(msgs[0])))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := d.AppendRecords(nil, msgs[i%2], router, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExporters reads messages of many exporters in turn, so that each is of
// another domain than the one before.
func BenchmarkExporters(b *testing.B) {
	for _, name := range []string{"v5", "v9", "IPFIX"} {
		c := speedCases()[name]
		b.Run(name, func(b *testing.B) {
			d := NewDecoder(Config{})
			var from [100]netip.AddrPort
			var recs []flows.Record
			for i := range from {
				from[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 2055)
				recs, _ = d.AppendRecords(recs[:0], c.learn, from[i], 1)
			}
			recs = slices.Grow[[]flows.Record](recs[:0], 18)
			b.SetBytes(int64(len(c.msg)))
			b.ReportAllocs()
			at, step := sequenceField(c.msg)
			for i := 0; b.Loop(); i++ {
				binary.BigEndian.PutUint32(c.msg[at:], uint32(i/len(from))*step)
				recs, _ = d.AppendRecords(recs[:0], c.msg, from[i%len(from)], 1)
			}
		})
	}
}
