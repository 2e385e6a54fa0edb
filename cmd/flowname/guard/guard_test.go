package guard

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// hashed is a line of a user with a cheap hash.
func hashed(t *testing.T, name, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return name + ":" + string(h) + "\n"
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var okHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })

func ask(h http.Handler, path, from string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = from
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestWhoIsLetIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "# people\n\n"+hashed(t, "ann", "secret")+hashed(t, "key", "a:b"))
	users, err := LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	g := New(Config{
		Users: users, Open: []string{"/healthz"}, Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil)),
	}, okHandler)
	basic := func(name, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(name, password) }
	}
	apiKey := func(key string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("X-API-Key", key) }
	}
	for _, c := range []struct {
		path   string
		change func(*http.Request)
		want   int
	}{
		{"/x", nil, 401},
		{"/healthz", nil, 200},
		{"/healthz/", nil, 401},
		{"/x", basic("ann", "secret"), 200},
		{"/x", basic("ann", "secret"), 200}, // remembered
		{"/x", basic("ann", "Secret"), 401},
		{"/x", basic("ann", ""), 401},
		{"/x", basic("bob", "secret"), 401},
		{"/x", basic("", ""), 401},
		{"/x", basic("ann", strings.Repeat("long", 100)), 401},
		{"/x", apiKey("ann:secret"), 200},
		{"/x", apiKey("key:a:b"), 200},
		{"/x", apiKey("ann"), 401},
	} {
		w := ask(g, c.path, "192.0.2.9:4000", c.change)
		if w.Code != c.want {
			t.Errorf("%s: got %d, want %d", c.path, w.Code, c.want)
		}
		if c.want == 401 && (w.Header().Get("WWW-Authenticate") == "" || !strings.HasPrefix(w.Body.String(), `{"error":"`)) {
			t.Errorf("%s: refused with %v %s", c.path, w.Header(), w.Body)
		}
	}
	if s, want := g.Stats(), (Stats{Served: 4, Unauthorized: 8}); s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	if text := log.String(); !strings.Contains(text, "from=192.0.2.9 user=ann method=GET path=/x refused=0") ||
		strings.Contains(text, "secret") || strings.Contains(text, "healthz ") {
		t.Errorf("log:\n%s", text)
	}

	write(t, path, hashed(t, "bob", "other"))
	if err := users.Reload(); err != nil {
		t.Fatal(err)
	}
	if ask(g, "/x", "192.0.2.9:4000", basic("ann", "secret")).Code != 401 || ask(g, "/x", "192.0.2.9:4000", basic("bob", "other")).Code != 200 {
		t.Error("the new file does not hold")
	}
}

func TestBadFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	if _, err := LoadUsers(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	for text, want := range map[string]string{
		"":                         "no users",
		"# nobody\n":               "no users",
		"ann\n":                    "line 1: want NAME:HASH",
		":x\n":                     "line 1: want NAME:HASH",
		"\nann:$apr1$x$y\n":        "line 2: the hash of ann is not bcrypt's",
		strings.Repeat("x", 1<<17): "too long",
	} {
		write(t, path, text)
		if _, err := LoadUsers(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q", text, err, want)
		}
	}
}

func TestRate(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	g := New(Config{Rate: 2, Now: func() time.Time { return now }}, okHandler)
	served := func(from string) (n int) {
		for range 50 {
			if w := ask(g, "/x", from, nil); w.Code == 200 {
				n++
			} else if w.Code != 429 || w.Header().Get("Retry-After") == "" {
				t.Fatalf("got %d %v", w.Code, w.Header())
			}
		}
		return n
	}
	if got := served("192.0.2.1:1"); got != 20 {
		t.Errorf("burst: got %d, want 20", got)
	}
	if got := served("192.0.2.2:1"); got != 20 {
		t.Errorf("another address: got %d, want 20", got)
	}
	now = now.Add(3 * time.Second)
	if got := served("192.0.2.1:2"); got != 6 {
		t.Errorf("three seconds later: got %d, want 6", got)
	}
	for i := range maxLimiters {
		ask(g, "/x", fmt.Sprintf("[2001:db8::%x]:1", i), nil)
	}
	if n := len(g.limiters); n > maxLimiters {
		t.Errorf("%d addresses are told apart, want %d at most", n, maxLimiters)
	}
	if s := g.Stats(); s.Slowed != 30+30+44 {
		t.Errorf("got %+v", s)
	}
}
