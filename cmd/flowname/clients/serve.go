package clients

import (
	"net/http"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/guard"
	"flowname/correlate/visibility"
)

// A Look gives all clients, with their statuses, to visit, and adds them up.
type Look func(visit func(*visibility.Row, visibility.Status)) visibility.Network

// Serve answers GET /api/v1/clients. Without a look nobody counts them.
func Serve(w http.ResponseWriter, r *http.Request, look Look, judge *visibility.Judge) {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if look == nil {
		guard.Refuse(w, http.StatusNotFound, "nobody counts the flows of clients: the daemon runs with --max-clients 0")
		return
	}
	pick := pick{query: q}
	network := look(pick.visit)
	out := api.NewWriter(w)
	if pick.each(&network, judge, out.Write) == nil {
		out.Flush()
	}
}
