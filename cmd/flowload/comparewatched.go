package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"flowname/cmd/flowload/peers"
	"flowname/cmd/flowload/world"
	"flowname/correlate/findings"
)

// bare is flowname without all that looks at flows besides the join.
const bare = "bare"

// listedNames is how many names the feed has.
const listedNames = 1_000_000

// watchedFlags switch on what is not on by itself: a feed, which has no name of the
// world's, and resolvers that may be asked.
func watchedFlags(dir string) ([]string, error) {
	path := filepath.Join(dir, "feed.txt")
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriter(file)
	for i := range listedNames {
		fmt.Fprintf(out, "bad%d.invalid\n", i)
	}
	err = errors.Join(out.Flush(), file.Close())
	return []string{"--feed=" + path, "--resolver=192.0.2.53"}, err
}

// bare is the same program with everything switched off that can be.
func (c *compareCmd) bare(ctx context.Context, dir string, w *world.World) (*peers.Receiver, error) {
	program, err := c.program(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := writeEvidence(w, dir); err != nil {
		return nil, err
	}
	flags := []string{"--no-first-seen", "--no-baseline", "--max-clients=0"}
	for _, code := range findings.Codes() {
		flags = append(flags, "--no-finding="+code.String())
	}
	r := receiver(program, dir, w, os.DevNull, flags...)
	r.Name, r.Does = bare, "names and places each flow, and looks no further"
	return r, nil
}
