package sources

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/metric"
	"flowname/dnscache"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/sensor"
	"flowname/dnscache/sensor/capture"
)

// A tap watches DNS on an interface.
type tap struct {
	live   *capture.Live
	sensor *sensor.Sensor
	intake *evidence.Intake

	sensorStats counters.Snapshot[sensor.Stats]
	dnsStats    counters.Snapshot[dnswire.Stats]
}

func newTap(iface string, config evidence.Config, file func(*dnscache.Response)) (*tap, error) {
	live, err := capture.OpenInterface(iface, capture.LiveConfig{Ports: config.Sensor.Ports})
	if err != nil {
		return nil, err
	}
	return &tap{
		live:   live,
		sensor: sensor.New(config.Sensor),
		intake: evidence.NewIntake(config.Wire, file),
	}, nil
}

// statsEvery is after how many frames a tap's counters are published.
const statsEvery = 64

// run watches until ctx ends.
func (t *tap) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { t.live.Close() })
	defer stop()
	defer t.publish()
	for n := 0; ; n++ {
		frame, err := t.live.Next()
		switch {
		case ctx.Err() != nil:
			t.sensor.Flush(t.intake.Packet)
			return nil
		case err != nil:
			return fmt.Errorf("capture: %w", err)
		}
		t.sensor.Frame(frame, t.intake.Packet)
		if n%statsEvery == 0 {
			t.publish()
		}
	}
}

// metrics gives what the tap has counted, and adds up what its messages were.
func (t *tap) metrics(ch chan<- prometheus.Metric, wire *dnswire.Stats) {
	metric.Account(ch, "capture", t.live.Stats())
	metric.Account(ch, "sensor", t.sensorStats.Load())
	counters.Add(wire, t.dnsStats.Load())
}

func (t *tap) publish() {
	t.sensorStats.Store(t.sensor.Stats())
	t.dnsStats.Store(t.intake.Stats())
}
