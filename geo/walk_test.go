package geo

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Records by hand. e1 is a map of one entry, 43 "asn" its key.
func TestRecordBytes(t *testing.T) {
	const asn, org = "43 61736e", "47 61735f6e616d65" // "asn", "as_name"
	tests := []struct {
		name, data string
		off        int
		fault      fault
		want       Info
	}{
		{"uint16", "e1" + asn + "a2 fde8", 0, 0, Info{ASN: 65000}},
		{"uint16 of no bytes", "e1" + asn + "a0", 0, 0, Info{}},
		{"uint32", "e1" + asn + "c3 010203", 0, 0, Info{ASN: 0x010203}},
		{"int32", "e1" + asn + "01 01 07", 0, 0, Info{ASN: 7}},
		{"negative int32", "e1" + asn + "04 01 ffffffff", 0, 0, Info{}},
		{"uint64 over 32 bits", "e1" + asn + "05 02 0100000000", 0, 0, Info{}},
		{"uint128 is no number here", "e1" + asn + "01 03 07", 0, 0, Info{}},
		{"text", "e1" + asn + "44 41533432", 0, 0, Info{ASN: 42}},
		{"pointer to a value", "41 37 e1" + asn + "20 00", 2, 0, Info{ASN: 7}},
		{"pointer to a key", "43 61736e e1 20 00 a1 07", 4, 0, Info{ASN: 7}},
		{"record behind a pointer", "20 02 e1" + asn + "a1 07", 0, 0, Info{ASN: 7}},
		{"first of two equal keys counts", "e2" + asn + "a1 07" + asn + "a1 08", 0, 0, Info{ASN: 7}},
		{"size of two bytes", "e1" + org + "5d 00" + strings.Repeat("61", 29), 0, 0, Info{Org: strings.Repeat("a", 29)}},
		{"size of three bytes", "e1" + org + "5e 0000" + strings.Repeat("61", 285), 0, 0, Info{Org: strings.Repeat("a", 256)}},
		{"unknown values skipped", "e3 41 61 e1 41 62 00 07" + "41 63 02 04 41 64 20 00" + asn + "a1 07", 0, 0, Info{ASN: 7}},
		{"unknown pointer not followed", "e2 41 61 38 ffffffff" + asn + "a1 07", 0, 0, Info{ASN: 7}},
		{"not a map", "41 61", 0, 0, Info{}},

		{"nothing", "", 0, faultEnd, Info{}},
		{"beyond the end", "e0", 1, faultEnd, Info{}},
		{"no value", "e1" + asn, 0, faultEnd, Info{}},
		{"text too short", "e1" + asn + "44 4153", 0, faultEnd, Info{}},
		{"size cut off", "e1" + org + "5f 00", 0, faultEnd, Info{}},
		{"extended kind cut off", "e1" + asn + "00", 0, faultEnd, Info{}},
		{"pointer cut off", "e1" + asn + "30 00", 0, faultEnd, Info{}},
		{"pointer beyond the end", "e1" + asn + "27 ff", 0, faultEnd, Info{}},
		{"pointer of four bytes beyond the end", "e1" + asn + "38 ffffffff", 0, faultEnd, Info{}},
		{"pointer to a pointer", "20 02 20 04 e0", 0, faultPointer, Info{}},
		{"pointer to itself", "20 00", 0, faultPointer, Info{}},
		{"extended kind 0", "e1" + asn + "00 00", 0, faultKind, Info{}},
		{"extended kind 9", "e1" + asn + "00 09", 0, faultKind, Info{}},
		{"uint16 of 3 bytes", "e1" + asn + "a3 000007", 0, faultSize, Info{}},
		{"double of 7 bytes", "e1 43 6c6174 67 00000000000000", 0, faultSize, Info{}},
		{"float of 3 bytes", "e1 43 6c6174 03 08 000000", 0, faultSize, Info{}},
		{"key is a number", "e1 a1 07 a1 07", 0, faultKey, Info{}},
		{"map in itself", "e1 47 636f756e747279 20 00", 0, 0, Info{}},
		{"endless array skipped", "e1 41 61 1f 04 ffffff 00", 0, faultCount, Info{}},
		{"endless map", "ff ffffff", 0, faultEnd, Info{}},
		{"good, then bad", "e2" + asn + "a1 07 41", 0, faultEnd, Info{}},
	}
	for _, tt := range tests {
		got := Info{Org: "from the last look-up"}
		f := readRecord(&got, unhex(t, tt.data), tt.off)
		if f != tt.fault || got != tt.want {
			t.Errorf("%s: %s at %d: %+v with fault %q, want %+v with %q", tt.name, tt.data, tt.off, got, f, tt.want, tt.fault)
		}
	}
}

// A record of maps within maps and pointers back costs its budget and no more.
func TestRecordBudget(t *testing.T) {
	// 60,000 entries that are each the empty text.
	data := append(unhex(t, "fe e943"), make([]byte, 0)...)
	for range 60000 {
		data = append(data, 0x40, 0x40)
	}
	var got Info
	if f := readRecord(&got, data, 0); f != faultCount {
		t.Errorf("a map of 60,000 entries: fault %q, want %q", f, faultCount)
	}
	// Each "geo" is a known map, which lies behind a pointer to its parent.
	loop := unhex(t, "e1 43 67656f 20 00")
	if f := readRecord(&got, loop, 0); f != 0 {
		t.Errorf("a loop of known keys: fault %q, want none: the known keys end", f)
	}
}

func TestPointerWidths(t *testing.T) {
	data := make([]byte, 600000)
	for _, tt := range []struct {
		pointer string
		target  int
	}{
		{"20 05", 5}, {"27 ff", 0x7ff},
		{"28 00 00", 2048}, {"2f ff fe", 2048 + 0x7fffe},
		{"30 00 00 00", 526336}, {"30 00 12 34", 526336 + 0x1234},
		{"38 00 09 27 bf", 599999}, {"3f 00 00 00 05", 5},
	} {
		p := unhex(t, tt.pointer)
		copy(data[10:], p)
		w := newWalker(data)
		target, end := w.pointer(w.header(10))
		if target != tt.target || end != 10+len(p) || w.fault != 0 {
			t.Errorf("pointer %s: to %d, ends at %d, fault %q, want %d, %d", tt.pointer, target, end, w.fault, tt.target, 10+len(p))
		}
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]float64{"1": 1, " -2.5 ": -2.5, "1e2": 100, "": math.NaN(), "x": math.NaN(), strings.Repeat("1", 33): math.NaN()} {
		got, ok := number([]byte(in))
		if ok == math.IsNaN(want) || ok && got != want {
			t.Errorf("number(%q) = %v, %v, want %v", in, got, ok, want)
		}
	}
	for in, want := range map[string]int64{"AS1": 1, "as23 x": 23, "4294967295": 4294967295, "4294967296": -1, "AS": -1, "": -1, "ASx": -1, "1.2": -1, "99999999999999999999999": -1} {
		got, _, ok := systemNumber([]byte(in))
		if ok != (want >= 0) || ok && int64(got) != want {
			t.Errorf("systemNumber(%q) = %d, %v, want %d", in, got, ok, want)
		}
	}
}
