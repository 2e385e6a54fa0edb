package hunt

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/guard"
	"flowname/correlate/hunt"
	"flowname/dnscache"
)

// ServeScan gives all answers for many names and addresses, each once: of a few by
// asking for each, of many by one pass over all names. One request at a time is
// served: scanning is locked meanwhile.
func ServeScan(w http.ResponseWriter, r *http.Request, cache *dnscache.Cache, scanning *sync.Mutex) {
	if !scanning.TryLock() {
		w.Header().Set("Retry-After", "10")
		guard.Refuse(w, http.StatusTooManyRequests, "names are looked through for somebody else: try again later")
		return
	}
	defer scanning.Unlock()
	body := api.NewPatient(http.MaxBytesReader(w, r.Body, maxScanBody), w)
	s, err := parseScan(r, body, time.Now())
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		guard.Refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("more than %d MB: ask for fewer names at a time", maxScanBody>>20))
		return
	}
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	b := bufio.NewWriterSize(body, 1<<16)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	var rowErr error
	begun := false
	err = s.Run(r.Context(), cache, func(a *hunt.Answer) bool {
		begun = true
		rowErr = enc.Encode(scanRowOf(a))
		return rowErr == nil
	})
	switch {
	case rowErr != nil:
		return
	case err != nil && !begun:
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
	case err != nil:
		panic(http.ErrAbortHandler) // the reader sees that the answer is cut
	default:
		b.Flush()
	}
}
