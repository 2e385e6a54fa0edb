package main

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/guard"
	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// SinkholeFlags are the flags of what is known as a sinkhole.
type SinkholeFlags struct {
	Sinkholes []string `help:"File of known sinkholes, addresses and names, for 'flowname timeline' and findings (repeatable); run reads it again at SIGHUP." placeholder:"FILE" sep:"none"`
}

// sinkholes are what the daemon knows as sinkholes.
type sinkholes struct {
	paths []string
	set   atomic.Pointer[indicators.Set]
}

func (s *sinkholes) load(paths []string, log *slog.Logger) error {
	var notes strings.Builder
	set, err := readSinkholes(paths, &notes)
	if err == nil {
		s.paths = paths
		s.set.Store(set)
	}
	for note := range strings.Lines(notes.String()) {
		log.Warn("a line is not used", "file", strings.TrimSpace(note))
	}
	return err
}

// has says whether an address is one of them.
func (s *sinkholes) has(a netip.Addr) bool {
	set := s.set.Load()
	if set == nil {
		return false
	}
	var room [4]indicators.Entry
	return len(set.AppendAddr(room[:0], a)) > 0
}

// reload reads the files anew. What can not be used leaves the old in place.
func (s *sinkholes) reload(log *slog.Logger) {
	if err := s.load(s.paths, log); err != nil {
		log.Error("the sinkholes stay as they were", "err", err)
	}
}

// serveTimeline answers GET /api/v1/timeline.
func serveTimeline(w http.ResponseWriter, r *http.Request, d *daemon) {
	q, err := parseTimelineQuery(r.URL.Query(), time.Now())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if q.cfg.Sinkholes == nil {
		q.cfg.Sinkholes = d.sinkholes.set.Load()
	}
	out := api.NewWriter(w)
	var lineErr error
	err = tellTimeline(r.Context(), d.cache, q, d.places, func(row *timelineRow) error {
		lineErr = out.Write(row)
		return lineErr
	})
	switch {
	case lineErr != nil:
	case errors.Is(err, dnscache.ErrBadQuery):
		guard.Refuse(w, http.StatusBadRequest, err.Error())
	case err != nil && out.Rows() > 0:
		panic(http.ErrAbortHandler) // the reader sees that the answer is cut
	case err != nil:
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
	default:
		out.Flush()
	}
}
