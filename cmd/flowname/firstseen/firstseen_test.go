package firstseen

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowname/api/apitest"
)

func TestRowHasItsSchema(t *testing.T) {
	apitest.Load(t).HoldRow("FirstSeen", sighting{})
}

func TestParseQuery(t *testing.T) {
	now := time.Unix(1_700_000_000, 500)
	for parameters, want := range map[string]query{
		"":                             {},
		"q=*":                          {name: ".", beneath: true},
		"q=*.Example.&client=10.0.0.1": {name: "example", beneath: true},
		"q=shop.example&clients=true":  {name: "shop.example", clients: true},
		"since=now":                    {since: 1_700_000_001}, // what is since is not before
		"since=2200-01-01":             {since: 1<<32 - 1},
	} {
		got, err := parse(t, parameters, now)
		if want.client = got.client; err != nil || got != want || got.client.IsValid() != strings.Contains(parameters, "client=") {
			t.Errorf("%s: got %+v, %v, want %+v", parameters, got, err, want)
		}
	}
	for parameters, want := range map[string]string{
		"q=192.0.2.1":              "is an address: give a name",
		"q=a..b":                   "is no name",
		"q=a.example&client=me":    "is not an IP address",
		"since=noon":               "since: ",
		"clients=maybe":            "is neither true nor false",
		"clients=true":             "the clients are those of one domain",
		"q=*.example&clients=true": "the clients are those of one domain",
	} {
		if _, err := parse(t, parameters, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", parameters, err, want)
		}
	}
}

func parse(t *testing.T, parameters string, now time.Time) (query, error) {
	v, err := url.ParseQuery(parameters)
	if err != nil {
		t.Fatal(err)
	}
	return parseQuery(v, now)
}
