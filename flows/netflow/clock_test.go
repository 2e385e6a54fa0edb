package netflow

import (
	"math/rand/v2"
	"testing"
)

// TestBootClockConverges sends headers at random moments and asks for the boot
// time within the error that the clock itself states, which has to come down.
func TestBootClockConverges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for run := range 200 {
		boot := int64(1_600_000_000_000) + rng.Int64N(1_000_000)
		var c bootClock
		now := boot + 1000 + rng.Int64N(1_000_000)
		var errMs int64
		for i := range 100 {
			now += 1 + rng.Int64N(3000)
			var got int64
			got, errMs, _ = c.observe(uint32(now/1000), uint32(now-boot))
			if i == 0 && errMs != secondMs {
				t.Fatalf("run %d: error %d ms after one message, want 1000", run, errMs)
			}
			if got > boot || boot-got > errMs {
				t.Fatalf("run %d, message %d: boot %d ms off, error said to be %d", run, i, boot-got, errMs)
			}
		}
		if errMs != fineErrorMs {
			t.Errorf("run %d: error still %d ms after 100 messages", run, errMs)
		}
	}
}

// TestBootClockDrift runs the exporter's uptime fast and slow against its wall
// clock for a day.
func TestBootClockDrift(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, ppm := range []int64{-50, 50} {
		var c bootClock
		const boot = int64(1_600_000_000_000)
		restarts := 0
		for now := int64(5000); now < 86_400_000; now += 1 + rng.Int64N(4000) {
			uptime := now + now*ppm/1_000_000
			got, errMs, restarted := c.observe(uint32((boot+now)/1000), uint32(uptime))
			if restarted {
				restarts++
			}
			if off := boot + now - (got + uptime); off < -errMs || off > errMs {
				t.Fatalf("%d ppm after %d s: off by %d ms, error said to be %d", ppm, now/1000, off, errMs)
			}
		}
		if restarts != 0 {
			t.Errorf("%d ppm: %d restarts", ppm, restarts)
		}
	}
}

// TestBootClockSteps has what ends an estimate. Each case sends 60 messages of
// an exporter whose boot is known well, then one more.
func TestBootClockSteps(t *testing.T) {
	tests := []struct {
		name         string
		secs, uptime uint32
		errMs        int64
		restarted    bool
	}{
		{"goes on", 1_600_000_066, 66_123, fineErrorMs, false},
		{"late message", 1_600_000_020, 20_123, fineErrorMs, false},
		{"restart", 1_600_000_070, 123, secondMs, true},
		{"wall clock set forward", 1_600_003_670, 70_123, secondMs, true},
		{"wall clock set back", 1_599_990_070, 70_123, secondMs, true},
		{"uptime stopped", 1_600_000_066, 65_121, secondMs, true},
		{"back after half an hour", 1_600_001_866, 1_866_123, secondMs, false},
	}
	for _, tt := range tests {
		var c bootClock
		var at uint32
		for i := range uint32(60) {
			at = 1_600_000_000_000%1000 + i*1_104 // every part of the second
			c.observe(1_600_000_000+at/1000, at-15)
		}
		if at-15 != 65_121 {
			t.Fatalf("the messages end at %d", at-15)
		}
		if _, errMs, restarted := c.observe(tt.secs, tt.uptime); errMs != tt.errMs || restarted != tt.restarted {
			t.Errorf("%s: error %d ms, restarted %v; want %d, %v", tt.name, errMs, restarted, tt.errMs, tt.restarted)
		}
	}
}

// TestBootClockCoarse has uptimes that allow no better than a second: each
// message stands for itself.
func TestBootClockCoarse(t *testing.T) {
	for name, uptime := range map[string]func(i uint32) uint32{
		"always zero":      func(uint32) uint32 { return 0 },
		"whole seconds":    func(i uint32) uint32 { return 5000 + i*1000 },
		"every other late": func(i uint32) uint32 { return 5000 + i/2*2000 },
		"stopped":          func(uint32) uint32 { return 77 },
	} {
		var c bootClock
		for i := range uint32(100) {
			secs, up := 1_600_000_000+i, uptime(i)
			got, errMs, restarted := c.observe(secs, up)
			if want := int64(secs)*1000 - int64(up); name != "stopped" && (got != want || errMs != secondMs || restarted) {
				t.Fatalf("%s, message %d: got %d within %d, restarted %v; want %d within 1000", name, i, got, errMs, restarted, want)
			} else if got != want || errMs != secondMs {
				t.Fatalf("%s, message %d: got %d within %d; want %d within 1000", name, i, got, errMs, want)
			}
		}
	}
}

// TestUptimeBound has flows exported with delays of 0 to 15 s: the boot comes
// out as that of the quickest, and anew after a restart.
func TestUptimeBound(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var u uptimeBound
	boot := int64(1_600_000_000_000)
	var got int64
	for i := range 1000 {
		if i == 500 {
			boot += 86_400_000
		}
		now := boot + 20_000 + int64(i)*500
		got = u.observe(now/1000*1000, uint32(now-boot-rng.Int64N(15_000)))
		if i%500 > 200 && (got < boot-1000 || got > boot+1000) {
			t.Fatalf("flow %d: boot %d ms off", i, got-boot)
		}
	}
}

// TestV9StartsConverge is the whole way: v9 messages whose flows start 5 s before
// them, from an exporter that cuts its header's time to seconds.
func TestV9StartsConverge(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	d := NewDecoder(Config{})
	const boot = int64(1_600_000_000_321)
	now := boot + 50_000
	for i := range 100 {
		now += 1 + rng.Int64N(900)
		up := uint32(now - boot)
		msg := v9(uint32(now/1000), up, set(0, tmpl(256, 22, 4, 21, 4)), set(256, u32(up-5000), u32(up)))
		recs, err := d.AppendRecords(nil, msg, router, 0)
		if err != nil || len(recs) != 1 {
			t.Fatalf("message %d: %d records, %v", i, len(recs), err)
		}
		r := recs[0]
		if off := (now-5000)*1e6 - r.StartNs; off < 0 || off > r.StartErrorNs {
			t.Fatalf("message %d: start off by %d ns, error said to be %d", i, off, r.StartErrorNs)
		}
		if i == 99 && r.StartErrorNs != fineErrorNs {
			t.Errorf("error still %d ns after 100 messages", r.StartErrorNs)
		}
	}
	msg := v9(uint32(now/1000+100), 5, set(256, u32(1), u32(2)))
	if _, err := d.AppendRecords(nil, msg, router, 0); err != nil || d.Stats().ClockRestarts != 1 {
		t.Errorf("a restart: error %v, %d counted", err, d.Stats().ClockRestarts)
	}
}
