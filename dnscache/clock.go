package dnscache

import (
	"sync"
	"sync/atomic"
	"time"
)

// eventClock tells what time it is in the evidence, for judging age. It runs
// forward with what is filed. A jump of more than a window, either way, is
// followed only when answers from there prevail: one answer dated 2106, or a
// clock that was wrong for a moment, must not age everything; loading a capture
// of years ago must.
type eventClock struct {
	now    atomic.Int64
	doubts atomic.Int32 // answers in a row (less those near the clock) from elsewhere

	mu    sync.Mutex
	other int64 // guarded by mu; where the doubts are
}

const (
	// clockReach is how far from the clock an answer may be to move it, or to
	// leave it, without doubt.
	clockReach = int64(time.Hour)
	// clockDoubts is how many answers it takes to believe a jump.
	clockDoubts = 64
)

// tick takes note of an answer's time.
func (c *eventClock) tick(at int64) {
	now := c.now.Load()
	switch {
	case now == 0:
		c.now.CompareAndSwap(0, at)
	case at > now+clockReach || at < now-clockReach:
		c.doubt(at)
	default:
		if c.doubts.Load() > 0 {
			c.doubts.Add(-1)
		}
		for at > now && !c.now.CompareAndSwap(now, at) {
			now = c.now.Load()
		}
	}
}

func (c *eventClock) doubt(at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doubts.Load() <= 0 || at > c.other+clockReach || at < c.other-clockReach {
		c.other = at
		c.doubts.Store(1)
		return
	}
	c.other = max(c.other, at)
	if c.doubts.Add(1) >= clockDoubts {
		c.now.Store(c.other)
		c.doubts.Store(0)
	}
}

// seconds is the clock in the form that the index keeps.
func (c *eventClock) seconds() uint32 { return toSeconds(c.now.Load()) }

// toSeconds is Unix nanoseconds as seconds in 32 bits, enough until 2106.
func toSeconds(ns int64) uint32 {
	s := ns / int64(time.Second)
	return uint32(min(max(s, 0), 1<<32-1))
}
