package top

import (
	"net/http"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/guard"
)

// Serve answers GET /api/v1/top. Without days nobody keeps them.
func Serve(w http.ResponseWriter, r *http.Request, days Days) {
	q, err := parseQuery(r.URL.Query(), time.Now())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if days == nil {
		guard.Refuse(w, http.StatusNotFound, "no baselines are kept: the daemon runs with --no-baseline")
		return
	}
	out := api.NewWriter(w)
	var lineErr error
	err = q.tell(r.Context(), days, func(line any) error {
		lineErr = out.Write(line)
		return lineErr
	})
	switch {
	case lineErr != nil: // nobody listens any more
	case err != nil:
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
	default:
		out.Flush()
	}
}
