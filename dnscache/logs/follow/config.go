package follow

import (
	"errors"
	"fmt"
	"time"

	"flowname/dnscache/logs"
)

// The defaults of Config's times.
const (
	DefaultPoll   = 250 * time.Millisecond
	DefaultSave   = 500 * time.Millisecond
	DefaultSettle = time.Second
	DefaultGrace  = 5 * time.Second
	DefaultQuiet  = 10 * time.Minute
)

const (
	// DefaultMaxFiles has room for a month of exports every ten minutes, three
	// times over.
	DefaultMaxFiles = 1 << 14
	// MaxOpen is how many files are open at once.
	MaxOpen = 64
)

// Config says what to follow and how.
type Config struct {
	// Path is a file or a directory; it need not be there yet.
	Path string
	// Format is that of all lines; nil: told from each file's content.
	Format *logs.Format
	// Logs is what the lines do not say of themselves. ReferenceNs is the
	// Follower's to set.
	Logs logs.Config
	// Sink takes the evidence.
	Sink logs.Sink
	// StateFile is where the state is kept; empty: nowhere, and all is read anew
	// after a restart.
	StateFile string
	// Durable makes safe what the sink was given so far: the state is saved when
	// it has returned nil. May be nil.
	Durable func() error
	// Say is told of what somebody should look at, once for each path and
	// cause. May be nil.
	Say func(path string, err error)

	// Poll is how often files are looked at, Save how often the state is saved
	// while lines come. Zero is the default, as for all that follow.
	Poll, Save time.Duration
	// Settle is how long a new file is left alone, Grace how long what was
	// rotated may still grow, Quiet how long a file in a directory does not
	// grow before it is taken for finished.
	Settle, Grace, Quiet time.Duration
	// MaxFiles is how many files are remembered.
	MaxFiles int
}

// Validate says what is wrong with c, or nil.
func (c Config) Validate() error {
	switch {
	case c.Path == "":
		return errors.New("follow: no path")
	case c.Sink.Response == nil || c.Sink.Connection == nil:
		return errors.New("follow: no sink")
	case c.Poll < 0 || c.Save < 0 || c.Settle < 0 || c.Grace < 0 || c.Quiet < 0 || c.MaxFiles < 0:
		return fmt.Errorf("follow: %s: a time or bound is negative", c.Path)
	}
	return nil
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value *time.Duration
		zero  time.Duration
	}{
		{&c.Poll, DefaultPoll}, {&c.Save, DefaultSave}, {&c.Settle, DefaultSettle},
		{&c.Grace, DefaultGrace}, {&c.Quiet, DefaultQuiet},
	} {
		if *d.value == 0 {
			*d.value = d.zero
		}
	}
	if c.MaxFiles == 0 {
		c.MaxFiles = DefaultMaxFiles
	}
	if c.Durable == nil {
		c.Durable = func() error { return nil }
	}
	if c.Say == nil {
		c.Say = func(string, error) {}
	}
	return c
}
