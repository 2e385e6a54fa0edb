package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// tell prints a run.
func (r *jointResult) tell(w io.Writer) {
	fmt.Fprintf(w, "%.0f flows/s for %.1f s by %s, and %.0f answers/s for %.1f s, of up to %d clients; %d answers in the end\n",
		r.rate(), r.flows.Took.Seconds(), r.joint.format,
		float64(r.live)/r.answersTook.Seconds(), r.answersTook.Seconds(), r.joint.clients, r.answers)
	tell(w, &r.account)
	fmt.Fprintf(w, "lost %.4f %%: %d datagrams dropped by the kernel, %d flows missing by flowname's own account\n",
		100*r.lost(), r.ledger.KernelDrops, r.ledger.Lost)
	fmt.Fprintf(w, "flowname: %.2f CPU s, %.2f for a million flows with their answers, %.2f of a core; at most %.0f MB\n",
		r.cpu.Seconds(), r.cpu.Seconds()*1e6/float64(max(r.flows.Flows, 1)), r.cpu.Seconds()/r.flows.Took.Seconds(), float64(r.peak)/1e6)
	fmt.Fprintf(w, "generator and check: %.2f of a core\n", r.generator.Seconds()/r.answersTook.Seconds())
}

const (
	// tryTime is how long a rate is tried, finest the step at which the search
	// ends.
	tryTime = 10 * time.Second
	finest  = 1.05
)

// highest finds the highest rate of flows that holds, with answers in
// proportion, to a twentieth.
func (r *joint) highest(ctx context.Context, std streams, dir string, lost float64) error {
	try := *r
	try.time = min(tryTime, r.time)
	best := *r
	holds, fails := 1.0, 0.0 // factors of the rate that held
	for factor := 2.0; fails == 0 || fails/holds > finest; {
		try.flows, try.answers = int(float64(r.flows)*factor), int(float64(r.answers)*factor)
		res, err := try.run(ctx, filepath.Join(dir, fmt.Sprintf("try-%d", try.flows)))
		if err != nil {
			return err
		}
		if err := res.judge(1); err != nil {
			return err // names are right at any rate, and losses are counted
		}
		// A generator that lags has not sent what was to be tried.
		held := res.lost() <= lost && res.rate() > 0.97*float64(try.flows)
		fmt.Fprintf(std.err, "%d flows/s, %d answers/s: sent %.0f flows/s, lost %.4f %%\n", try.flows, try.answers, res.rate(), 100*res.lost())
		if held {
			holds, best = factor, try
		} else {
			fails = factor
		}
		if factor = 2 * holds; fails != 0 {
			factor = (holds + fails) / 2
		}
	}
	_, err := fmt.Fprintf(std.out, "highest that holds for %v: %d flows/s with %d answers/s\n", try.time, best.flows, best.answers)
	return err
}
