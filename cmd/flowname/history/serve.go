package history

import (
	"errors"
	"net/http"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/guard"
	"flowname/dnscache"
)

// Serve answers GET /api/v1/history.
func Serve(w http.ResponseWriter, r *http.Request, cache *dnscache.Cache) {
	q, err := ParseQuery(r.URL.Query(), time.Now())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	out := api.NewWriter(w)
	var rowErr error
	err = cache.History(r.Context(), q, func(row dnscache.Row) bool {
		rowErr = out.Write(rowOf(row))
		return rowErr == nil
	})
	switch {
	case rowErr != nil:
		return
	case out.Rows() == 0 && errors.Is(err, dnscache.ErrBadQuery):
		guard.Refuse(w, http.StatusBadRequest, err.Error())
	case err != nil && out.Rows() == 0:
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
	case err != nil:
		panic(http.ErrAbortHandler) // the reader sees that the answer is cut
	default:
		out.Flush()
	}
}
