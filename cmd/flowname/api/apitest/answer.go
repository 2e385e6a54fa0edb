package apitest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// everyHeader are the headers of HTTP itself, which need no description.
var everyHeader = []string{"Date", "Content-Length", "Content-Type", "X-Content-Type-Options", "Trailer", "Vary"}

// An Answer of the daemon.
type Answer struct {
	*http.Response
	Body []byte
}

// Ask makes a request of an operation's parameters and examples: of those that
// are required, and of others by their names.
func (a *Document) Ask(base string, o *Operation, others ...string) Answer {
	a.t.Helper()
	path, query, header := o.Path, url.Values{}, http.Header{}
	for _, p := range o.Parameters {
		switch {
		case !p.Required && !slices.Contains(others, p.Name):
		case p.In == "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(p.Example))
		case p.In == "query":
			query.Set(p.Name, p.Example)
		case p.In == "header":
			header.Set(p.Name, p.Example)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var body io.Reader
	if part, _ := a.at(o.where); part["requestBody"] != nil {
		content, _ := a.at(below(o.where, "requestBody", "content"))
		for media := range content {
			part, _ := a.at(below(o.where, "requestBody", "content", media))
			text := strings.TrimSuffix(part["example"].(string), "\n") + "\n"
			if n, err := a.validate(below(o.where, "requestBody"), media, []byte(text)); n == 0 || err != nil {
				a.t.Errorf("%s: the example of its body: %v", o.where, err)
			}
			body = strings.NewReader(text)
		}
	}
	return Send(a.t, o.Method, base+path, header, body)
}

// Send makes a request.
func Send(t *testing.T, method, target string, header http.Header, body io.Reader) Answer {
	t.Helper()
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	for key := range header {
		r.Header.Set(key, header.Get(key))
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{resp, text}
}

// Hold holds an answer against the description of an operation and gives how
// many rows it has.
func (a *Document) Hold(o *Operation, got Answer, status int) (rows int) {
	a.t.Helper()
	what := got.Request.Method + " " + got.Request.URL.String()
	if got.StatusCode != status {
		a.t.Errorf("%s: got %d %s, want %d", what, got.StatusCode, got.Body, status)
		return 0
	}
	responses, _ := a.at(below(o.where, "responses"))
	if responses[fmt.Sprint(status)] == nil {
		a.t.Errorf("%s: %d is not described: %s", what, status, got.Body)
		return 0
	}
	response, where := a.at(below(o.where, "responses", fmt.Sprint(status)))
	media, _, _ := strings.Cut(got.Header.Get("Content-Type"), ";")
	if content, _ := response["content"].(map[string]any); content[media] == nil {
		a.t.Errorf("%s: %s is not described", what, media)
		return 0
	}
	rows, err := a.validate(where, media, got.Body)
	if err != nil {
		a.t.Errorf("%s: %v\n%s", what, err, got.Body)
	}
	a.holdHeaders(what, where, response, got)
	return rows
}

func (a *Document) holdHeaders(what, where string, response map[string]any, got Answer) {
	a.t.Helper()
	described, _ := response["headers"].(map[string]any)
	all := got.Header.Clone()
	for key, v := range got.Trailer {
		all[key] = v
	}
	for name := range described {
		h, _ := a.at(below(where, "headers", name))
		text := all.Get(name)
		all.Del(name)
		switch {
		case text == "" && h["required"] == true:
			a.t.Errorf("%s: the header %s is missing", what, name)
		case text == "":
		case h["content"] != nil:
			if _, err := a.validate(below(where, "headers", name), "application/json", []byte(text)); err != nil {
				a.t.Errorf("%s: the header %s: %v", what, name, err)
			}
		default:
			var value any = text
			if s := h["schema"].(map[string]any); s["type"] == "integer" {
				var n int
				if _, err := fmt.Sscan(text, &n); err != nil {
					a.t.Errorf("%s: the header %s is %q", what, name, text)
				}
				value = n
			}
			if err := a.schema(below(where, "headers", name, "schema")).Validate(value); err != nil {
				a.t.Errorf("%s: the header %s: %v", what, name, err)
			}
		}
	}
	for name := range all {
		if !slices.Contains(everyHeader, name) {
			a.t.Errorf("%s: the header %s is not described", what, name)
		}
	}
}
