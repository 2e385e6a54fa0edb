package logs

import (
	"fmt"
	"testing"
	"time"
)

func TestEpochs(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64 // -1: refused
	}{
		{"0", 0},
		{"1700000000", 1700000000e9},
		{"1700000000.1", 1700000000100000000},
		{"1700000000.133456", 1700000000133456000},
		{"1700000000.133456789", 1700000000133456789},
		{"1700000000.1334567899", 1700000000133456789},
		{"9200000000", 9200000000e9},
		{"9200000001", -1},
		{"99999999999999999999", -1},
		{"1700000000.", -1},
		{".5", -1},
		{"", -1},
		{"-1", -1},
		{"+1", -1},
		{"1e9", -1},
		{"1700000000 ", -1},
		{"1700000000.12x", -1},
		{"0x10", -1},
	} {
		got, ok := parseEpoch([]byte(c.text))
		if ok != (c.want >= 0) || ok && got != c.want {
			t.Errorf("parseEpoch(%q): got %d, %t, want %d", c.text, got, ok, c.want)
		}
	}
	for _, c := range []struct {
		text string
		unit time.Duration
		want int64
	}{
		{"1700000000123", time.Millisecond, 1700000000123e6},
		{"1700000000123456", time.Microsecond, 1700000000123456e3},
		{"170000000012345678", time.Nanosecond, 170000000012345678},
		{"9200000000001", time.Millisecond, -1},
		{"1.5", time.Millisecond, -1},
		{"", time.Millisecond, -1},
	} {
		got, ok := parseEpochIn([]byte(c.text), c.unit)
		if ok != (c.want >= 0) || ok && got != c.want {
			t.Errorf("parseEpochIn(%q, %s): got %d, %t, want %d", c.text, c.unit, got, ok, c.want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]time.Duration{"0.000601": 601 * time.Microsecond, "5": 5 * time.Second, "-": -1, "": -1} {
		if got, ok := parseSeconds([]byte(text)); ok != (want >= 0) || ok && got != want {
			t.Errorf("parseSeconds(%q): got %s, %t, want %s", text, got, ok, want)
		}
	}
}

func TestDateTimes(t *testing.T) {
	zone := time.FixedZone("", 5*3600+1800)
	for _, c := range []struct {
		text string
		want string // empty: refused
	}{
		{"2026-11-23T18:36:50Z", "2026-11-23T18:36:50Z"},
		{"2026-11-23t18:36:50z", "2026-11-23T18:36:50Z"},
		{"2026-11-23T18:36:50.1Z", "2026-11-23T18:36:50.1Z"},
		{"2026-11-23T18:36:50.123456789Z", "2026-11-23T18:36:50.123456789Z"},
		{"2026-11-23T18:36:50.1234567891Z", "2026-11-23T18:36:50.123456789Z"},
		{"2026-11-23T18:36:50,123Z", "2026-11-23T18:36:50.123Z"},
		{"2026-11-23T18:36:50.123456+0000", "2026-11-23T18:36:50.123456Z"},
		{"2026-11-23T18:36:50+02:00", "2026-11-23T16:36:50Z"},
		{"2026-11-23T18:36:50-0330", "2026-11-23T22:06:50Z"},
		{"2026-11-23T18:36:50-03", "2026-11-23T21:36:50Z"},
		{"2026-11-23 18:36:50", "2026-11-23T13:06:50Z"},
		{"2026/11/23 18:36:50", "2026-11-23T13:06:50Z"},
		{"2026-11-23 18:36:50.739 +0000 UTC", "2026-11-23T18:36:50.739Z"},
		{"2026-11-23 18:36:50 UTC", "2026-11-23T18:36:50Z"},
		{"2026-11-23 18:36:50 +0100", "2026-11-23T17:36:50Z"},
		{"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
		{"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
		{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"2261-12-31T23:59:59Z", "2261-12-31T23:59:59Z"},
		{"2262-01-01T00:00:00Z", ""},
		{"1969-12-31T23:59:59Z", ""},
		{"1970-01-01T00:59:59+01:00", ""},
		{"2025-02-29T00:00:00Z", ""},
		{"2100-02-29T00:00:00Z", ""},
		{"2026-13-01T00:00:00Z", ""},
		{"2026-04-31T00:00:00Z", ""},
		{"2026-11-00T00:00:00Z", ""},
		{"2026-11-23T24:00:00Z", ""},
		{"2026-11-23T18:60:00Z", ""},
		{"2026-11-23T18:36:61Z", ""},
		{"2026-11-23T18:36:50.Z", ""},
		{"2026-11-23T18:36:50+25:00", ""},
		{"2026-11-23T18:36:50+1", ""},
		{"2026-11-23T18:36:50+01:0", ""},
		{"2026-11-23T18:36:50 CET", ""},
		{"2026-11-23T18:36:50Zx", ""},
		{"2026-11/23T18:36:50Z", ""},
		{"2026-11-23", ""},
		{"2026-11-23T", ""},
		{"2026-11-23T18:36", ""},
		{"2026-11-23_18:36:50", ""},
		{"2026-11-2318:36:50Z", ""},
		{"", ""},
	} {
		ns, ok := parseDateTime([]byte(c.text), zone)
		got := ""
		if ok {
			got = time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
		}
		if got != c.want {
			t.Errorf("parseDateTime(%q): got %q, want %q", c.text, got, c.want)
		}
	}
}

// TestDateTimesAsTheStandardLibrary compares a moment in each of many days with
// what package time makes of it, in UTC and where clocks change.
func TestDateTimesAsTheStandardLibrary(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zones here:", err)
	}
	for _, loc := range []*time.Location{nil, time.UTC, berlin} {
		want := time.UTC
		if loc != nil {
			want = loc
		}
		for ns := int64(dayNs); ns < 9200000000e9; ns += 123456789012345678 / 7 {
			text := time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.999999999")
			at, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", text, want)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := parseDateTime([]byte(text), loc); !ok || got != at.UnixNano() {
				t.Fatalf("parseDateTime(%q, %v): got %d, %t, want %d", text, loc, got, ok, at.UnixNano())
			}
		}
	}
}

func TestSyslogTimes(t *testing.T) {
	east := time.FixedZone("", 10*3600)
	for _, c := range []struct {
		line, reference string
		loc             *time.Location
		want, rest      string // empty want: refused
	}{
		{"Nov 23 18:36:50 dnsmasq", "2026-11-23T20:00:00Z", nil, "2026-11-23T18:36:50Z", " dnsmasq"},
		{"Nov  3 18:36:50 dnsmasq", "2026-11-23T20:00:00Z", nil, "2026-11-03T18:36:50Z", " dnsmasq"},
		{"Nov 3 18:36:50 dnsmasq", "2026-11-23T20:00:00Z", nil, "2026-11-03T18:36:50Z", " dnsmasq"},
		{"nov 03 18:36:50.25 x", "2026-11-23T20:00:00Z", nil, "2026-11-03T18:36:50.25Z", " x"},
		{"Nov 24 18:36:50", "2026-11-23T20:00:00Z", nil, "2026-11-24T18:36:50Z", ""},
		{"Nov 24 20:00:01", "2026-11-23T20:00:00Z", nil, "2025-11-24T20:00:01Z", ""},
		{"Dec 31 23:59:59", "2026-01-01T00:00:05Z", nil, "2025-12-31T23:59:59Z", ""},
		{"Jan  1 00:00:01", "2025-12-31T23:59:59Z", nil, "2026-01-01T00:00:01Z", ""},
		{"Jan  1 03:00:01", "2025-12-31T23:59:59Z", east, "2025-12-31T17:00:01Z", ""},
		{"Feb 29 12:00:00", "2026-11-23T20:00:00Z", nil, "2024-02-29T12:00:00Z", ""},
		{"Feb 29 12:00:00", "2103-11-23T20:00:00Z", nil, "2096-02-29T12:00:00Z", ""},
		{"Feb 30 12:00:00", "2026-11-23T20:00:00Z", nil, "", "Feb 30 12:00:00"},
		{"Nov 23 18:36:50", "1970-01-01T00:00:00Z", nil, "", "Nov 23 18:36:50"},
		{"Now 23 18:36:50", "2026-11-23T20:00:00Z", nil, "", "Now 23 18:36:50"},
		{"Nov 23", "2026-11-23T20:00:00Z", nil, "", "Nov 23"},
		{"Nov ", "2026-11-23T20:00:00Z", nil, "", "Nov "},
		{"Nov", "2026-11-23T20:00:00Z", nil, "", "Nov"},
		{"", "2026-11-23T20:00:00Z", nil, "", ""},
	} {
		reference, err := time.Parse(time.RFC3339, c.reference)
		if err != nil {
			t.Fatal(err)
		}
		cfg := Config{Location: c.loc, ReferenceNs: reference.UnixNano()}
		ns, rest, ok := cutSyslogTime([]byte(c.line), &cfg)
		got := ""
		if ok {
			got = time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
		}
		if got != c.want || string(rest) != c.rest {
			t.Errorf("cutSyslogTime(%q) at %s: got %q and %q, want %q and %q", c.line, c.reference, got, rest, c.want, c.rest)
		}
	}
}

func TestTimesDoNotAllocate(t *testing.T) {
	cfg := Config{ReferenceNs: 1795454226e9, Location: time.FixedZone("", 3600)}
	epoch, date, syslog := []byte("1795454226.495709"), []byte("2026-11-23 17:17:06.495709"), []byte("Nov 23 17:17:06 x")
	if n := testing.AllocsPerRun(100, func() {
		parseEpoch(epoch)
		parseDateTime(date, cfg.Location)
		cutSyslogTime(syslog, &cfg)
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func FuzzDateTime(f *testing.F) {
	f.Add("2026-11-23T18:36:50.123456+01:00")
	f.Add("Nov 23 18:36:50 x")
	f.Fuzz(func(t *testing.T, text string) {
		cfg := Config{ReferenceNs: 1795454226e9}
		if _, rest, ok := cutSyslogTime([]byte(text), &cfg); len(rest) > len(text) || ok && len(rest) == len(text) {
			t.Errorf("cutSyslogTime(%q) left %q", text, rest)
		}
		got, ok := parseDateTime([]byte(text), nil)
		if !ok {
			return
		}
		if want, err := time.Parse(time.RFC3339Nano, text); err == nil && want.UnixNano() != got {
			t.Errorf("parseDateTime(%q): got %d, want %s", text, got, fmt.Sprint(want.UnixNano()))
		}
	})
}
