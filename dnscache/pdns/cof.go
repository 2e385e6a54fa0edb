package pdns

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// cofRecord is a record in the Common Output Format. MISP's modules want count
// and origin to be there always.
type cofRecord struct {
	RRName      string `json:"rrname"`
	RRType      string `json:"rrtype"`
	RData       string `json:"rdata"`
	TimeFirst   int64  `json:"time_first"`
	TimeLast    int64  `json:"time_last"`
	Count       uint64 `json:"count"`
	TimeFirstMs int64  `json:"time_first_ms"`
	TimeLastMs  int64  `json:"time_last_ms"`
	Origin      string `json:"origin"`
}

// Headers of CIRCL's API, version 2.
const (
	headerPage   = "dribble-paginate-count"
	headerCursor = "dribble-paginate-cursor"
	headerFilter = "dribble-filter-rrtype"
	headerNext   = "x-dribble-cursor"
	headerErrors = "x-dribble-errors"
)

// serveCOF answers GET /pdns/query/SUBJECT, SUBJECT being an address, a name or
// *.DOMAIN.
func (h *Handler) serveCOF(w http.ResponseWriter, r *http.Request) {
	page, cursor, err := paging(r.Header)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	types := wantedTypes(r.Header.Get(headerFilter))
	q := queryFor(r.PathValue("subject"))
	records, cut, err := gather(r.Context(), h.cfg.History, q, func(rec *Record) bool { return types.has(rec) })
	if err != nil {
		refuseQuery(w, err)
		return
	}
	rest := records[min(cursor, len(records)):]
	if page > 0 && len(rest) > page {
		rest = rest[:page]
		w.Header().Set(headerNext, strconv.Itoa(cursor+page))
	}
	if cut {
		w.Header().Set(headerErrors, "there are more records than are gathered: narrow the query")
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range rest {
		rec := &rest[i]
		err := enc.Encode(cofRecord{
			RRName: rec.Name, RRType: rec.Type(), RData: rec.Addr.String(),
			TimeFirst: rec.first(), TimeLast: rec.last(), Count: rec.Count,
			TimeFirstMs: rec.FirstNs / 1e6, TimeLastMs: rec.LastNs / 1e6, Origin: h.cfg.Origin,
		})
		if err != nil {
			return // the asker is gone
		}
	}
}

// paging reads how many records are wanted, 0 for all, and from which on.
func paging(h http.Header) (page, cursor int, err error) {
	for _, v := range []struct {
		key string
		to  *int
	}{{headerPage, &page}, {headerCursor, &cursor}} {
		text := h.Get(v.key)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return 0, 0, badRequest("the header " + v.key + " is not a number that this server gave")
		}
		*v.to = n
	}
	return page, cursor, nil
}

// typeSet are record types that are asked for; empty is all.
type typeSet []string

func wantedTypes(text string) typeSet {
	var set typeSet
	for t := range strings.SplitSeq(text, ",") {
		if t = strings.ToUpper(strings.TrimSpace(t)); t != "" && t != "ANY" {
			set = append(set, t)
		}
	}
	return set
}

func (s typeSet) has(r *Record) bool {
	for _, t := range s {
		if t == r.Type() {
			return true
		}
	}
	return len(s) == 0
}
