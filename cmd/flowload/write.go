package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowload/world"
)

type writeCmd struct {
	Dir string `help:"Directory to write to; it is made." required:"" placeholder:"DIR"`
	WorldFlags
}

// Run writes all files of a world.
func (c *writeCmd) Run(std streams) error {
	w, err := c.make()
	if err != nil {
		return err
	}
	if err := writeWorld(w, c.Dir); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	fmt.Fprintf(std.err, "%d answers of %d clients and %d flows in %s\n", w.Answers(), c.Clients, c.Flows, c.Dir)
	return nil
}

// Names of the files of a world in its directory.
const (
	worldFile  = "world.json"
	dnsFile    = "dns.pcap"
	dnstapFile = "dns.dnstap"
	asnFile    = "asn.mmdb"
	cityFile   = "city.mmdb"
)

func flowsFile(f wire.Format) string { return "flows." + f.String() + ".pcap" }

func writeWorld(w *world.World, dir string) error {
	if err := writeEvidence(w, dir); err != nil {
		return err
	}
	err := writeFile(filepath.Join(dir, dnsFile), func(out io.Writer) error { return wire.WriteDNS(out, w) })
	for _, f := range wire.Formats() {
		err = errors.Join(err, writeFile(filepath.Join(dir, flowsFile(f)), func(out io.Writer) error { return wire.WriteFlows(out, w, f) }))
	}
	return err
}

// writeEvidence writes what a running collector needs: answers as dnstap, and
// databases.
func writeEvidence(w *world.World, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cfg := w.Config()
	return errors.Join(
		cfg.Save(filepath.Join(dir, worldFile)),
		w.WritePlaces(filepath.Join(dir, asnFile), filepath.Join(dir, cityFile)),
		writeFile(filepath.Join(dir, dnstapFile), func(out io.Writer) error { return wire.WriteDnstap(out, w) }),
	)
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<20)
	err = write(b)
	return errors.Join(err, b.Flush(), f.Close())
}
