package pdns

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"flowname/dnscache"
)

// defaultLimit is how many results DNSDB gives when none are asked for.
const defaultLimit = 10_000

// dnsdbRecord is a result; RData is a list where an RRset was asked for.
type dnsdbRecord struct {
	Count     uint64 `json:"count"`
	TimeFirst int64  `json:"time_first"`
	TimeLast  int64  `json:"time_last"`
	RRName    string `json:"rrname,omitempty"`
	RRType    string `json:"rrtype,omitempty"`
	RData     any    `json:"rdata,omitempty"`
	Results   int    `json:"num_results,omitempty"`
}

// safLine is a line of the Streaming API Framing.
type safLine struct {
	Cond string       `json:"cond,omitempty"`
	Msg  string       `json:"msg,omitempty"`
	Obj  *dnsdbRecord `json:"obj,omitempty"`
}

// A lookup is what a DNSDB request asks.
type lookup struct {
	name  string // that of the RRset; empty for a question about an address
	addr  netip.Addr
	types typeSet
	fence
	limit, offset int
}

// serveDNSDB answers the lookups and summaries beneath /dnsdb/v2/:
// rrset/name/NAME[/TYPE[/BAILIWICK]] and rdata/ip/ADDRESS.
func (h *Handler) serveDNSDB(w http.ResponseWriter, r *http.Request) {
	l, err := h.parseLookup(r)
	if err != nil {
		refuse(w, statusOf(err), err.Error())
		return
	}
	records, cut, err := gather(r.Context(), h.cfg.History, l.query(), func(rec *Record) bool {
		return l.types.has(rec) && l.fence.has(rec)
	})
	if err != nil {
		refuseQuery(w, err)
		return
	}
	records = records[min(l.offset, len(records)):]
	limited := len(records) > l.limit
	if limited {
		records = records[:l.limit]
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	lines := l.lines(records, r.PathValue("verb") == "summarize")
	for line := range lines {
		if enc.Encode(line) != nil {
			return // the asker is gone
		}
	}
	switch {
	case limited:
		_ = enc.Encode(safLine{Cond: "limited", Msg: "Result limit reached"})
	case cut:
		_ = enc.Encode(safLine{Cond: "limited", Msg: "more records than are gathered: narrow the query"})
	default:
		_ = enc.Encode(safLine{Cond: "succeeded"})
	}
}

// lines are the beginning of an answer and its results, or their summary.
func (l *lookup) lines(records []Record, summary bool) func(func(safLine) bool) {
	return func(yield func(safLine) bool) {
		if !yield(safLine{Cond: "begin"}) {
			return
		}
		if summary {
			if len(records) > 0 {
				yield(safLine{Obj: summarise(records)})
			}
			return
		}
		for i := range records {
			if !yield(safLine{Obj: l.record(&records[i])}) {
				return
			}
		}
	}
}

func (l *lookup) record(r *Record) *dnsdbRecord {
	d := &dnsdbRecord{
		Count: r.Count, TimeFirst: r.first(), TimeLast: r.last(),
		RRName: absolute(r.Name), RRType: r.Type(), RData: r.Addr.String(),
	}
	if l.name != "" {
		d.RData = []string{r.Addr.String()}
	}
	return d
}

func summarise(records []Record) *dnsdbRecord {
	d := &dnsdbRecord{Results: len(records), TimeFirst: records[0].first(), TimeLast: records[0].last()}
	for i := range records {
		r := &records[i]
		d.Count += r.Count
		d.TimeFirst, d.TimeLast = min(d.TimeFirst, r.first()), max(d.TimeLast, r.last())
	}
	return d
}

// absolute is a name with its final dot.
func absolute(name string) string {
	if name == "." {
		return name
	}
	return name + "."
}

// parseLookup reads the path and the parameters of a request.
func (h *Handler) parseLookup(r *http.Request) (*lookup, error) {
	l := &lookup{}
	path := strings.Split(r.PathValue("rest"), "/")
	switch kind := strings.Join(path[:min(2, len(path))], "/"); {
	case kind == "rrset/name" && len(path) >= 3 && len(path) <= 5:
		if l.name = canonical(path[2]); strings.HasSuffix(l.name, ".*") || l.name == "" {
			return nil, badRequest("a name may have its wildcard at the left only: *.example.com")
		}
		if len(path) > 3 {
			l.types = wantedTypes(path[3])
		}
		if len(path) > 4 {
			return nil, notKept("bailiwicks are not kept: leave it out")
		}
	case kind == "rdata/ip" && len(path) == 3:
		addr, err := netip.ParseAddr(path[2])
		if err != nil {
			return nil, badRequest("want one address: networks and ranges can not be looked up")
		}
		l.addr = addr.Unmap().WithZone("")
	case kind == "rdata/name", kind == "rdata/raw", kind == "rrset/raw":
		return nil, notKept("only addresses are kept: ask rrset/name/NAME or rdata/ip/ADDRESS")
	default:
		return nil, badRequest("want rrset/name/NAME[/TYPE] or rdata/ip/ADDRESS")
	}
	return l, l.parameters(r.URL.Query(), h.cfg.Now().Unix())
}

func (l *lookup) query() dnscache.Query {
	return dnscache.Query{Name: l.name, Addr: l.addr}
}

// parameters reads limit, offset and the time fence. Others are for servers that
// have them, or name the client.
func (l *lookup) parameters(v url.Values, nowS int64) error {
	l.limit = defaultLimit
	for key, to := range map[string]*int{"limit": &l.limit, "offset": &l.offset} {
		if text := v.Get(key); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return badRequest(key + " is not a number")
			}
			*to = n
		}
	}
	if l.limit == 0 || l.limit > MaxRecords {
		l.limit = MaxRecords
	}
	for i, key := range fenceKeys {
		text := v.Get(key)
		if text == "" {
			continue
		}
		s, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return badRequest(key + " is not a number of seconds")
		}
		if s < 0 {
			s += nowS // so many seconds ago
		}
		l.fence[i] = &s
	}
	return nil
}

// fenceKeys are the bounds of a fence.
var fenceKeys = [...]string{"time_first_after", "time_first_before", "time_last_after", "time_last_before"}

// A fence holds bounds of a record's first and last time, in seconds, in the
// order of fenceKeys, each allowed itself; nil is open.
type fence [len(fenceKeys)]*int64

func (f *fence) has(r *Record) bool {
	first, last := r.first(), r.last()
	return (f[0] == nil || first >= *f[0]) && (f[1] == nil || first <= *f[1]) &&
		(f[2] == nil || last >= *f[2]) && (f[3] == nil || last <= *f[3])
}
