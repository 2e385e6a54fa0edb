package timeline

import (
	"errors"
	"net/http"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/guard"
	"flowname/correlate/indicators"
	"flowname/correlate/timeline"
	"flowname/dnscache"
	"flowname/geo"
)

// Serve answers GET /api/v1/timeline, by what is known as sinkholes unless the
// question has others.
func Serve(w http.ResponseWriter, r *http.Request, src timeline.Source, known *indicators.Set, places *geo.Reader) {
	q, err := parseQuery(r.URL.Query(), time.Now())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if q.cfg.Sinkholes == nil {
		q.cfg.Sinkholes = known
	}
	out := api.NewWriter(w)
	var lineErr error
	err = tell(r.Context(), src, q, places, func(row *row) error {
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
