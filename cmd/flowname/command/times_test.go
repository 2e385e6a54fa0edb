package command

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		text string
		want int64 // 0: refused
	}{
		{"2026-11-23T17:00:00Z", 1795453200e9},
		{"2026-11-23T18:00:00+01:00", 1795453200e9},
		{"2026-11-23T17:00:00.25Z", 1795453200250e6},
		{"2026-11-23 17:00:00", 1795453200e9},
		{"2026-11-23 17:00", 1795453200e9},
		{"2026-11-23", 1795392000e9},
		{"1795453200", 1795453200e9},
		{"1795453200.000000001", 1795453200e9 + 1},
		{"now", now.UnixNano()},
		{"-1h", now.Add(-time.Hour).UnixNano()},
		{"-5", 0},
		{"yesterday", 0},
		{"", 0},
		{"1.2.3", 0},
		{"99999999999999", 0},
	} {
		got, err := ParseTime(c.text, now)
		if got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("ParseTime(%q): got %d, %v, want %d", c.text, got, err, c.want)
		}
	}
}
