package hunt

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"flowname/cmd/flowname/input"
	"flowname/cmd/flowname/table"
	"flowname/correlate/export/flowlog"
)

// tally says how much was looked through.
type tally struct {
	Indicators uint64 `json:"indicators"`
	Found      uint64 `json:"found"`
	Files      uint64 `json:"log_files"`
	Lines      uint64 `json:"lines"`
	NotFlows   uint64 `json:"not_flows"`
	Torn       uint64 `json:"torn_files"` // that could not be read to their end
	LeftOut    uint64 `json:"left_out"`
}

// readLogs looks through the flows of files, one after the other.
func (h *run) readLogs(ctx context.Context, files []string) error {
	var size, done int64
	sizes := make([]int64, len(files))
	for i, path := range files {
		if info, err := os.Stat(path); err == nil {
			sizes[i] = info.Size()
			size += sizes[i]
		}
	}
	for i, path := range files {
		in, err := input.OpenPacked(path)
		if err != nil {
			return err
		}
		h.tally.Files++
		if in == nil {
			continue // an empty file
		}
		err = h.readLog(ctx, in.Reader, func() {
			read, _ := in.Done()
			h.show.say("logs: %d %% of %d files, %s lines", 100*(done+read)/max(size, 1), len(files), table.Grouped(h.tally.Lines))
		})
		in.Close()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil: // as of a file that is being written and packed still
			h.tally.Torn++
			h.show.clear()
			fmt.Fprintf(h.notes, "%s: %v: what came before is used\n", path, err)
		}
		done += sizes[i]
	}
	return nil
}

// readLog looks through the lines of a file. One that is no flow, or longer than
// any, is counted.
func (h *run) readLog(ctx context.Context, r *bufio.Reader, step func()) error {
	var g flowlog.Glance
	for n := 1; ; n++ {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			h.tally.Lines++
			switch {
			case err == bufio.ErrBufferFull:
				h.tally.NotFlows++
			case len(line) == 1: // an empty line is none
				h.tally.Lines--
			case g.Read(line) != nil:
				h.tally.NotFlows++
			default:
				h.hunter.Flow(&g)
			}
		}
		for err == bufio.ErrBufferFull {
			_, err = r.ReadSlice('\n')
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			step()
		}
	}
}
