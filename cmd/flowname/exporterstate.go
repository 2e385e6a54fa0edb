package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// What the decoders have learned of exporters (netflow.Decoder.AppendState) lies
// in one file in the data directory: templates, clocks, options data. All sockets
// read all of it, since an exporter may be on another socket after a restart. It is
// that of exporters by UDP: what a connection told ends with it (streamDecoding),
// and sFlow has nothing to learn.
const (
	exporterStateFile = "exporters.state"
	// exporterStateTick is how soon new templates are saved, which is what a kill
	// can lose; exporterStateSave is how often all the rest is, such as clocks.
	exporterStateTick = time.Second
	exporterStateSave = 10 * time.Second
	// maxExporterState bounds the file that is read: 64 sockets full of templates
	// of usual size are half of it.
	maxExporterState = 512 << 20
)

// An exporterState is the file and what it holds.
type exporterState struct {
	path    string
	saved   []byte
	buf     []byte
	savedAt time.Time
	learned uint64 // what templatesLearned was then
}

// restoreExporters gives the saved state to all receivers. One that can not be
// used is left where it is until the next is written; the daemon starts without.
func (d *daemon) restoreExporters(dir string) {
	d.exporters = &exporterState{path: filepath.Join(dir, exporterStateFile)}
	removeTorn(d.exporters.path)
	state, err := readBounded(d.exporters.path, maxExporterState)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	for _, r := range d.receivers {
		if err == nil {
			err = r.decoder.Restore(state, time.Now().UnixNano())
		}
	}
	if err != nil {
		d.log.Warn("the saved state of exporters can not be used; their templates are awaited anew", "file", d.exporters.path, "err", err)
		return
	}
	d.exporters.saved = state
	d.log.Info("exporters are known from before", "file", d.exporters.path, "templates", d.receivers[0].decoder.Stats().TemplatesRestored)
}

func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s: not a file of at most %d bytes", path, limit)
	}
	return os.ReadFile(path)
}

// templatesLearned changes when there is a template to save, or one less.
func (d *daemon) templatesLearned() uint64 {
	var sum uint64
	for _, r := range d.receivers {
		s := r.stats.Load()
		sum += s.TemplatesLearned + s.TemplatesReplaced + s.TemplatesWithdrawn
	}
	return sum
}

// saveExportersInTime saves what is due.
func (d *daemon) saveExportersInTime(now time.Time) error {
	s := d.exporters
	if s == nil || d.templatesLearned() == s.learned && now.Sub(s.savedAt) < exporterStateSave {
		return nil
	}
	s.savedAt = now
	return d.saveExporters()
}

// saveExporters writes the state of all receivers if it has changed.
func (d *daemon) saveExporters() error {
	s := d.exporters
	if s == nil {
		return nil
	}
	s.buf, s.learned = s.buf[:0], d.templatesLearned()
	for i, r := range d.receivers {
		s.buf = r.appendState(s.buf, i == 0)
	}
	if bytes.Equal(s.buf, s.saved) {
		return nil
	}
	if err := replaceFile(s.path, s.buf); err != nil {
		return fmt.Errorf("the state of exporters could not be saved: %w", err)
	}
	s.buf, s.saved = s.saved, s.buf
	return nil
}

// replaceFile puts content in the place of a file, whole or not at all, also
// when the machine fails meanwhile.
func replaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(content); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil // it is in place; only its survival of a power cut is not sure
	}
	defer dir.Close()
	_ = dir.Sync()
	return nil
}

// removeTorn removes what a kill left half written.
func removeTorn(path string) {
	torn, _ := filepath.Glob(path + ".new-*")
	for _, t := range torn {
		os.Remove(t)
	}
}
