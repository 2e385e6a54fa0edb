package pdns

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"flowname/dnscache"
)

// Config says what a Handler answers from. All fields are needed.
type Config struct {
	History History
	// Origin is what records say of where they come from, a URI.
	Origin string
	// Now tells the time, for bounds that are so long ago.
	Now func() time.Time
}

// A Handler serves
//
//	GET /pdns/query/SUBJECT
//	GET /dnsdb/v2/lookup/rrset/name/NAME[/TYPE], rdata/ip/ADDRESS
//	GET /dnsdb/v2/summarize/..., the same
//	GET /dnsdb/v2/rate_limit, /dnsdb/v2/ping
type Handler struct {
	cfg Config
	mux *http.ServeMux
}

// NewHandler returns a Handler.
func NewHandler(cfg Config) *Handler {
	h := &Handler{cfg: cfg, mux: http.NewServeMux()}
	h.mux.HandleFunc("/pdns/query/{subject}", h.serveCOF)
	h.mux.HandleFunc("/dnsdb/v2/ping", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]string{"ping": "ok"})
	})
	h.mux.HandleFunc("/dnsdb/v2/rate_limit", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"rate": map[string]string{"limit": "unlimited", "remaining": "n/a", "reset": "n/a"}})
	})
	h.mux.HandleFunc("/dnsdb/v2/{verb}/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("verb") {
		case "lookup", "summarize":
			h.serveDNSDB(w, r)
		default:
			refuse(w, http.StatusNotFound, "want lookup or summarize")
		}
	})
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "want /pdns/query/SUBJECT or /dnsdb/v2/lookup/...")
	})
	return h
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "want GET or HEAD, not "+r.Method)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// A requestError is a request that can not be answered, with its status.
type requestError struct {
	status int
	text   string
}

func (e *requestError) Error() string { return e.text }

func badRequest(text string) error { return &requestError{http.StatusBadRequest, text} }
func notKept(text string) error    { return &requestError{http.StatusNotImplemented, text} }

func statusOf(err error) int {
	var e *requestError
	if errors.As(err, &e) {
		return e.status
	}
	return http.StatusInternalServerError
}

// refuseQuery answers where the history could not be asked.
func refuseQuery(w http.ResponseWriter, err error) {
	if errors.Is(err, dnscache.ErrBadQuery) {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	refuse(w, http.StatusInternalServerError, fmt.Sprintf("the history can not be read: %v", err))
}

// refuse answers with an error in the shape that all errors have.
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	writeJSON(w, map[string]string{"error": text})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the asker may be gone
}
