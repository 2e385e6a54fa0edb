// Package datadir opens data directories, and says what to do where one can not be
// opened.
package datadir

import (
	"errors"
	"fmt"

	"flowname/dnscache"
)

// Open opens a data directory to add to it, or where none is given what takes
// its place in memory.
func Open(cfg dnscache.Config) (*dnscache.Cache, error) {
	cache, err := dnscache.Open(cfg)
	switch {
	case errors.Is(err, dnscache.ErrLocked):
		return nil, fmt.Errorf("the data directory %s is in use by another flowname: stop it or give another --data", cfg.Dir)
	case err != nil:
		return nil, fmt.Errorf("data directory %s: %w", cfg.Dir, err)
	}
	return cache, nil
}

// OpenHistory opens what a daemon or a replay has left, to read it.
func OpenHistory(dir string) (*dnscache.History, error) {
	h, err := dnscache.OpenHistory(dir)
	switch {
	case errors.Is(err, dnscache.ErrLocked):
		return nil, fmt.Errorf("%s is in use by a running flowname: ask it with --server URL instead of --data", dir)
	case errors.Is(err, dnscache.ErrNoHistory):
		return nil, fmt.Errorf("%s holds no history: give the directory that run or replay had as --data", dir)
	case err != nil:
		return nil, err
	}
	return h, nil
}
