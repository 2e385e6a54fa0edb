// Package sinkholes is what is known as a sinkhole: files of addresses and names,
// which a daemon reads again.
package sinkholes

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"flowname/correlate/indicators"
)

// SinkholeFlags are the flags of what is known as a sinkhole.
type SinkholeFlags struct {
	Sinkholes []string `help:"File of known sinkholes, addresses and names, for 'flowname timeline' and findings (repeatable); run reads it again at SIGHUP." placeholder:"FILE" sep:"none"`
}

// A List is what a command knows as sinkholes. Others may read it while it is read
// anew. The zero List knows none.
type List struct {
	paths []string
	set   atomic.Pointer[indicators.Set]
}

// Load reads files of sinkholes. What can not be read of them is logged.
func (s *List) Load(paths []string, log *slog.Logger) error {
	var notes strings.Builder
	set, err := Read(paths, &notes)
	if err == nil {
		s.paths = paths
		s.set.Store(set)
	}
	for note := range strings.Lines(notes.String()) {
		log.Warn("a line is not used", "file", strings.TrimSpace(note))
	}
	return err
}

// Known are those of now; nil where there are none.
func (s *List) Known() *indicators.Set { return s.set.Load() }

// Use takes a set in place of files.
func (s *List) Use(set *indicators.Set) { s.set.Store(set) }

// Has says whether an address is one of them.
func (s *List) Has(a netip.Addr) bool {
	set := s.Known()
	if set == nil {
		return false
	}
	var room [4]indicators.Entry
	return len(set.AppendAddr(room[:0], a)) > 0
}

// Reload reads the files anew. What can not be used leaves the old in place.
func (s *List) Reload(log *slog.Logger) {
	if err := s.Load(s.paths, log); err != nil {
		log.Error("the sinkholes stay as they were", "err", err)
	}
}

// Read reads files of known sinkholes; nil where there are none. What
// can not be read of them is said.
func Read(paths []string, notes io.Writer) (*indicators.Set, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	var b indicators.Builder
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("--sinkholes: %w", err)
		}
		report, err := b.Read(filepath.Base(path), f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("--sinkholes %s: %w", path, err)
		}
		for _, refusal := range report.First {
			fmt.Fprintf(notes, "--sinkholes %s: line %d: %v: %q\n", path, refusal.Line, refusal.Reason, refusal.Text)
		}
	}
	return b.Set(), nil
}
