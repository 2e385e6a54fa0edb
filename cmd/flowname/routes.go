package main

import (
	"fmt"
	"net/http"
	"path"
	"strings"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/backfill"
	"flowname/cmd/flowname/firstseen"
	"flowname/cmd/flowname/guard"
	"flowname/cmd/flowname/history"
	"flowname/cmd/flowname/hunt"
	"flowname/cmd/flowname/timeline"
	"flowname/cmd/flowname/top"
)

// A route is a path with what may be done there. The path is written as ServeMux
// and OpenAPI both do: {subject} is any one segment.
type route struct {
	method, path string
	serve        http.HandlerFunc
}

// routes are all that is served, each of them described in openapi.yaml.
func (d *daemon) routes() []route {
	routes := []route{
		{http.MethodGet, "/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }},
		{http.MethodGet, "/metrics", metricsHandler(d)},
		{http.MethodGet, "/api/v1/openapi.json", api.ServeDescription},
		{http.MethodGet, "/api/v1/exporters", func(w http.ResponseWriter, _ *http.Request) { serveExporters(w, d) }},
		{http.MethodGet, "/api/v1/history", func(w http.ResponseWriter, r *http.Request) { history.Serve(w, r, d.cache) }},
		{http.MethodGet, "/api/v1/timeline", func(w http.ResponseWriter, r *http.Request) {
			timeline.Serve(w, r, d.cache, d.sinkholes.Known(), d.places)
		}},
		{http.MethodGet, "/api/v1/findings", func(w http.ResponseWriter, r *http.Request) { serveFindings(w, r, d) }},
		{http.MethodGet, "/api/v1/clients", func(w http.ResponseWriter, r *http.Request) { d.watch.clients.serve(w, r) }},
		{http.MethodGet, "/api/v1/top", func(w http.ResponseWriter, r *http.Request) { top.Serve(w, r, d.watch.usual.days()) }},
		{http.MethodPost, "/api/v1/scan", func(w http.ResponseWriter, r *http.Request) { hunt.ServeScan(w, r, d.cache, &d.scanning) }},
		{http.MethodGet, "/api/v1/first-seen", func(w http.ResponseWriter, r *http.Request) { firstseen.Serve(w, r, d.watch.seen.pages()) }},
		{http.MethodPost, "/api/v1/backfill", func(w http.ResponseWriter, r *http.Request) { backfill.Serve(w, r, d.cache, &d.backfilling) }},
	}
	passive := pdnsHandler(d.cache).ServeHTTP
	for _, path := range []string{
		"/pdns/query/{subject}",
		"/dnsdb/v2/lookup/rrset/name/{name}",
		"/dnsdb/v2/lookup/rrset/name/{name}/{rrtype}",
		"/dnsdb/v2/lookup/rdata/ip/{address}",
		"/dnsdb/v2/summarize/rrset/name/{name}",
		"/dnsdb/v2/summarize/rrset/name/{name}/{rrtype}",
		"/dnsdb/v2/summarize/rdata/ip/{address}",
		"/dnsdb/v2/rate_limit",
		"/dnsdb/v2/ping",
	} {
		routes = append(routes, route{http.MethodGet, path, passive})
	}
	return routes
}

// serveRoutes serves routes, and answers all else with an error in the one shape
// that errors have: ServeMux itself would redirect, or refuse in plain text.
// elsewhere says what it does not have beneath /pdns/ and /dnsdb/.
func serveRoutes(routes []route, elsewhere http.Handler) http.Handler {
	mux := http.NewServeMux()
	allowed := map[string][]string{}
	for _, r := range routes {
		mux.HandleFunc(r.method+" "+r.path, r.serve)
		allowed[r.path] = append(allowed[r.path], r.method)
		if r.method == http.MethodGet {
			allowed[r.path] = append(allowed[r.path], http.MethodHead)
		}
	}
	for path, methods := range allowed {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			guard.Refuse(w, http.StatusMethodNotAllowed, "want "+strings.Join(methods, " or ")+", not "+r.Method)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/pdns/") || strings.HasPrefix(r.URL.Path, "/dnsdb/") {
			elsewhere.ServeHTTP(w, r)
			return
		}
		noSuchResource(w, r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isClean(r.URL.EscapedPath()) {
			noSuchResource(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func noSuchResource(w http.ResponseWriter, r *http.Request) {
	guard.Refuse(w, http.StatusNotFound, "no such resource: "+r.URL.Path)
}

// isClean tells whether ServeMux takes a path as it is.
func isClean(p string) bool {
	return strings.HasPrefix(p, "/") && (path.Clean(p) == p || path.Clean(p)+"/" == p)
}
