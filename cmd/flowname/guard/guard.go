package guard

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Config says whom a Guard lets in.
type Config struct {
	// Users are asked for a name and password; nil: everybody is let in.
	Users *Users
	// Rate is how many requests an address may make in a second, with bursts of
	// ten times that; 0: any number.
	Rate float64
	// Log is told each request that is let in, and each that is not.
	Log *slog.Logger
	// Open are paths for which none of this holds.
	Open []string
	// Now tells the time.
	Now func() time.Time
}

// Stats count requests.
type Stats struct {
	Served       uint64
	Unauthorized uint64 // no or a wrong name and password
	Slowed       uint64 // over the rate
}

// A Guard is a handler before another.
type Guard struct {
	cfg  Config
	next http.Handler

	served, unauthorized, slowed atomic.Uint64

	mu       sync.Mutex
	limiters map[string]*rate.Limiter
}

// New returns a Guard before next.
func New(cfg Config, next http.Handler) *Guard {
	return &Guard{cfg: cfg, next: next, limiters: map[string]*rate.Limiter{}}
}

// Stats returns the counters so far.
func (g *Guard) Stats() Stats {
	return Stats{Served: g.served.Load(), Unauthorized: g.unauthorized.Load(), Slowed: g.slowed.Load()}
}

// ServeHTTP lets a request pass, or says why not.
func (g *Guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, path := range g.cfg.Open {
		if r.URL.Path == path {
			g.next.ServeHTTP(w, r)
			return
		}
	}
	user, from := "", host(r.RemoteAddr)
	status := 0
	switch {
	case !g.allow(from):
		g.slowed.Add(1)
		w.Header().Set("Retry-After", "1")
		status = http.StatusTooManyRequests
		Refuse(w, status, "too many requests: at most "+strconv.FormatFloat(g.cfg.Rate, 'f', -1, 64)+" a second from one address")
	case g.cfg.Users != nil:
		var ok bool
		if user, ok = g.user(r); ok {
			break
		}
		g.unauthorized.Add(1)
		w.Header().Set("WWW-Authenticate", `Basic realm="flowname", charset="UTF-8"`)
		status = http.StatusUnauthorized
		Refuse(w, status, "a name and password are wanted: Basic authentication, or X-API-Key: NAME:PASSWORD")
	}
	if status == 0 {
		g.served.Add(1)
		g.next.ServeHTTP(w, r)
	}
	if g.cfg.Log != nil {
		g.cfg.Log.Info("asked", "from", from, "user", user, "method", r.Method, "path", r.URL.RequestURI(), "refused", status)
	}
}

// user is who asks, by his own words; ok is false when they are wrong.
func (g *Guard) user(r *http.Request) (name string, ok bool) {
	name, password, shown := r.BasicAuth()
	if !shown {
		name, password, shown = strings.Cut(r.Header.Get("X-API-Key"), ":")
	}
	return name, shown && g.cfg.Users.Right(name, password)
}

// maxLimiters is how many addresses are told apart.
const maxLimiters = 1 << 14

// burst is how many seconds' requests may come at once.
const burst = 10

func (g *Guard) allow(from string) bool {
	if g.cfg.Rate <= 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.limiters[from]
	if l == nil {
		if len(g.limiters) >= maxLimiters {
			clear(g.limiters)
		}
		l = rate.NewLimiter(rate.Limit(g.cfg.Rate), max(1, int(burst*g.cfg.Rate)))
		g.limiters[from] = l
	}
	return l.AllowN(g.cfg.Now(), 1)
}

func host(remote string) string {
	if h, _, err := net.SplitHostPort(remote); err == nil {
		return h
	}
	return remote
}

// Refuse answers with an error in the one shape that all errors have: an object
// with the text as "error".
func Refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text}) // the asker may be gone
}
