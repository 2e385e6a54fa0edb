package history

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowname/api/apitest"
	"flowname/dnscache"
)

func TestRowHasItsSchema(t *testing.T) {
	apitest.Load(t).HoldRow("History", Row{})
}

func TestTTL(t *testing.T) {
	for ttl, want := range map[TTL][2]string{0: {"0", "0"}, 300: {"300", "300"}, dnscache.UnknownTTL: {"null", "-"}} {
		text, err := json.Marshal(ttl)
		if err != nil || string(text) != want[0] || ttl.String() != want[1] {
			t.Errorf("%d: got %s, %v and %v, want %s and %s", uint32(ttl), text, err, ttl, want[0], want[1])
		}
		var got TTL
		if err := json.Unmarshal(text, &got); err != nil || got != ttl {
			t.Errorf("%s: got %d, %v, want %d", text, uint32(got), err, uint32(ttl))
		}
	}
}

func TestParseQuery(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	got, err := ParseQuery(url.Values{"q": {" ::ffff:192.0.2.1 "}, "client": {"fe80::1%eth0"}, "from": {"-1h"}, "to": {"now"}}, now)
	want := dnscache.Query{
		Addr: netip.MustParseAddr("192.0.2.1"), Client: netip.MustParseAddr("fe80::1"), FromNs: now.Add(-time.Hour).UnixNano(), ToNs: now.UnixNano(),
	}
	if err != nil || got.Addr != want.Addr || got.Client != want.Client || got.FromNs != want.FromNs || got.ToNs != want.ToNs || got.Name != "" {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for parameters, want := range map[string]string{
		"":                            "is missing",
		"q=a.example&client=me":       `client "me" is not an IP address`,
		"q=a.example&to=noon":         "to: ",
		"q=a.example&at=now&from=now": "at is one moment",
		"q=a.example&from=now&to=-1h": "from is later than to",
	} {
		v, err := url.ParseQuery(parameters)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseQuery(v, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", parameters, err, want)
		}
	}
}
