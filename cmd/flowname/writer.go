package main

import (
	"log/slog"
	"time"

	"flowname/cmd/flowname/counters"
	"flowname/correlate/export"
)

// writerFlush is how often the output is flushed: what is exported is visible
// within a second.
const writerFlush = 500 * time.Millisecond

// A lineBuffer is a buffer of whole lines and the joiner it goes back to.
type lineBuffer struct {
	lines []byte
	home  chan<- []byte
}

// A writer owns the output.
type writer struct {
	file   *export.File
	in     chan lineBuffer // closed when the joiners have ended
	reopen chan struct{}
	stats  counters.Snapshot[export.FileStats]
	log    *slog.Logger
}

func newWriter(file *export.File, log *slog.Logger) *writer {
	return &writer{file: file, in: make(chan lineBuffer, linesPerSocket), reopen: make(chan struct{}, 1), log: log}
}

// run writes until its input ends; failed is called at the first failure
// of a stream, which can not get better.
func (w *writer) run(failed func(error)) error {
	tick := time.NewTicker(writerFlush)
	defer tick.Stop()
	for {
		var err error
		select {
		case b, ok := <-w.in:
			if !ok {
				err := w.file.Close()
				w.stats.Store(w.file.Stats())
				return err
			}
			err = w.file.Write(b.lines)
			b.home <- b.lines
		case <-tick.C:
			err = w.file.Flush()
		case <-w.reopen:
			if err := w.file.Reopen(); err != nil {
				w.log.Error("the output could not be reopened; the old file stays in use", "err", err)
			}
		}
		w.stats.Store(w.file.Stats())
		if err != nil {
			w.log.Error("lines could not be written and are lost", "err", err)
			if w.file.IsStream() {
				failed(err)
			}
		}
	}
}
