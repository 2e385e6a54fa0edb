package dnscache

import (
	"context"
	"testing"
	"time"
)

func TestLifetime(t *testing.T) {
	for ttl, want := range map[uint32]time.Duration{
		0: 0, 60: time.Minute, MaxTTL: 7 * 24 * time.Hour, UnknownTTL: 5 * time.Minute,
	} {
		if got := Lifetime(ttl); got != want {
			t.Errorf("Lifetime(%d) = %v, want %v", ttl, got, want)
		}
	}
}

// TestUnknownTTL: what no source told stays untold, in the index, on disk and
// after a start; a TTL that can not be is clamped.
func TestUnknownTTL(t *testing.T) {
	for ttl, want := range map[uint32]uint32{UnknownTTL: UnknownTTL, UnknownTTL - 1: MaxTTL, UnknownTTL + 1: MaxTTL, 1<<32 - 1: MaxTTL} {
		dir, now := t.TempDir(), time.Now().UnixNano()
		c := openDisk(t, dir, Config{})
		c.File(&Response{TimeNs: t0, Client: alice, Name: []byte("a.example"), Addrs: []Addr{{Addr: server, TTL: ttl}}}, now)
		check := func(where string) {
			t.Helper()
			got := c.AppendClient(nil, alice, server, t0, 0, t0)
			if len(got) != 1 || got[0].TTL != want {
				t.Errorf("TTL %d, %s: got %v, want %d", ttl, where, got, want)
			}
			rows := 0
			err := c.History(context.Background(), Query{Addr: server}, func(r Row) bool {
				if rows++; r.TTL != want {
					t.Errorf("TTL %d, %s: the history has %d, want %d", ttl, where, r.TTL, want)
				}
				return true
			})
			if err != nil || rows != 1 {
				t.Errorf("TTL %d, %s: %d rows, %v", ttl, where, rows, err)
			}
		}
		check("filed")
		closeDisk(t, c, now)
		c = openDisk(t, dir, Config{})
		check("read back")
		closeDisk(t, c, now)
	}
}
