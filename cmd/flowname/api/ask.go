package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Ask sends a request to the daemon at a --server URL, which may carry a name and
// password, and returns an answer of status 200. hint is what else can be
// given where no daemon runs.
func Ask(ctx context.Context, method, server, path string, body io.Reader, hint string) (*http.Response, error) {
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	base, err := url.Parse(strings.TrimSuffix(server, "/"))
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("--server %q is not a URL such as http://127.0.0.1:8470", server)
	}
	r, err := http.NewRequestWithContext(ctx, method, base.String()+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		var whole *url.Error
		if errors.As(err, &whole) {
			err = whole.Err // which does not repeat the request
		}
		return nil, fmt.Errorf("no daemon answers at %s (%w): give its --server URL%s", base.Redacted(), err, hint)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		return nil, fmt.Errorf("%s wants a name and password: give --server %s://NAME:PASSWORD@%s", base.Redacted(), base.Scheme, base.Host)
	}
	err = fmt.Errorf("%s answers %s: %s", base.Redacted(), resp.Status, errorText(resp.Body))
	if resp.StatusCode == http.StatusTooManyRequests {
		err = &TooFastError{err}
	}
	return nil, err
}

// AskForRows asks for the rows at a path, and gives them one by one.
func AskForRows[T any](ctx context.Context, server, path string, row func(T) error) error {
	resp, err := Ask(ctx, http.MethodGet, server, path, nil, ", or --data DIR where none runs")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for d := json.NewDecoder(resp.Body); ; {
		var r T
		switch err := d.Decode(&r); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the answer of %s ends early: %w", Redacted(server), err)
		}
		if err := row(r); err != nil {
			return err
		}
	}
}

// A TooFastError is of a daemon that wants to be asked more slowly.
type TooFastError struct{ error }

// Redacted is a --server URL without its password.
func Redacted(server string) string {
	if u, err := url.Parse(server); err == nil {
		return u.Redacted()
	}
	return "the server"
}

// errorText is the text of an error as the daemon sends it, or the beginning of
// whatever else there is.
func errorText(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, 1<<10))
	var e struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(b, &e) == nil && e.Error != "" {
		return e.Error
	}
	return strings.TrimSpace(string(b))
}
