package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/cmd/flowname/clients"
	"flowname/cmd/flowname/command"
	"flowname/dnscache"
)

// clientsOf asks a data directory, and gives the clients and the network.
func clientsOf(t *testing.T, args ...string) (lines map[netip.Addr]clients.Line, network clients.NetworkLine, text string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(append([]string{"clients", "--format", "json", "-n", "0"}, args...), command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("clients %v: exit %d: %s", args, code, errs.String())
	}
	lines = map[netip.Addr]clients.Line{}
	for line := range strings.Lines(out.String()) {
		l, err := clients.ReadLine(json.RawMessage(line))
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch l := l.(type) {
		case *clients.Line:
			if _, twice := lines[l.Client]; twice || network.Kind != "" {
				t.Errorf("%s: twice, or after the network", line)
			}
			lines[l.Client] = *l
		case *clients.NetworkLine:
			network = *l
		}
	}
	return lines, network, out.String()
}

// An exportedFlow is what of a line of the output says whose flow it is and whether it
// counts.
type exportedFlow struct {
	Src, Dst     netip.Addr
	SrcPort      int    `json:"src_port"`
	DstPort      int    `json:"dst_port"`
	Proto        string `json:"proto"`
	Flags        int    `json:"tcp_flags"`
	Bytes        uint64 `json:"bytes"`
	SrcBasis     string `json:"src_name_basis"`
	DstBasis     string `json:"dst_name_basis"`
	Unnamed      string `json:"unnamed"`
	Biflow       int    `json:"biflow_direction"`
	SrcText      string `json:"src_addr"`
	DstText      string `json:"dst_addr"`
	SrcXlateText string `json:"src_addr_xlate"`
}

// countedShare is what the README says is counted, of flows as a reader of the
// output sees them.
func countedShares(t *testing.T, path string) map[netip.Addr]clients.Sums {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[netip.Addr]clients.Sums{}
	own := []string{"exporter", "tls", "endpoint", "client", "client_query", "client_expired", "client_later"}
	for line := range strings.Lines(string(text)) {
		var f exportedFlow
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if f.SrcXlateText != "" || f.Biflow != 0 {
			t.Fatalf("this count knows nothing of NAT and of who began: %s", line)
		}
		f.Src, _ = netip.ParseAddr(f.SrcText)
		f.Dst, _ = netip.ParseAddr(f.DstText)
		client, server, port, basis, other := f.Src, f.Dst, f.DstPort, f.DstBasis, f.SrcBasis
		if f.DstPort > f.SrcPort && f.Unnamed != "not_resolvable" && !f.Dst.IsMulticast() {
			client, server, port, basis, other = f.Dst, f.Src, f.SrcPort, f.SrcBasis, f.DstBasis
		}
		if basis == "" && other != "" {
			client, server, basis = server, client, other
			if port = f.SrcPort; server == f.Dst {
				port = f.DstPort
			}
		}
		switch {
		case f.Proto != "TCP" && (f.Proto != "UDP" || port != 443),
			f.Proto == "TCP" && (f.Flags != 0 && f.Flags&0x10 == 0 || f.Flags == 0x14), // never acknowledged, or refused
			port == 53 || port == 853, f.Unnamed == "not_resolvable", basis == "" && server.IsPrivate():
			continue
		}
		sums := all[client]
		sums.Flows++
		sums.Bytes += f.Bytes
		if slices.Contains(own, basis) {
			sums.OwnFlows++
			sums.OwnBytes += f.Bytes
		}
		all[client] = sums
	}
	return all
}

// TestClientsAreTheSumsOfTheirFlows replays all captures of the corpus that have DNS and
// flows, and counts the lines of the output in another way.
func TestClientsAreTheSumsOfTheirFlows(t *testing.T) {
	truths, err := filepath.Glob(corpus(t, "joint", "*.sni.tsv"))
	if err != nil || len(truths) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	compared := 0
	for _, path := range truths {
		base := strings.TrimSuffix(path, ".sni.tsv")
		packets := base + ".pcap"
		if _, err := os.Stat(packets); err != nil {
			packets += "ng"
		}
		exports := base + ".router.ipfix.pcap"
		dir := t.TempDir()
		out := filepath.Join(dir, "flows.jsonl")
		var errs bytes.Buffer
		if code := execute([]string{"replay", "--dns", packets, "--flows", exports, "--out", out, "--data", dir}, command.Streams{Out: &errs, Err: &errs}); code != exitOK {
			t.Fatalf("%s: exit %d: %s", exports, code, errs.String())
		}
		lines, network, _ := clientsOf(t, "--data", dir)
		compared += compareClients(t, filepath.Base(exports), countedShares(t, out), lines, &network)
		if network.Clients > 0 && !regexp.MustCompile(`(?m)^`+strconv.FormatUint(network.Clients, 10)+` clients: `).MatchString(errs.String()) {
			t.Errorf("%s: the summary says nothing of its %d clients: %s", exports, network.Clients, errs.String())
		}
	}
	if compared < 20 {
		t.Errorf("only %d clients with flows that count were compared", compared)
	}
}

// compareClients holds the clients against the count, those that are ours.
func compareClients(t *testing.T, what string, counted map[netip.Addr]clients.Sums, lines map[netip.Addr]clients.Line, network *clients.NetworkLine) (compared int) {
	t.Helper()
	var sum clients.Sums
	for client, l := range lines {
		want := counted[client]
		got := clients.Sums{Flows: l.Flows, OwnFlows: l.OwnFlows, Bytes: l.Bytes, OwnBytes: l.OwnBytes}
		if got != want {
			t.Errorf("%s: %v: the table has %+v, the output %+v", what, client, got, want)
		}
		if l.Flows > 0 {
			compared++
		}
		sum.Flows += l.Flows
		sum.OwnFlows += l.OwnFlows
		sum.Bytes += l.Bytes
		sum.OwnBytes += l.OwnBytes
	}
	for client, want := range counted {
		if _, ok := lines[client]; !ok && client.IsPrivate() {
			t.Errorf("%s: %v is no client; the output has %+v", what, client, want)
		}
	}
	if got := (clients.Sums{Flows: network.Flows, OwnFlows: network.OwnFlows, Bytes: network.Bytes, OwnBytes: network.OwnBytes}); got != sum {
		t.Errorf("%s: the network has %+v, its clients %+v", what, got, sum)
	}
	return compared
}

// demoReplay replays the demo with a data directory.
func demoReplay(t *testing.T, dir string) {
	t.Helper()
	var errs bytes.Buffer
	args := []string{"replay", "--dns", filepath.Join(root, "testdata", "demo", "dns.pcap"), "--flows", filepath.Join("demo", "flows.pcap"), "--out", os.DevNull, "--data", dir}
	if code := execute(args, command.Streams{Out: &errs, Err: &errs}); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
}

func TestClientsAreTheSameEachTime(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	demoReplay(t, a)
	demoReplay(t, b)
	_, _, first := clientsOf(t, "--data", a)
	_, _, second := clientsOf(t, "--data", b)
	if first != second || !strings.Contains(first, `"kind":"client"`) {
		t.Errorf("two replays of the same files:\n%s\n%s", first, second)
	}
	// A second replay into the same directory adds to the first.
	demoReplay(t, a)
	lines, network, _ := clientsOf(t, "--data", a)
	once, before, _ := clientsOf(t, "--data", b)
	if len(lines) != len(once) || network.Flows != 2*before.Flows || network.Bytes != 2*before.Bytes {
		t.Errorf("after the second replay %d clients, %+v; want those of one, doubled: %+v", len(lines), network, before)
	}
}

var compareClientLines = cmp.Options{
	cmp.AllowUnexported(clients.Line{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

// TestClientsOfTheDaemon asks a running daemon, and what it left, over a restart.
func TestClientsOfTheDaemon(t *testing.T) {
	dir := t.TempDir()
	c := startCollector(t, dir)
	c.play()
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == demoFlows })
	running, network, _ := clientsOf(t, "--server", c.http)
	one := slices.Collect(func(yield func(netip.Addr) bool) {
		for client := range running {
			yield(client)
			return
		}
	})[0]
	if only, _, _ := clientsOf(t, "--server", c.http, one.String()); len(only) != 1 || only[one].Client != one {
		t.Errorf("asked for %v: %v", one, only)
	}
	if none, _, _ := clientsOf(t, "--server", c.http, "--status", "doh,outside_resolver"); len(none) != 0 {
		t.Errorf("nobody asks elsewhere, but: %v", none)
	}
	eventually(t, "metrics are published", func() bool {
		return strings.Contains(c.get("/metrics"), "flowname_visibility_all_flows_total "+strconv.FormatUint(network.Flows, 10)+"\n")
	})
	metrics := c.get("/metrics")
	for _, want := range []string{
		"flowname_visibility_own_flows_total " + strconv.FormatUint(network.OwnFlows, 10),
		"flowname_visibility_own_bytes_total ", "flowname_visibility_all_bytes_total ",
		`flowname_visibility_flows_total{how="looked_up"} ` + strconv.FormatUint(network.Named.LookedUp, 10),
		`flowname_visibility_bytes_total{how="no_answer"} `, `flowname_visibility_asked_total{kind="outside"} `,
		`flowname_visibility_status_clients{status="few_flows"} `,
		"flowname_visibility_clients " + strconv.FormatUint(network.Clients, 10), "flowname_visibility_evicted_total 0",
		"flowname_visibility_at_door_total 0", "flowname_visibility_refused_total 0",
	} {
		if !strings.Contains(metrics, "\n"+want) {
			t.Errorf("/metrics has no %q", want)
		}
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	left, _, _ := clientsOf(t, "--data", c.data)
	if diff := cmp.Diff(running, left, compareClientLines); diff != "" {
		t.Errorf("clients (-running +left):\n%s", diff)
	}
	again := startCollector(t, dir)
	back, _, _ := clientsOf(t, "--server", again.http)
	if diff := cmp.Diff(running, back, compareClientLines); diff != "" {
		t.Errorf("clients (-before +after the restart):\n%s", diff)
	}
}

// TestClientsStayWithoutFlows starts a daemon that takes none.
func TestClientsStayWithoutFlows(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	demoReplay(t, data)
	before, _, _ := clientsOf(t, "--data", data)
	c := startCollector(t, dir, "--netflow", "off")
	running, _, _ := clientsOf(t, "--server", c.http)
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	after, _, _ := clientsOf(t, "--data", data)
	if len(before) == 0 {
		t.Error("the replay has left no clients")
	}
	if diff := cmp.Diff(before, running, compareClientLines); diff != "" {
		t.Errorf("clients (-before +while it runs):\n%s", diff)
	}
	if diff := cmp.Diff(before, after, compareClientLines); diff != "" {
		t.Errorf("clients (-before +after):\n%s", diff)
	}
}

// TestClientsOfADamagedDirectory replays into a directory whose clients can not be
// read.
func TestClientsOfADamagedDirectory(t *testing.T) {
	dir := t.TempDir()
	cache, err := dnscache.Open(dnscache.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	damage := []dnscache.ShelfEntry{{Key: []byte{0, 0, 0, 0}, Value: []byte("not a row")}}
	if err := errors.Join(cache.Shelf(dnscache.ShelfVisibility).Write(damage), cache.Close(1)); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := execute([]string{"clients", "--data", dir}, command.Streams{Out: &out, Err: &errs}); code != exitFailure || !strings.Contains(errs.String(), "can not be read") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	demoReplay(t, dir)
	if lines, _, _ := clientsOf(t, "--data", dir); len(lines) == 0 {
		t.Error("the replay has left no clients")
	}
}

func TestClientsThatNobodyCounts(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--max-clients", "0")
	var out, errs bytes.Buffer
	if code := execute([]string{"clients", "--server", c.http}, command.Streams{Out: &out, Err: &errs}); code != exitFailure || !strings.Contains(errs.String(), "--max-clients 0") {
		t.Errorf("exit %d, %q; want that nobody counts", code, errs.String())
	}
	if strings.Contains(c.get("/metrics"), "flowname_visibility_") {
		t.Error("/metrics has figures of clients")
	}
}
