package evidence

import (
	"bytes"
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowload/world"
	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/sensor"
	"flowname/dnscache/sensor/capture"
)

// dnsWorld is a world of DNS answers: one in fifty by TCP, a quarter in mixed
// case, some behind a CNAME, all in fresh chains in its first turn.
func dnsWorld(b *testing.B, answers int) *world.World {
	b.Helper()
	cfg := world.Default()
	cfg.Answers, cfg.Clients = answers, answers/20
	w, err := world.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// usedCPU is what all threads of the process have used: the history is written
// by Badger's own.
func usedCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A dnsRecording is a world's answers as a source would read them.
type dnsRecording struct {
	name  string
	write func(io.Writer, *world.World) error
	read  func(b *testing.B, recorded []byte, file func(*dnscache.Response))
}

var dnsRecordings = []dnsRecording{
	{"capture", wire.WriteDNS, func(b *testing.B, recorded []byte, file func(*dnscache.Response)) {
		frames, err := capture.NewReader(bytes.NewReader(recorded))
		if err != nil {
			b.Fatal(err)
		}
		s, in := sensor.New(sensor.Config{Queries: true}), NewIntake(dnswire.Config{}, file)
		for {
			frame, err := frames.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				b.Fatal(err)
			}
			s.Frame(frame, in.Packet)
		}
	}},
	{"dnstap", wire.WriteDnstap, func(b *testing.B, recorded []byte, file func(*dnscache.Response)) {
		frames, err := dnstap.NewReader(bytes.NewReader(recorded), dnstap.Config{})
		if err != nil {
			b.Fatal(err)
		}
		in := NewIntake(dnswire.Config{}, file)
		for {
			var m dnstap.Message
			err := frames.Next(&m)
			if err == io.EOF {
				return
			}
			if err != nil {
				b.Fatal(err)
			}
			in.Dnstap(&m)
		}
	}},
}

// BenchmarkDNSPath is an answer from the bytes of a capture or a dnstap stream
// to the index, and to the history on disk. CPU is that of the whole process.
func BenchmarkDNSPath(b *testing.B) {
	answers := 200_000
	if testing.Short() {
		answers = 1000
	}
	w := dnsWorld(b, answers)
	for _, rec := range dnsRecordings {
		var recorded bytes.Buffer
		if err := rec.write(&recorded, w); err != nil {
			b.Fatal(err)
		}
		for _, stored := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/stored=%t", rec.name, stored), func(b *testing.B) {
				benchDNS(b, &rec, recorded.Bytes(), w, stored)
			})
		}
	}
}

func benchDNS(b *testing.B, rec *dnsRecording, recorded []byte, w *world.World, stored bool) {
	b.SetBytes(int64(len(recorded)))
	var used, took time.Duration
	filed := 0
	for b.Loop() {
		cfg := dnscache.Config{Seed: 1}
		if stored {
			cfg.Dir = b.TempDir()
		}
		cache, err := dnscache.Open(cfg)
		if err != nil {
			b.Fatal(err)
		}
		now := w.Config().StartNs
		begun, before := time.Now(), usedCPU()
		rec.read(b, recorded, func(r *dnscache.Response) {
			cache.File(r, now)
			if filed += len(r.Addrs); filed%FlushEvery == 0 {
				if err := cache.Flush(now); err != nil {
					b.Fatal(err)
				}
			}
		})
		if err := cache.Flush(now); err != nil {
			b.Fatal(err)
		}
		took += time.Since(begun)
		used += usedCPU() - before
		if n := cache.Stats().Answers; n != uint64(w.Answers()) {
			b.Fatalf("%d answers filed, want %d", n, w.Answers())
		}
		if err := cache.Close(now); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(used.Nanoseconds())/float64(filed), "cpu-ns/answer")
	b.ReportMetric(float64(filed)/took.Seconds(), "answers/s")
}
