package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestAskForRows(t *testing.T) {
	for _, c := range []struct {
		status int
		answer string
		rows   []int
		err    string
	}{
		{200, "1\n2\n", []int{1, 2}, ""},
		{200, "", nil, ""},
		{200, "1\n[", []int{1}, "ends early"},
		{400, `{"error":"no such thing"}`, nil, "answers 400 Bad Request: no such thing"},
		{404, "who are you?\n", nil, "answers 404 Not Found: who are you?"},
		{401, "", nil, "wants a name and password: give --server http://NAME:PASSWORD@"},
		{429, "", nil, "429 Too Many Requests"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			w.Write([]byte(c.answer))
		}))
		var rows []int
		err := AskForRows(context.Background(), server.URL+"/", "/rows", func(n int) error { rows = append(rows, n); return nil })
		server.Close()
		if !slices.Equal(rows, c.rows) || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%d %q: got %v and %v, want %v and %q", c.status, c.answer, rows, err, c.rows, c.err)
		}
		if tooFast := (*TooFastError)(nil); errors.As(err, &tooFast) != (c.status == 429) {
			t.Errorf("%d: %v is a TooFastError: %v", c.status, err, errors.As(err, &tooFast))
		}
	}
}

// TestAskNobody: neither a password nor the request is in what is said.
func TestAskNobody(t *testing.T) {
	for server, want := range map[string]string{
		"ann:secret@127.0.0.1:1": "no daemon answers at http://ann:xxxxx@127.0.0.1:1 (",
		"http://":                "is not a URL such as",
	} {
		err := AskForRows(context.Background(), server, "/rows", func(int) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "/rows") {
			t.Errorf("%s: got %v, want %q", server, err, want)
		}
	}
}

func TestWriter(t *testing.T) {
	got := httptest.NewRecorder()
	w := NewWriter(got)
	for _, row := range []any{map[string]string{"name": "<a>"}, 2} {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if got.Body.Len() != 0 {
		t.Errorf("%q is sent before it is flushed: an error could not be told any more", got.Body)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "{\"name\":\"<a>\"}\n2\n"; got.Body.String() != want || w.Rows() != 2 || got.Header().Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("got %q of %s, %d rows, want %q", got.Body, got.Header().Get("Content-Type"), w.Rows(), want)
	}
}
