package hunt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/correlate/hunt"
	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// A torn log is used as far as it goes; lines that are no flows, too long ones
// among them, cost nothing but themselves.
func TestHuntReadsTornLogs(t *testing.T) {
	dir := t.TempDir()
	past := filepath.Join(dir, "history")
	cache, err := dnscache.Open(dnscache.Config{Dir: past})
	if err != nil {
		t.Fatal(err)
	}
	if err := cache.Close(time.Now().UnixNano()); err != nil {
		t.Fatal(err)
	}
	line := `{"type":"IPFIX","time_flow_start_ns":1700000000000000000,"bytes":5,"src_addr":"192.0.2.1","dst_addr":"198.51.100.1","dst_name":"bad.example","dst_name_basis":"tls"}` + "\n"
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(line + strings.Repeat("x", 3<<20) + "\n\n{}\n" + line))
	z.Flush() // and no end
	for name, text := range map[string]string{"a.jsonl.gz": b.String(), "b.jsonl": line + line[:50], "c.jsonl": "", "iocs": "bad.example\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	c := Cmd{IOCs: []string{filepath.Join(dir, "iocs")}, Data: past, Logs: []string{filepath.Join(dir, "*.json*")}, Format: "json", Out: "-"}
	err = c.Run(command.Streams{Out: &out, Err: &errs})
	for _, want := range []string{
		`"how":"named","client":"192.0.2.1","addr":"198.51.100.1","names":["bad.example"],"first_seen":"2023-11-14T22:13:20Z","last_seen":"2023-11-14T22:13:20Z","flows":3,"bytes_to":15,`,
		`{"kind":"summary","indicators":1,"found":1,"log_files":3,"lines":6,"not_flows":3,"torn_files":1,"left_out":0}`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in\n%s", want, out.String())
		}
	}
	if err != nil || !strings.Contains(errs.String(), "a.jsonl.gz: unexpected EOF: what came before is used") {
		t.Errorf("%v: %s", err, errs.String())
	}
}

// TestHuntScansOrAsks: both ways find the same.
func TestHuntScansOrAsks(t *testing.T) {
	dir := t.TempDir()
	fillHuntHistory(t, dir, 3000, 50)
	var feed strings.Builder
	for i := range 300 {
		fmt.Fprintf(&feed, "%sn%d.example\n", []string{"", "*.", "www."}[i%3], i*9)
	}
	feed.WriteString("198.18.0.7\n198.18.1.0/24\n")
	var b indicators.Builder
	for _, name := range []string{"one", "two"} {
		if _, err := b.Read(name, strings.NewReader(feed.String())); err != nil {
			t.Fatal(err)
		}
	}
	set := b.Set()
	history, err := dnscache.OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer history.Close()
	var reports [2]bytes.Buffer
	for i, most := range []int{0, -1} {
		h := run{Cmd: &Cmd{}, set: set, hunter: hunt.New(hunt.Config{Set: set}), past: &localPast{history}, show: newTicker(nil), most: most}
		if err := errors.Join(h.askPast(t.Context()), h.askShared(t.Context())); err != nil {
			t.Fatal(err)
		}
		if err := writeJSON(&reports[i], h.hunter.Indicators(), nil, &h.tally); err != nil {
			t.Fatal(err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	h := run{Cmd: &Cmd{}, set: set, hunter: hunt.New(hunt.Config{Set: set}), past: &localPast{history}, show: newTicker(nil)}
	if err := h.askPast(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: got %v", err)
	}
	if reports[0].String() != reports[1].String() || strings.Count(reports[0].String(), "\n") < 600 {
		t.Errorf("asked one by one:\n%s\nscanned:\n%s", reports[0].String(), reports[1].String())
	}
}

// fillHuntHistory makes a history of that many names, each asked by a few of
// that many clients.
func fillHuntHistory(t testing.TB, dir string, names, clients int) {
	t.Helper()
	cache, err := dnscache.Open(dnscache.Config{Dir: dir, MaxVersions: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range names * 3 {
		r := dnscache.Response{
			TimeNs: now.Add(time.Duration(i-names*3) * time.Millisecond).UnixNano(), Source: dnscache.SourceDnstap,
			Client: netip.AddrFrom4([4]byte{10, 0, byte(i % clients >> 8), byte(i%clients + 1)}),
			Name:   fmt.Appendf(nil, "%sn%d.example", []string{"", "www."}[i%2], i%names),
			Addrs:  []dnscache.Addr{{Addr: netip.AddrFrom4([4]byte{198, 18, byte(i % names >> 8), byte(i % names)}), TTL: 60}},
		}
		cache.File(&r, now.UnixNano())
		if i%10_000 == 9_999 {
			if err := cache.Flush(now.UnixNano()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cache.Close(now.UnixNano()); err != nil {
		t.Fatal(err)
	}
}

// BenchmarkHunt is a hunt for HUNT_IOCS indicators in a history of HUNT_NAMES
// names, asked one by one and scanned, and in HUNT_LINES lines of flows: small
// unless told otherwise.
func BenchmarkHunt(b *testing.B) {
	names, iocs, flows := envInt("HUNT_NAMES", 20_000), envInt("HUNT_IOCS", 10_000), envInt("HUNT_LINES", 20_000)
	dir := b.TempDir()
	fillHuntHistory(b, dir, names, 50)
	var feed strings.Builder
	for i := range iocs { // one in a hundred is in the history
		if i%100 == 0 {
			fmt.Fprintf(&feed, "n%d.example\n", i/100*37%names)
		} else {
			fmt.Fprintf(&feed, "host%d.feed.example\n", i)
		}
	}
	var builder indicators.Builder
	if _, err := builder.Read("feed", strings.NewReader(feed.String())); err != nil {
		b.Fatal(err)
	}
	set := builder.Set()
	history, err := dnscache.OpenHistory(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer history.Close()
	run := func(most int) *run {
		return &run{Cmd: &Cmd{}, set: set, hunter: hunt.New(hunt.Config{Set: set}), past: &localPast{history}, show: newTicker(nil), most: most}
	}
	for name, most := range map[string]int{"asked": 1 << 30, "scanned": -1} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := run(most).askPast(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(iocs), "ns/indicator")
		})
	}
	b.Run("lines", func(b *testing.B) { benchmarkHuntLines(b, run(0), names, flows) })
}

func benchmarkHuntLines(b *testing.B, h *run, names, flows int) {
	if err := h.askPast(b.Context()); err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	for i := range flows {
		fmt.Fprintf(&text, `{"type":"IPFIX","time_received_ns":1700000060000000000,"sequence_num":7,"sampling_rate":1,"sampler_address":"192.0.2.1",`+
			`"time_flow_start_ns":%d,"time_flow_end_ns":%[1]d,"bytes":4711,"packets":3,"src_addr":"10.0.0.%d","dst_addr":"198.18.%d.%d","etype":"IPv4",`+
			`"proto":"TCP","src_port":40000,"dst_port":443,"in_if":1,"out_if":2,"tcp_flags":27,"ip_tos":0,"src_asn":64496,"src_as_org":"Example Office Networks",`+
			`"src_country":"NL","dst_name":"www.n%d.example","dst_name_basis":"client","dst_name_source":"dnstap","dst_name_age_ms":12}`+"\n",
			time.Now().UnixNano(), i%50+1, i>>8&0xff, i&0xff, i%names)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if err := h.readLog(b.Context(), bufio.NewReaderSize(bytes.NewReader(text.Bytes()), 1<<20), func() {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(flows)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}
