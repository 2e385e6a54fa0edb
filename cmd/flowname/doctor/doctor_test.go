package doctor

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/ledger"
)

func number(v float64) *float64 { return &v }

// wellRow is an exporter of which nothing has to be said.
func wellRow() ledger.Exporter {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return ledger.Exporter{
		Kind: "exporter", Exporter: "192.0.2.1", Domain: 7, Version: 10, Ports: 1,
		FirstSeen: at, LastSeen: at.Add(time.Hour), SilentS: 3,
		Templates: 2, TemplateRefreshS: number(60), SamplingRate: 1000, TimeSource: "absolute", StartErrorMs: 100,
		ClockOffsetMs: number(40), ClockDriftPPM: number(3), Counts: "data records", CountsDecided: true, CountsRight: true,
		Account: ledger.Account{Messages: 1000, Bytes: 1_000_000, Flows: 10_000, DataRecords: 10_000, Refused: map[string]ledger.Tally{}},
	}
}

// ruleCases has, for each rule, a change that brings the value to its threshold,
// at which nothing is said, and one beyond it, with words of what is said then.
var ruleCases = map[string]struct {
	at, beyond func(*ledger.Exporter)
	say        string
}{
	"not_allowed": {func(e *ledger.Exporter) {}, refuse("not_allowed", 2, 100), "2 of its messages were refused"},
	"bad_version": {func(e *ledger.Exporter) {}, refuse("bad_version", 2, 100), "2 of its messages are neither"},
	"silent":      {func(e *ledger.Exporter) { e.SilentS = 300 }, func(e *ledger.Exporter) { e.SilentS = 301 }, "for 5m1s (more than 5m0s)"},
	"no_template": {
		func(e *ledger.Exporter) { e.Templates, e.TemplateRefreshS = 0, nil },
		func(e *ledger.Exporter) {
			e.Templates, e.TemplateRefreshS = 0, nil
			e.Waiting = ledger.Tally{Count: 12, Bytes: 1000}
		}, "12 data sets came and no template",
	},
	"template_missing":   {func(e *ledger.Exporter) {}, refuse("template_missing", 9, 900), "9 data sets were given up"},
	"template_refresh":   {func(e *ledger.Exporter) { e.TemplateRefreshS = number(600) }, func(e *ledger.Exporter) { e.TemplateRefreshS = number(1800) }, "every 30m0s (more than 10m0s)"},
	"template_once":      {func(e *ledger.Exporter) { e.TemplateRefreshS, e.LastSeen = nil, e.FirstSeen.Add(30*time.Minute) }, func(e *ledger.Exporter) { e.TemplateRefreshS = nil }, "In 1h0m0s it has sent each template once"},
	"wrong_clock_behind": {func(e *ledger.Exporter) { e.ClockOffsetMs = number(5000) }, func(e *ledger.Exporter) { e.ClockOffsetMs = number(3600_000) }, "1h0m0s behind"},
	"wrong_clock_ahead":  {func(e *ledger.Exporter) { e.ClockOffsetMs = number(-5000) }, func(e *ledger.Exporter) { e.ClockOffsetMs = number(-5001) }, "5.001s ahead of the collector's (more than 5s)"},
	"flow_times_behind":  {func(e *ledger.Exporter) { e.NamesOffsetMs = number(2000) }, func(e *ledger.Exporter) { e.NamesOffsetMs = number(3600_000) }, "begin 1h0m0s before the answers that name them"},
	"flow_times_ahead":   {func(e *ledger.Exporter) { e.NamesOffsetMs = number(-2000) }, func(e *ledger.Exporter) { e.NamesOffsetMs = number(-2001) }, "begin 2.001s after the answers that name them (more than 2s)"},
	"clock_drift":        {func(e *ledger.Exporter) { e.ClockDriftPPM = number(-100) }, func(e *ledger.Exporter) { e.ClockDriftPPM = number(-250) }, "250 ppm (more than 100 ppm, which is 9 seconds a day)"},
	"coarse_times":       {func(e *ledger.Exporter) { e.StartErrorMs = 999 }, func(e *ledger.Exporter) { e.StartErrorMs = 2000 }, "known to 2s only"},
	"no_sampling":        {func(e *ledger.Exporter) { e.SamplingRate, e.Flows = 0, 999 }, func(e *ledger.Exporter) { e.SamplingRate = 0 }, "Nothing in its 10,000 flows"},
	"sampling_several":   {func(e *ledger.Exporter) { e.SamplingRate = 1 }, func(e *ledger.Exporter) { e.SamplingRate, e.SamplingSeveral = 0, true }, "different rates"},
	"loss_on_the_way":    {func(e *ledger.Exporter) { e.Lost, e.DataRecords = 10, 9990 }, func(e *ledger.Exporter) { e.Lost = 10_000 }, "50 % of what it sent was lost on the way (more than 0.1 %)"},
	"counts_wrongly":     {func(e *ledger.Exporter) { e.CountsRight, e.CountsDecided = false, false }, func(e *ledger.Exporter) { e.Counts, e.CountsRight = "messages", false }, "do not count what its protocol says"},
	"counts_nothing":     {func(e *ledger.Exporter) { e.Counts, e.CountsDecided = "nothing", false }, func(e *ledger.Exporter) { e.Counts, e.CountsRight = "nothing", false }, "can not be followed"},
	"malformed":          {refuse("bad_set", 1, 1000), refuse("bad_record", 5, 100_000), "10 % of its bytes can not be read"},
	"restarts":           {func(e *ledger.Exporter) { e.Restarts = 3 }, func(e *ledger.Exporter) { e.Restarts = 4 }, "anew 4 times"},
	"said_not_sent":      {func(e *ledger.Exporter) { e.Said = &ledger.Said{} }, func(e *ledger.Exporter) { e.Said = &ledger.Said{NotSentFlows: 5} }, "could not send flows: 5"},
	"said_ignored":       {func(e *ledger.Exporter) { e.Said = &ledger.Said{ExportedFlows: 9} }, func(e *ledger.Exporter) { e.Said = &ledger.Said{IgnoredPackets: 5} }, "did not meter 5 packets"},
}

func refuse(why string, count, bytes uint64) func(*ledger.Exporter) {
	return func(e *ledger.Exporter) { e.Refused[why] = ledger.Tally{Count: count, Bytes: bytes} }
}

func TestExporterRules(t *testing.T) {
	codes := func(found []finding) (all []string) {
		for _, f := range found {
			all = append(all, f.Code)
		}
		return all
	}
	well := wellRow()
	if found := applied(exporterRules, &well); len(found) != 0 {
		t.Errorf("of an exporter that is well: %v", found)
	}
	for _, r := range exporterRules {
		c, ok := ruleCases[r.code]
		if !ok {
			t.Errorf("rule %s has no test", r.code)
			continue
		}
		row := wellRow()
		c.at(&row)
		if found := applied(exporterRules, &row); len(found) != 0 {
			t.Errorf("%s at its threshold: %v", r.code, found)
		}
		row = wellRow()
		c.beyond(&row)
		found := applied(exporterRules, &row)
		if got := codes(found); !slices.Equal(got, []string{r.code}) {
			t.Errorf("%s beyond its threshold: got %v", r.code, got)
			continue
		}
		if text := found[0].Text; !strings.Contains(text, c.say) || strings.Contains(text, "%!") || found[0].Threshold != r.threshold {
			t.Errorf("%s: %q, want %q in it", r.code, text, c.say)
		}
	}
}

func TestCollectorRules(t *testing.T) {
	for code, tt := range map[string]struct {
		row ledger.Collector
		say string
	}{
		"":                        {ledger.Collector{}, ""},
		"kernel_drops":            {ledger.Collector{KernelDrops: 1234}, "dropped 1,234 datagrams"},
		"sflow_kernel_drops":      {ledger.Collector{SampleKernelDrops: 12}, "dropped 12 datagrams of sFlow"},
		"sflow_not_allowed":       {ledger.Collector{SamplesNotAllowed: ledger.Tally{Count: 5, Bytes: 99}}, "5 of sFlow's datagrams were refused"},
		"sflow_forgotten":         {ledger.Collector{SamplesForgotten: ledger.Tally{Count: 5, Bytes: 99}}, "--exporter"},
		"small_buffer":            {ledger.Collector{BufferWarning: "small"}, "rmem_max"},
		"lost_lines":              {ledger.Collector{LostLines: 3}, "3 flows could not be written"},
		"forgotten":               {ledger.Collector{Forgotten: ledger.Account{Messages: 2}}, "--exporter"},
		"waiting_room_full":       {ledger.Collector{Account: ledger.Account{Refused: map[string]ledger.Tally{"waiting_room_full": {Count: 4, Bytes: 9}}}}, "4 data sets had no room"},
		"connections_not_allowed": {refusedConnections("not_allowed", 3), "3 connections were refused: who made them is not in --exporter"},
		"connections_too_many":    {refusedConnections("too_many_of_address", 3), "because too many stand"},
		"connections_certificate": {refusedConnections("certificate", 3), "no certificate of the authority in --tls-client-ca"},
		"connections_no_tls":      {refusedConnections("no_tls", 3), "did not agree on TLS"},
		"connections_broke":       {refusedConnections("silent", 3), "3 connections ended in another way"},
	} {
		found := applied(collectorRules, &tt.row)
		if code == "" && len(found) == 0 {
			continue
		}
		if len(found) != 1 || found[0].Code != code || !strings.Contains(found[0].Text, tt.say) || strings.Contains(found[0].Text, "%!") {
			t.Errorf("%s: got %v", code, found)
		}
	}
	if len(collectorRules) != 13 {
		t.Errorf("%d rules, 13 are tested", len(collectorRules))
	}
}

func refusedConnections(why string, count uint64) ledger.Collector {
	return ledger.Collector{RefusedConnections: map[string]uint64{why: count}}
}

// run asks a server and gives what is said of it.
func run(server, format string) (string, error) {
	var out bytes.Buffer
	c := Cmd{Server: server, Format: format}
	err := c.Run(command.Streams{Out: &out, Err: io.Discard})
	return out.String(), err
}

func TestDoctorPrintsAndFails(t *testing.T) {
	row := wellRow()
	row.ClockOffsetMs = number(3600_000)
	row.Refused["bad_set"] = ledger.Tally{Count: 1, Bytes: 20}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		enc := json.NewEncoder(w)
		enc.Encode(ledger.Collector{Kind: "collector", Sockets: 2, KernelDrops: 7})
		enc.Encode(row)
	}))
	defer server.Close()
	text, err := run(server.URL, "text")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"-> The kernel dropped 7 datagrams", "exporter 192.0.2.1, domain 7: IPFIX", "2, and 0 of options; repeated every 1m0s",
		"1 in 1,000", "1h0m0s behind the collector's, drift 3 ppm", "refused    bad_set: 1, 20 bytes", "-> Its clock is 1h0m0s behind",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	rows, err := run(server.URL, "json")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(rows), "\n")
	var got struct {
		ledger.Exporter
		Findings []finding `json:"findings"`
	}
	if len(lines) != 2 || json.Unmarshal([]byte(lines[1]), &got) != nil || len(got.Findings) != 1 || got.Findings[0].Code != "wrong_clock_behind" || got.Flows != 10_000 {
		t.Errorf("got %q", lines)
	}
	foreign := httptest.NewServer(http.NotFoundHandler())
	defer foreign.Close()
	for url, want := range map[string]string{"http://127.0.0.1:1": "no daemon answers", foreign.URL: "404"} {
		if text, err := run(url, "text"); err == nil || !strings.Contains(err.Error(), want) || text != "" {
			t.Errorf("%s: got %q, %v", url, text, err)
		}
	}
}
