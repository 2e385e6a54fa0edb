package sflow

import "math/bits"

// An arrival is how a datagram came by its sequence number.
type arrival uint8

const (
	anew    arrival = iota // the first, or the first of another run of the agent
	onward                 // ahead of all before it
	late                   // one that was missing
	again                  // one that was there already
	unknown                // its number says nothing
)

const (
	// lateDatagrams is for how many datagrams a missing one may still come.
	lateDatagrams = 64
	// aheadDatagrams is the widest gap that is a loss.
	aheadDatagrams = 1 << 16
	// stillDatagrams in a row with one number make a number that counts nothing.
	stillDatagrams = 16

	// uptimeFallMs is how far an uptime must fall for a restart: datagrams that
	// overtake each other fall by less. It wraps every 49.7 days, and falls by
	// nearly all of its range then.
	uptimeFallMs = 10_000
	uptimeWrapMs = 1<<32 - 600_000
)

// A sequence follows the datagrams of one agent and sub-agent, which it counts.
// Of the last 64 numbers it remembers which came, so that datagrams that
// overtake each other are no loss.
type sequence struct {
	began  bool
	last   uint32 // the highest number
	came   uint64 // bit i: last-i came
	uptime uint32
	still  uint32 // datagrams in a row with this number
}

func (s *sequence) observe(a *Account, number, uptime uint32) arrival {
	if !s.began {
		s.begin(number, uptime)
		return anew
	}
	fell := int64(s.uptime) - int64(uptime)
	if fell >= uptimeFallMs && fell < uptimeWrapMs {
		return s.restart(a, number, uptime)
	}
	ahead := int32(number - s.last)
	if ahead == 0 {
		return s.stand(a)
	}
	s.still = 0
	switch {
	case ahead > aheadDatagrams:
		a.SequenceJumps++
		s.settle(a)
		s.begin(number, uptime)
		return anew
	case ahead > 0:
		s.advance(a, uint32(ahead))
		s.last, s.uptime = number, uptime
		return onward
	case ahead <= -lateDatagrams:
		return s.restart(a, number, uptime)
	}
	bit := uint64(1) << -ahead
	if s.came&bit != 0 {
		a.Repeated++
		return again
	}
	s.came |= bit
	a.Missing--
	a.Reordered++
	return late
}

// begin goes on from a number as if all before it had come.
func (s *sequence) begin(number, uptime uint32) {
	*s = sequence{began: true, last: number, came: ^uint64(0), uptime: uptime}
}

// advance moves the window on: what falls out of it without having come is lost.
func (s *sequence) advance(a *Account, by uint32) {
	a.Missing += uint64(by - 1)
	if by >= lateDatagrams {
		gone := uint64(lateDatagrams-bits.OnesCount64(s.came)) + uint64(by-lateDatagrams)
		a.Missing -= gone
		a.Lost += gone
		s.came = 1
		return
	}
	out := s.came >> (lateDatagrams - by)
	gone := uint64(by) - uint64(bits.OnesCount64(out))
	a.Missing -= gone
	a.Lost += gone
	s.came = s.came<<by | 1
}

// stand files a datagram with the number of the one before. Some agents never
// count, which is nothing repeated.
func (s *sequence) stand(a *Account) arrival {
	s.still++
	switch {
	case s.still < stillDatagrams:
		a.Repeated++
		return again
	case s.still == stillDatagrams:
		a.Repeated -= stillDatagrams - 1
		a.Unverified += stillDatagrams
	default:
		a.Unverified++
	}
	return unknown
}

func (s *sequence) restart(a *Account, number, uptime uint32) arrival {
	a.Restarts++
	s.settle(a)
	s.begin(number, uptime)
	return anew
}

// settle gives up what is missing.
func (s *sequence) settle(a *Account) {
	a.Lost += a.Missing
	a.Missing = 0
}
