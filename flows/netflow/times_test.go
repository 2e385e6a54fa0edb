package netflow

import (
	"math"
	"testing"
	"time"

	"flowname/flows"
)

// ms is a Unix time in nanoseconds, from seconds and milliseconds.
func ms(secs, millis int64) int64 { return secs*1e9 + millis*1e6 }

// TestIPFIXTimes has one record a case: fields of the template, bytes of the
// record, and the times that they say.
func TestIPFIXTimes(t *testing.T) {
	const s = exportSecs
	ntpAt := uint64(s-100+ntpUnixSeconds)<<32 | 0x80000000 // half a second on
	tests := []struct {
		name       string
		fields     []uint16
		record     [][]byte
		start, end int64
		errNs      int64
	}{
		{"seconds", []uint16{150, 4, 151, 4}, [][]byte{u32(s - 9), u32(s - 1)}, ms(s-9, 0), ms(s-1, 0), secondNs},
		{"milliseconds", []uint16{152, 8, 153, 8}, [][]byte{u64((s-9)*1000 + 7), u64((s-1)*1000 + 3)}, ms(s-9, 7), ms(s-1, 3), fineErrorNs},
		{"milliseconds in six bytes", []uint16{152, 6, 153, 6}, [][]byte{u64((s-9)*1000 + 7)[2:], u64(s * 1000)[2:]}, ms(s-9, 7), ms(s, 0), fineErrorNs},
		{"NTP microseconds", []uint16{154, 8, 155, 8}, [][]byte{u64(ntpAt), u64(ntpAt | 0x7ff)}, ms(s-100, 500), ms(s-100, 500), fineErrorNs},
		{"NTP nanoseconds", []uint16{156, 8, 157, 8}, [][]byte{u64(ntpAt), u64(ntpAt + 5)}, ms(s-100, 500), ms(s-100, 500) + 1, fineErrorNs},
		{"NTP after 2036", []uint16{156, 8, 157, 8}, [][]byte{u64(1 << 32), u64(2 << 32)}, ms(2085978497, 0), ms(2085978498, 0), fineErrorNs},
		{"microseconds before export", []uint16{158, 4, 159, 4}, [][]byte{u32(2_500_000), u32(1)}, ms(s-3, 500), ms(s, 0) - 1000, secondNs},
		{"finest of several", []uint16{156, 8, 150, 4, 151, 4, 153, 8, 152, 8}, [][]byte{u64(ntpAt), u32(5), u32(6), u64(s * 1000), u64(7)}, ms(s-100, 500), ms(s, 0), fineErrorNs},
		{"zero is not exported", []uint16{152, 8, 153, 8, 150, 4, 151, 4}, [][]byte{u64(0), u64(0), u32(s - 9), u32(s - 1)}, ms(s-9, 0), ms(s-1, 0), secondNs},
		{"start and duration", []uint16{152, 8, 161, 4}, [][]byte{u64((s - 9) * 1000), u32(1500)}, ms(s-9, 0), ms(s-8, 500), fineErrorNs},
		{"end and duration", []uint16{153, 8, 162, 4}, [][]byte{u64((s - 9) * 1000), u32(1_500_000)}, ms(s-11, 500), ms(s-9, 0), fineErrorNs},
		{"duration alone", []uint16{161, 4}, [][]byte{u32(1500)}, ms(s-2, 500), ms(s, 0), secondNs},
		{"nothing", []uint16{4, 1}, [][]byte{{6}}, ms(s, 0), ms(s, 0), secondNs},
		{"start alone", []uint16{152, 8}, [][]byte{u64((s - 9) * 1000)}, ms(s-9, 0), ms(s, 0), fineErrorNs},
		{"start alone, after the export", []uint16{152, 8}, [][]byte{u64((s + 9) * 1000)}, ms(s+9, 0), ms(s+9, 0), fineErrorNs},
		{"end alone", []uint16{153, 8}, [][]byte{u64((s - 9) * 1000)}, ms(s-9, 0), ms(s-9, 0), fineErrorNs},
		{"event alone", []uint16{323, 8}, [][]byte{u64((s-9)*1000 + 5)}, ms(s-9, 5), ms(s-9, 5), fineErrorNs},
		{"event in NTP", []uint16{325, 8, 258, 8}, [][]byte{u64(ntpAt), u64(9)}, ms(s-100, 500), ms(s-100, 500), fineErrorNs},
		{"event in seconds", []uint16{322, 4}, [][]byte{u32(s - 4)}, ms(s-4, 0), ms(s-4, 0), secondNs},
		{"event in NTP microseconds", []uint16{324, 8}, [][]byte{u64(ntpAt | 1)}, ms(s-100, 500), ms(s-100, 500), fineErrorNs},
		{"start and event", []uint16{152, 8, 323, 8}, [][]byte{u64((s - 9) * 1000), u64((s - 2) * 1000)}, ms(s-9, 0), ms(s-2, 0), fineErrorNs},
		{"end before start is kept", []uint16{152, 8, 153, 8}, [][]byte{u64((s - 1) * 1000), u64((s - 9) * 1000)}, ms(s-1, 0), ms(s-9, 0), fineErrorNs},
		{"uptimes and their zero", []uint16{22, 4, 21, 4, 160, 8}, [][]byte{u32(1000), u32(2500), u64((s - 50) * 1000)}, ms(s-49, 0), ms(s-48, 500), fineErrorNs},
		{"uptimes, wrapped since", []uint16{22, 4, 21, 4, 160, 8}, [][]byte{u32(math.MaxUint32 - 999), u32(1000), u64(s*1000 - 2<<32 - 5000)}, ms(s-6, 0), ms(s-4, 0), fineErrorNs},
		{"uptimes of no zero", []uint16{22, 4, 21, 4}, [][]byte{u32(1000), u32(2500)}, ms(s-1, -500), ms(s, 0), uptimeBoundErrNs},
		{"last uptime alone", []uint16{21, 4, 160, 8}, [][]byte{u32(2500), u64((s - 50) * 1000)}, ms(s-48, 500), ms(s-48, 500), fineErrorNs},
		{"first uptime alone", []uint16{22, 4, 160, 8}, [][]byte{u32(2500), u64((s - 50) * 1000)}, ms(s-48, 500), ms(s, 0), fineErrorNs},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := decodeOne(t, ipfix(set(2, tmpl(256, tt.fields...)), set(256, tt.record...)))
			checkTimes(t, r, tt.start, tt.end, tt.errNs)
		})
	}
}

func checkTimes(t *testing.T, r flows.Record, start, end, errNs int64) {
	t.Helper()
	if r.StartNs != start || r.EndNs != end || r.StartErrorNs != errNs {
		t.Errorf("got %v to %v within %v, want %v to %v within %v", utc(r.StartNs), utc(r.EndNs),
			time.Duration(r.StartErrorNs), utc(start), utc(end), time.Duration(errNs))
	}
}

func utc(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// TestImpossibleTimes feeds times that no int64 of nanoseconds holds: they count
// as not exported and nothing wraps around.
func TestImpossibleTimes(t *testing.T) {
	for _, id := range []uint16{150, 151, 152, 153, 158, 159, 160, 161, 162, 258, 322, 323} {
		recs, stats, err := decode(ipfix(set(2, tmpl(256, id, 8, 4, 1)), set(256, u64(math.MaxUint64), []byte{6})))
		if err != nil || len(recs) != 1 || stats.BadTimes != 1 {
			t.Errorf("element %d: %d records, error %v, %d bad times; want 1, none, 1", id, len(recs), err, stats.BadTimes)
			continue
		}
		checkTimes(t, recs[0], ms(exportSecs, 0), ms(exportSecs, 0), secondNs)
	}
}

// TestSystemInitFromOptions has uptimes whose zero comes as options data, in the
// same message and before another.
func TestSystemInitFromOptions(t *testing.T) {
	opts := set(3, append(fields(300, 2, 1), fields(143, 4, 160, 8)...))
	init := set(300, u32(1), u64((exportSecs-50)*1000))
	flow := set(256, u32(1000), u32(2500))
	for _, msgs := range [][][]byte{
		{ipfix(set(2, tmpl(256, 22, 4, 21, 4)), opts, init, flow)},
		{ipfix(set(2, tmpl(256, 22, 4, 21, 4)), opts), ipfix(init), ipfix(flow)},
	} {
		r := decodeOne(t, msgs...)
		checkTimes(t, r, ms(exportSecs-49, 0), ms(exportSecs-48, 500), fineErrorNs)
	}
}

// TestV9Uptimes has FIRST and LAST on all sides of the header's uptime.
func TestV9Uptimes(t *testing.T) {
	const s = exportSecs
	tests := []struct {
		name                string
		uptime, first, last uint32
		start, end          int64
	}{
		{"ordinary", 100_123, 90_123, 95_123, ms(s-10, 0), ms(s-5, 0)},
		{"uptime wrapped since the start", 5_001, math.MaxUint32 - 4_998, 1, ms(s-10, 0), ms(s-5, 0)},
		{"last a little after the header", 100_123, 90_123, 100_223, ms(s-10, 0), ms(s, 100)},
		{"uptime stays zero", 0, math.MaxUint32 - 9_999, math.MaxUint32 - 4_999, ms(s-10, 0), ms(s-5, 0)},
		{"no times", 100_123, 0, 0, ms(s, 0), ms(s, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := decodeOne(t, v9(s, tt.uptime, set(0, tmpl(256, 22, 4, 21, 4, 4, 1)), set(256, u32(tt.first), u32(tt.last), []byte{6})))
			checkTimes(t, r, tt.start, tt.end, secondNs)
		})
	}
}

// TestV9AbsoluteTimes has IPFIX's elements in v9, as Cisco sends them.
func TestV9AbsoluteTimes(t *testing.T) {
	r := decodeOne(t, v9(exportSecs, 5, set(0, tmpl(256, 152, 8, 153, 8)), set(256, u64(exportSecs*1000-77), u64(exportSecs*1000))))
	checkTimes(t, r, ms(exportSecs, -77), ms(exportSecs, 0), fineErrorNs)
}
