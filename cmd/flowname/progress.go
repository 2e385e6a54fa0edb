package main

import (
	"fmt"
	"io"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/input"
)

// progress shows how much of the input files is read, on a terminal only.
type progress struct {
	w      io.Writer // nil: show nothing
	inputs []*input.File
	steps  uint64
	shown  time.Time
}

// progressSteps is how many things are done between two looks at the clock.
const progressSteps = 1 << 12

func newProgress(w io.Writer, inputs []*input.File) *progress {
	p := &progress{inputs: inputs}
	if command.OnTerminal(w) {
		p.w = w
	}
	return p
}

func (p *progress) step() {
	if p.steps++; p.w == nil || p.steps%progressSteps != 0 {
		return
	}
	now := time.Now()
	if now.Sub(p.shown) < 200*time.Millisecond {
		return
	}
	p.shown = now
	var read, size int64
	for _, in := range p.inputs {
		r, s := in.Done()
		read, size = read+r, size+s
	}
	if size > 0 {
		fmt.Fprintf(p.w, "\r%3d %% read", 100*read/size)
	}
}

// clear removes the line.
func (p *progress) clear() {
	if p.w != nil && !p.shown.IsZero() {
		fmt.Fprint(p.w, "\r            \r")
	}
}
