package follow

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"flowname/dnscache/logs"
)

// sparing is how many times as long as a scan or a save took it is left alone.
const sparing = 20

// A copyOf is a file that holds nothing but what another holds.
type copyOf struct {
	of          *record
	id          identity
	size, modNs int64
}

// A Follower follows one path.
type Follower struct {
	cfg  Config
	now  func() time.Time
	sink logs.Sink

	records []*record // in the order in which they are read
	byID    map[identity]*record
	copies  map[string]copyOf   // by path
	seen    map[string]sighting // by path, of the last scan
	said    map[string]string   // what was last said of a path

	heir     *logs.Reader // of the content before, for the next
	forgotNs int64        // files written last until then are not new

	dir      bool // PATH is a directory
	restored bool // from a state file
	began    bool // a scan was made
	muted    bool // a reader is being primed
	dirty    bool // there is something to save
	turns    uint64
	nextScan time.Time
	nextSave time.Time
	chunk    []byte
	stats    Stats

	mu        sync.Mutex
	published Stats
}

// New makes a Follower and takes up the state file, where there is one: one that
// can not be used is ErrState.
func New(cfg Config) (*Follower, error) { return newFollower(cfg, time.Now) }

func newFollower(cfg Config, now func() time.Time) (*Follower, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Path = filepath.Clean(cfg.Path)
	f := &Follower{
		cfg: cfg.withDefaults(), now: now,
		byID: map[identity]*record{}, copies: map[string]copyOf{}, said: map[string]string{},
		chunk: make([]byte, chunkLen),
	}
	f.sink = f.wrapSink()
	if f.cfg.StateFile != "" {
		if err := f.load(); err != nil {
			return nil, err
		}
	}
	f.publish()
	return f, nil
}

// Run follows until ctx ends, and saves the state.
func (f *Follower) Run(ctx context.Context) error {
	tick := time.NewTicker(f.cfg.Poll)
	defer tick.Stop()
	defer f.close()
	for {
		f.turn(ctx)
		select {
		case <-ctx.Done():
			return f.save()
		case <-tick.C:
		}
	}
}

// turn looks at the files once, and reads what has come.
func (f *Follower) turn(ctx context.Context) {
	if now := f.now(); !now.Before(f.nextScan) {
		f.scan(now)
		f.nextScan = now.Add(sparing * f.now().Sub(now))
	}
	f.readAll(ctx)
	f.saveInTime()
	f.publish()
}

// saveInTime saves what is due to be saved.
func (f *Follower) saveInTime() {
	now := f.now()
	if !f.dirty || now.Before(f.nextSave) {
		return
	}
	if err := f.save(); err != nil {
		f.trouble(f.cfg.StateFile, err)
	} else {
		f.well(f.cfg.StateFile)
	}
	f.nextSave = now.Add(max(f.cfg.Save, sparing*f.now().Sub(now)))
	f.publish()
}

func (f *Follower) close() {
	for _, r := range f.records {
		r.close()
	}
}
