package follow

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"flowname/dnscache/logs"
)

// ErrState is a state file that can not be used.
var ErrState = errors.New("follow: the state file can not be used")

const (
	stateVersion = 1
	// maxState bounds the file that is read: the largest number of files with
	// the longest paths.
	maxState = 256 << 20
)

// savedState is the state file.
type savedState struct {
	Version  int           `json:"version"`
	Path     string        `json:"path"`
	Counters savedCounters `json:"counters"`
	NewestNs int64         `json:"newest_ns"`
	ForgotNs int64         `json:"forgot_ns"`
	Heir     *savedParser  `json:"heir,omitempty"`
	Files    []savedFile   `json:"files"`
}

type savedCounters struct {
	Lines       map[string]uint64 `json:"lines"` // by reason
	Responses   uint64            `json:"responses"`
	Connections uint64            `json:"connections"`
	Bytes       uint64            `json:"bytes"`
	Finished    uint64            `json:"finished"`
	Rotations   uint64            `json:"rotations"`
	Truncations uint64            `json:"truncations"`
	Restarts    uint64            `json:"restarts"`
	Unknown     uint64            `json:"unknown"`
	Lost        uint64            `json:"lost"`
	Forgotten   uint64            `json:"forgotten"`
}

type savedParser struct {
	Format string `json:"format"`
	State  []byte `json:"state,omitempty"`
}

type savedFile struct {
	Path     string   `json:"path"`
	ID       identity `json:"id"`
	Size     int64    `json:"size"`
	ModNs    int64    `json:"mod_ns"`
	Packed   bool     `json:"packed,omitempty"`
	Head     print    `json:"head"`
	Tail     print    `json:"tail"`
	Offset   int64    `json:"offset"`
	Format   string   `json:"format,omitempty"`
	State    []byte   `json:"state,omitempty"` // the parser's
	Finished bool     `json:"finished,omitempty"`
	Skip     bool     `json:"skip,omitempty"`
}

// load takes up the state of an earlier life.
func (f *Follower) load() error {
	path := f.cfg.StateFile
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var s savedState
	var text []byte
	if err == nil && info.Size() > maxState {
		err = fmt.Errorf("%d bytes", info.Size())
	}
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err == nil && s.Version != stateVersion {
		err = fmt.Errorf("version %d", s.Version)
	}
	if err == nil && s.Path != f.cfg.Path {
		err = fmt.Errorf("it is that of %s", s.Path)
	}
	if err == nil {
		err = f.restore(&s)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrState, path, err)
	}
	return nil
}

func (f *Follower) restore(s *savedState) error {
	c := &s.Counters
	f.stats = Stats{
		Bytes: c.Bytes, Finished: c.Finished, Rotations: c.Rotations, Truncations: c.Truncations,
		Restarts: c.Restarts + 1, Unknown: c.Unknown, Lost: c.Lost, Forgotten: c.Forgotten, NewestNs: s.NewestNs,
	}
	f.forgotNs = s.ForgotNs
	read := &f.stats.Read
	read.Responses, read.Connections = c.Responses, c.Connections
	for i := range read.ByReason {
		read.ByReason[i] = c.Lines[logs.Reason(i).String()]
		read.Lines += read.ByReason[i]
	}
	for i := range s.Files {
		x := &s.Files[i]
		if x.Offset < 0 || int64(x.Head.n) > x.Offset && !x.Skip || int64(x.Tail.n) > x.Offset || x.Tail.n > tailLen {
			return fmt.Errorf("%s: impossible offset", x.Path)
		}
		r := &record{
			place: place{path: x.Path, id: x.ID, size: x.Size, modNs: x.ModNs, packed: x.Packed},
			head:  x.Head, tail: x.Tail, offset: x.Offset, format: logs.ByName(x.Format), parked: x.State,
			finished: x.Finished, skip: x.Skip, grewAt: f.now(), current: x.Path == f.cfg.Path,
		}
		r.told = r.format != nil
		f.records = append(f.records, r)
		if r.id != (identity{}) {
			f.byID[r.id] = r
		}
	}
	if s.Heir != nil {
		if format := logs.ByName(s.Heir.Format); format != nil {
			f.heir = logs.NewReader(format, f.heirConfig(), f.sink)
			if err := f.heir.Restore(s.Heir.State); err != nil {
				f.heir = nil // it goes on without what the last file left open
			}
		}
	}
	f.restored, f.dirty = true, true
	return nil
}

func (f *Follower) heirConfig() logs.Config {
	config := f.cfg.Logs
	config.ReferenceNs = f.now().UnixNano()
	return config
}

// snapshot is the state of this moment.
func (f *Follower) snapshot() *savedState {
	c := &f.stats
	s := &savedState{
		Version: stateVersion, Path: f.cfg.Path, NewestNs: c.NewestNs, ForgotNs: f.forgotNs,
		Counters: savedCounters{
			Lines: map[string]uint64{}, Responses: c.Read.Responses, Connections: c.Read.Connections,
			Bytes: c.Bytes, Finished: c.Finished, Rotations: c.Rotations, Truncations: c.Truncations,
			Restarts: c.Restarts, Unknown: c.Unknown, Lost: c.Lost, Forgotten: c.Forgotten,
		},
		Files: make([]savedFile, 0, len(f.records)),
	}
	for i, n := range c.Read.ByReason {
		if n > 0 {
			s.Counters.Lines[logs.Reason(i).String()] = n
		}
	}
	if f.heir != nil {
		s.Heir = &savedParser{f.heir.Format().Name, f.heir.AppendState(nil)}
	}
	for _, r := range f.records {
		s.Files = append(s.Files, r.saved())
	}
	return s
}

func (r *record) saved() savedFile {
	x := savedFile{
		Path: r.path, ID: r.id, Size: r.size, ModNs: r.modNs, Packed: r.packed, Head: r.head, Tail: r.tail,
		Offset: r.offset, State: r.parked, Finished: r.finished, Skip: r.skip,
	}
	if r.told {
		x.Format = r.format.Name
	}
	if r.reader != nil {
		x.State = r.reader.AppendState(nil)
	}
	return x
}

// save makes safe what the sink was given, and then writes down how far that is.
func (f *Follower) save() error {
	if !f.dirty {
		return nil
	}
	err := f.cfg.Durable()
	if err == nil && f.cfg.StateFile != "" {
		var text []byte
		if text, err = json.Marshal(f.snapshot()); err == nil {
			err = replaceFile(f.cfg.StateFile, text)
		}
	}
	if err != nil {
		f.stats.SaveErrors++
		return err
	}
	f.stats.Saves++
	f.dirty = false
	return nil
}

// replaceFile puts content in the place of a file, whole or not at all, also
// when the machine fails meanwhile. What a kill leaves half written has the same
// name each time.
func replaceFile(path string, content []byte) (err error) {
	temp := path + ".new"
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = file.Write(content); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync() // a file system that can not has the new name in its own time
		dir.Close()
	}
	return nil
}
