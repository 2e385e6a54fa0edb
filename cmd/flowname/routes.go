package main

import (
	"fmt"
	"net/http"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/backfill"
	"flowname/cmd/flowname/firstseen"
	"flowname/cmd/flowname/history"
	"flowname/cmd/flowname/hunt"
	"flowname/cmd/flowname/server"
	"flowname/cmd/flowname/timeline"
	"flowname/cmd/flowname/top"
	"flowname/dnscache"
	"flowname/dnscache/pdns"
)

// routes are all that is served, each of them described in openapi.yaml.
func (d *daemon) routes() []server.Route {
	routes := []server.Route{
		get("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }),
		get("/metrics", metricsHandler(d)),
		get("/api/v1/openapi.json", api.ServeDescription),
		get("/api/v1/exporters", func(w http.ResponseWriter, _ *http.Request) { serveExporters(w, d) }),
		get("/api/v1/history", func(w http.ResponseWriter, r *http.Request) { history.Serve(w, r, d.cache) }),
		get("/api/v1/timeline", func(w http.ResponseWriter, r *http.Request) {
			timeline.Serve(w, r, d.cache, d.sinkholes.Known(), d.places)
		}),
		get("/api/v1/findings", func(w http.ResponseWriter, r *http.Request) { d.watch.ServeFindings(w, r) }),
		get("/api/v1/clients", func(w http.ResponseWriter, r *http.Request) { d.watch.ServeClients(w, r) }),
		get("/api/v1/top", func(w http.ResponseWriter, r *http.Request) { top.Serve(w, r, d.watch.Days()) }),
		post("/api/v1/scan", func(w http.ResponseWriter, r *http.Request) { hunt.ServeScan(w, r, d.cache, &d.scanning) }),
		get("/api/v1/first-seen", func(w http.ResponseWriter, r *http.Request) { firstseen.Serve(w, r, d.watch.Pages()) }),
		post("/api/v1/backfill", func(w http.ResponseWriter, r *http.Request) { backfill.Serve(w, r, d.cache, &d.backfilling) }),
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
		routes = append(routes, get(path, passive))
	}
	return routes
}

func get(path string, serve http.HandlerFunc) server.Route {
	return server.Route{Method: http.MethodGet, Path: path, Serve: serve}
}

func post(path string, serve http.HandlerFunc) server.Route {
	return server.Route{Method: http.MethodPost, Path: path, Serve: serve}
}

// pdnsHandler answers passive DNS queries.
func pdnsHandler(cache *dnscache.Cache) http.Handler {
	return pdns.NewHandler(pdns.Config{History: cache, Origin: pdnsOrigin, Now: time.Now})
}

// pdnsOrigin is what passive DNS records say of where they come from.
const pdnsOrigin = "urn:flowname"
