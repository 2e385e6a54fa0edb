package peers

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowload/wire"
)

// A Row is what all rounds of a receiver measured.
type Row struct {
	Receiver *Receiver
	Rounds   []Result
}

// Compare measures the receivers that are there in alternating rounds. told is
// called after each.
func Compare(ctx context.Context, receivers []*Receiver, rounds int, dir string, messages []wire.Message, told func(*Receiver, int, *Result)) ([]Row, error) {
	rows := make([]Row, len(receivers))
	for i, r := range receivers {
		rows[i].Receiver = r
	}
	for round := range rounds {
		for i, r := range receivers {
			if r.Absent != "" {
				continue
			}
			res, err := r.Measure(ctx, filepath.Join(dir, fmt.Sprintf("%s-%d", filepath.Base(r.Name), round)), messages)
			if err != nil {
				return nil, err
			}
			rows[i].Rounds = append(rows[i].Rounds, res)
			told(r, round, &res)
		}
	}
	return rows, nil
}

// CPU is the median of the CPU seconds for a million flows.
func (r *Row) CPU() float64 {
	return r.median(func(res *Result) float64 { return res.CPU.Seconds() * 1e6 / float64(max(res.Sent, 1)) })
}

// Peak is the median of the peaks of memory, in megabytes of 10^6.
func (r *Row) Peak() float64 {
	return r.median(func(res *Result) float64 { return float64(res.Peak) / 1e6 })
}

// Rate is the median of the flows a second at which it read.
func (r *Row) Rate() float64 {
	return r.median(func(res *Result) float64 { return float64(res.Sent) / max(res.Took, time.Nanosecond).Seconds() })
}

// Lost is how many flows were lost in all rounds, Sent how many were sent.
func (r *Row) Lost() (lost, sent uint64) {
	for i := range r.Rounds {
		lost += r.Rounds[i].Lost()
		sent += r.Rounds[i].Sent
	}
	return lost, sent
}

func (r *Row) median(of func(*Result) float64) float64 {
	var all []float64
	for i := range r.Rounds {
		all = append(all, of(&r.Rounds[i]))
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// WriteTable writes the rows with their ratio to the row of that name, and why
// receivers are absent.
func WriteTable(w io.Writer, rows []Row, ours string) error {
	var base float64
	for i := range rows {
		if rows[i].Receiver.Name == ours {
			base = rows[i].CPU()
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "RECEIVER\tCPU s/1M flows\t/ %s\tPEAK MB\tFLOWS/s\tLOST\tWHAT IT DOES\n", ours)
	for i := range rows {
		r := &rows[i]
		if len(r.Rounds) == 0 {
			continue
		}
		ratio := "-"
		if base > 0 {
			ratio = fmt.Sprintf("%.2f", r.CPU()/base)
		}
		lost, sent := r.Lost()
		percent := 100 * float64(lost) / float64(max(sent, 1))
		fmt.Fprintf(t, "%s\t%.3f\t%s\t%.0f\t%.0f\t%d (%.2f %%)\t%s\n",
			r.Receiver.Name, r.CPU(), ratio, r.Peak(), r.Rate(), lost, percent, r.Receiver.Does)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range rows {
		if a := rows[i].Receiver.Absent; a != "" {
			if _, err := fmt.Fprintf(w, "%s: absent: %s\n", rows[i].Receiver.Name, a); err != nil {
				return err
			}
		}
	}
	return nil
}
