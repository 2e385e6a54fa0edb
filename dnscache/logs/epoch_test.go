package logs

import (
	"testing"
	"time"
)

func TestAnyTime(t *testing.T) {
	at := time.Date(2026, 11, 23, 17, 17, 6, 0, time.UTC).UnixNano()
	for _, c := range []struct {
		text string
		want int64 // 0: refused
	}{
		{"1795454226", at},
		{"1795454226.5", at + 5e8},
		{"1795454226507", at + 507e6},
		{"1795454226507012", at + 507012e3},
		{"1795454226507012001", at + 507012001},
		{"1795454226.50", at + 5e8}, // thirteen bytes
		{"1795454226.50701", at + 507010e3},
		{"1795454226.50701200", at + 507012e3},
		{"2026-11-23T17:17:06Z", at},
		{"2026-11-23 17:17:06.5", at + 5e8},
		{"2026-11-23 17:17:06.7390000 +0000 UTC", at + 739e6},
		{"9999999999999999999", 0},
		{"99999999999", 0},
		{"17954542265070120o1", 0},
		{"", 0}, {"-1", 0}, {"soon", 0},
	} {
		got, ok := parseAnyTime([]byte(c.text), time.UTC)
		if ok != (c.want != 0) || ok && got != c.want {
			t.Errorf("%q: got %d, %t, want %d", c.text, got, ok, c.want)
		}
	}
}
