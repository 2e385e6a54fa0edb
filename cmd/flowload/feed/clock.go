package feed

import "time"

// A Clock plays a world's time: it shows FromNs when it is started, and runs
// Speed times as fast as the real one. It is read by several goroutines, which
// begin after Start.
type Clock struct {
	FromNs int64
	Speed  float64
	begun  time.Time
}

// Start starts the clock.
func (c *Clock) Start() { c.begun = time.Now() }

// until is how long it is until the clock shows a time.
func (c *Clock) until(atNs int64) time.Duration {
	return time.Duration(float64(atNs-c.FromNs)/c.Speed) - time.Since(c.begun)
}
