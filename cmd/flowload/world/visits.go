package world

import (
	"fmt"
	"time"
)

// Visits is a world's answers stretched to a history: a client stays with a
// server for some time, in which it asks for the same name again and again, and
// then goes to the next one. Each Answer of the World is given Again times, Every
// apart, to all clients in a row, before any of them gets the next one.
type Visits struct {
	World *World
	Again int
	Every time.Duration
}

// Validate says what is wrong with Visits, and what would be right.
func (v *Visits) Validate() error {
	switch {
	case v.Again < 1 || v.Again > 1000:
		return fmt.Errorf("again: %d: want 1 to 1000", v.Again)
	case v.Every < 10*time.Second || v.Every > 24*time.Hour:
		return fmt.Errorf("every: %v: want 10s to 24h, so that each visit is a version", v.Every)
	}
	return nil
}

// Len is how many answers there are.
func (v *Visits) Len() int { return v.World.Answers() * v.Again }

// block is how many answers are given in turn: one of each client.
func (v *Visits) block() int { return v.World.cfg.Clients }

// Answer is the answer of a number under Len, in order of time. Its Number is that
// in the World.
func (v *Visits) Answer(i int) Answer {
	block := v.block()
	round, k := i/block, i%block
	row := round / v.Again
	if end := v.World.Answers(); row >= end/block { // the last row is not whole
		rest := i - end/block*block*v.Again
		block = end % block
		round, k = end/v.block()*v.Again+rest/block, rest%block
	}
	a := v.World.Answer(row*v.block() + k)
	a.TimeNs = v.World.cfg.StartNs + int64(round)*int64(v.Every) + int64(k)*int64(v.Every)/int64(v.block())
	return a
}

// EndNs is when all is over.
func (v *Visits) EndNs() int64 { return v.Answer(v.Len() - 1).TimeNs }
