package main

import (
	"fmt"
	"io"
	"os"

	"flowname/cmd/flowload/check"
)

type checkCmd struct {
	Expect string `help:"The world, as write has written it." required:"" placeholder:"WORLD.json"`
	Places bool   `help:"The world's databases were given: networks and places must be right too."`
	Lost   uint64 `help:"How many flows may be missing (default ${default})." default:"0"`
	Output string `arg:"" help:"flowname's output; - is stdin." placeholder:"OUT.jsonl"`
}

// Run verifies an output, and fails where anything is wrong.
func (c *checkCmd) Run(std streams) error {
	w, err := loadWorld(c.Expect)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	in := std.in
	if c.Output != "-" {
		f, err := os.Open(c.Output)
		if err != nil {
			return fmt.Errorf("check: %w", err)
		}
		defer f.Close()
		in = f
	}
	checker := check.New(w, c.Places)
	if err := checker.Read(in); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	account := checker.Account()
	tell(std.out, &account)
	if !account.OK(c.Lost) {
		for _, f := range account.Faults {
			fmt.Fprintln(std.err, f)
		}
		return fmt.Errorf("check: the output is not what it must be")
	}
	return nil
}

func tell(w io.Writer, a *check.Account) {
	fmt.Fprintf(w, "%d lines: %d right (%d named), %d wrong, %d foreign, %d twice; %d flows missing\n",
		a.Lines, a.Right, a.Named, a.Wrong, a.Foreign, a.Twice, a.Missing)
}
