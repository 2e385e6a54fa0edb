package clients

import (
	"net/http"
	"strings"
	"testing"
)

func TestClientQueries(t *testing.T) {
	for query, want := range map[string]string{
		"q=10.0.0.0/33":            "neither an address nor a network",
		"q=host":                   "neither an address nor a network",
		"status=fine":              `status "fine" is none of resolver own doh`,
		"sort=name":                `sort "name" is none of flows, bytes, unnamed, share`,
		"limit=-1":                 `limit "-1" is not a number`,
		"limit=many":               `limit "many" is not a number`,
		"":                         "",
		"q=10.0.0.0/8&limit=3":     "",
		"status=own,+partial":      "",
		"q=2001:db8::1&sort=share": "",
	} {
		r, err := http.NewRequest(http.MethodGet, "/?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parseQuery(r.URL.Query())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", query, err, want)
		}
	}
}
