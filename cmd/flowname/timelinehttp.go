package main

import (
	"errors"
	"net/http"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/guard"
	"flowname/dnscache"
)

// serveTimeline answers GET /api/v1/timeline.
func serveTimeline(w http.ResponseWriter, r *http.Request, d *daemon) {
	q, err := parseTimelineQuery(r.URL.Query(), time.Now())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if q.cfg.Sinkholes == nil {
		q.cfg.Sinkholes = d.sinkholes.Known()
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
