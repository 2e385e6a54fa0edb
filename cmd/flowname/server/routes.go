package server

import (
	"net/http"
	"path"
	"strings"

	"flowname/cmd/flowname/guard"
)

// A Route is a path with what may be done there. The path is written as ServeMux
// and OpenAPI both do: {subject} is any one segment.
type Route struct {
	Method, Path string
	Serve        http.HandlerFunc
}

// serveRoutes serves routes, and answers all else with an error in the one shape
// that errors have: ServeMux itself would redirect, or refuse in plain text.
// elsewhere says what it does not have beneath /pdns/ and /dnsdb/.
func serveRoutes(routes []Route, elsewhere http.Handler) http.Handler {
	mux := http.NewServeMux()
	allowed := map[string][]string{}
	for _, r := range routes {
		mux.HandleFunc(r.Method+" "+r.Path, r.Serve)
		allowed[r.Path] = append(allowed[r.Path], r.Method)
		if r.Method == http.MethodGet {
			allowed[r.Path] = append(allowed[r.Path], http.MethodHead)
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
