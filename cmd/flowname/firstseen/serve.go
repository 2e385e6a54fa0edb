package firstseen

import (
	"errors"
	"net/http"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/guard"
	"flowname/dnscache/firstseen"
)

// Serve answers GET /api/v1/first-seen of what pages gives; without pages
// nobody keeps them.
func Serve(w http.ResponseWriter, r *http.Request, pages func() (*firstseen.Pages, error)) {
	if pages == nil {
		guard.Refuse(w, http.StatusNotFound, "first sightings are not kept: the daemon runs with --no-first-seen")
		return
	}
	q, err := parseQuery(r.URL.Query(), time.Now())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	known, err := pages()
	if err != nil {
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	out := api.NewWriter(w)
	var rowErr error
	err = q.tell(known, func(row sighting) error {
		rowErr = errors.Join(out.Write(row), r.Context().Err())
		return rowErr
	})
	switch {
	case rowErr != nil:
	case err != nil && out.Rows() == 0:
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
	case err != nil:
		panic(http.ErrAbortHandler) // the reader sees that the answer is cut
	default:
		out.Flush()
	}
}
