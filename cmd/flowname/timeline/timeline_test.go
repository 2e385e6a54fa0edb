package timeline

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestParseQuery(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	got, err := parseQuery(url.Values{"q": {"A.example."}, "at": {"now"}, "settle": {"5m"}, "sinkhole": {"192.0.2.0/24", "sink.example"}}, now)
	if err != nil || got.Name != "a.example" || got.AtNs != 0 || got.cfg.Settle != 5*time.Minute || got.cfg.Sinkholes.Len() != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	many := strings.Repeat("&sinkhole=a.example", sinkholesAsked)
	for parameters, want := range map[string]string{
		"q=*.example":                              "phases are of one name",
		"q=a.example&settle=0":                     "is not a duration",
		"q=a.example&settle=soon":                  "is not a duration",
		"q=a.example&sinkhole=0.0.0.0/0":           "is neither an address, a network nor a name",
		"q=a.example&sinkhole=a.example" + many:    "1001 sinkholes are more than 1000",
		"q=a.example&from=now&to=-1h&settle=10m0s": "from is later than to",
	} {
		v, err := url.ParseQuery(parameters)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseQuery(v, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %q", parameters, err, want)
		}
	}
}
