package hunt

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/klauspost/compress/zstd"

	"flowname/cmd/flowname/command"
	"flowname/dnscache"
)

// asHunt is set where the test binary is to be the command.
const asHunt = "FLOWNAME_TEST_AS_HUNT"

func TestMain(m *testing.M) {
	if os.Getenv(asHunt) == "" {
		os.Exit(m.Run())
	}
	var c Cmd
	kong.Parse(&c)
	if err := c.Run(command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestHuntScale hunts for some names of a made history among many that are not in
// it, and in made logs: all that is there must be found, by a process of its own,
// whose time and memory are told. HUNT_DATA is a history of HUNT_VERSIONS versions
// that dnscache's TestMakeLargeHistory has made (else a small one is filed); HUNT_MB
// is how many megabytes of logs there are, HUNT_IOCS how many indicators,
// HUNT_SECONDS how long it may take and HUNT_PEAK_MB how much memory.
func TestHuntScale(t *testing.T) {
	dir := t.TempDir()
	past, w := os.Getenv("HUNT_DATA"), largeWorld(envInt("HUNT_VERSIONS", 40_000)/largeClients/largeTimes)
	if past == "" {
		past = filepath.Join(dir, "data")
		w.file(t, past)
	}
	hunted := w.hunted(100)
	feed := filepath.Join(dir, "feed.txt")
	writeHuntFeed(t, feed, hunted, envInt("HUNT_IOCS", 120_000))
	want := writeHuntLogs(t, dir, w, hunted, envInt("HUNT_MB", 20))

	out := filepath.Join(dir, "found.jsonl")
	cmd := exec.Command(os.Args[0], "--iocs", feed, "--data", past, "--logs", filepath.Join(dir, "flows-*"), "--format", "json", "--out", out)
	cmd.Env = append(os.Environ(), asHunt+"=1")
	var told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &told, &told
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peakMB := peakOf(t, cmd.Process.Pid, ended, &told)
	took := time.Since(begun)
	t.Logf("%d versions and %d lines: %v, CPU %v, peak %d MB without mapped files", w.versions(), want.lines, took.Round(time.Millisecond),
		(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(time.Millisecond), peakMB)
	if got := readHuntScale(t, out); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if most := envInt("HUNT_SECONDS", 0); most > 0 && took > time.Duration(most)*time.Second {
		t.Errorf("it took %v, more than %d s", took, most)
	}
	if most := envInt("HUNT_PEAK_MB", 0); most > 0 && peakMB > most {
		t.Errorf("its peak was %d MB, more than %d", peakMB, most)
	}
}

// peakOf waits for the end of a process and gives the most memory of its own that it
// was seen to have; that of mapped files is the kernel's to take.
func peakOf(t *testing.T, pid int, ended <-chan error, told *bytes.Buffer) (megabytes int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%v: %s", err, told)
			}
			return megabytes
		case <-tick.C:
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone, or another system
			_, text, _ := strings.Cut(string(status), "RssAnon:")
			var kilobytes int
			if _, err := fmt.Sscan(text, &kilobytes); err == nil {
				megabytes = max(megabytes, kilobytes>>10)
			}
		}
	}
}

// A largeWorld is the history that dnscache's TestMakeLargeHistory makes, of so many
// names: each asked by largeClients clients, largeTimes times each, five minutes apart;
// three names in a row share an address.
type largeWorld int

const (
	largeClients = 20
	largeTimes   = 10
	largeShared  = 3
	largeBegan   = int64(1_790_000_000e9)
)

// A largeAnswer is one of its versions.
type largeAnswer struct {
	name         string
	client, addr netip.Addr
	atNs         int64
}

// answer is a version by its number.
func (w largeWorld) answer(number int) largeAnswer {
	i, k, n := number/largeClients/largeTimes, number/largeTimes%largeClients, number%largeTimes
	v4 := func(n int) netip.Addr { return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(n)))) }
	return largeAnswer{
		fmt.Sprintf("h%08d.large.example", i), v4(10<<24 + k*50_000 + i/largeShared%50_000), v4(198<<24 + 16<<16 + i/largeShared),
		largeBegan + int64(n)*300e9 + int64(k)*10e9,
	}
}

func (w largeWorld) versions() int { return int(w) * largeClients * largeTimes }

// hunted are so many of its names, or all.
func (w largeWorld) hunted(n int) map[string]bool {
	names := map[string]bool{}
	for i := range min(n, int(w)) {
		names[w.answer(i*(int(w)/min(n, int(w)))*largeClients*largeTimes).name] = true
	}
	return names
}

// file makes it as a daemon would.
func (w largeWorld) file(t *testing.T, dir string) {
	t.Helper()
	cache, err := dnscache.Open(dnscache.Config{Dir: dir, Retention: 10 * 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixNano()
	for i := range w.versions() {
		a := w.answer(i)
		cache.File(&dnscache.Response{
			Source: dnscache.SourceDnstap, TimeNs: a.atNs, Client: a.client, Name: []byte(a.name), Addrs: []dnscache.Addr{{Addr: a.addr, TTL: 60}},
		}, now)
		if i%10_000 == 9_999 {
			if err := cache.Flush(now); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cache.Close(now); err != nil {
		t.Fatal(err)
	}
}

func writeHuntFeed(t *testing.T, path string, hunted map[string]bool, n int) {
	t.Helper()
	var b bytes.Buffer
	for name := range hunted {
		fmt.Fprintln(&b, name)
	}
	for i := range n - len(hunted) {
		fmt.Fprintf(&b, "host%d.feed%d.example\n", i, i%1000)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// huntScale is what must be found: flows of the hunted names by their own name, and
// by what their clients had resolved.
type huntScale struct{ found, lines, named, resolved, bytes uint64 }

// writeHuntLogs writes flows, a third each of them plain, by gzip and by zstd. Beyond
// logBlock the same come again, which gzip and zstd have as members and frames.
func writeHuntLogs(t *testing.T, dir string, w largeWorld, hunted map[string]bool, megabytes int) (want huntScale) {
	t.Helper()
	const logBlock = 32 << 20
	random := rand.New(rand.NewPCG(1, 2))
	for i, name := range []string{"flows-1.jsonl", "flows-2.jsonl.gz", "flows-3.jsonl.zst"} {
		size := megabytes << 20 / 3
		times := max(1, size/logBlock)
		var block bytes.Buffer
		packed, closeIt := packer(t, &block, i)
		part := w.writeFlows(t, packed, random, hunted, size/times)
		closeIt()
		file, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for range times {
			if _, err := file.Write(block.Bytes()); err != nil {
				t.Fatal(err)
			}
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		want.lines += part.lines * uint64(times)
		want.named += part.named * uint64(times)
		want.resolved += part.resolved * uint64(times)
		want.bytes += part.bytes * uint64(times)
	}
	want.found = uint64(len(hunted)) // the history has them all
	return want
}

// writeFlows writes flows of so many bytes of lines: each a second after an answer of
// its client, three of four with its name.
func (w largeWorld) writeFlows(t *testing.T, to io.Writer, random *rand.Rand, hunted map[string]bool, size int) (want huntScale) {
	t.Helper()
	b := bufio.NewWriterSize(to, 1<<20)
	var line []byte
	for ; size > 0; size -= len(line) {
		at := random.IntN(w.versions())
		if random.IntN(1000) == 0 { // some of the hunted
			at = random.IntN(len(hunted))*(int(w)/len(hunted))*largeClients*largeTimes + random.IntN(largeClients*largeTimes)
		}
		a := w.answer(at)
		if a.client.As4()[3] == 0 {
			continue // to the cache it is the network of a client that is not told
		}
		bytes, named := uint64(40+random.IntN(100_000)), random.IntN(4) > 0
		line = a.appendFlow(line[:0], bytes, named)
		if _, err := b.Write(line); err != nil {
			t.Fatal(err)
		}
		want.lines++
		if named && hunted[a.name] {
			want.named++
			want.bytes += bytes
		}
		for i := range largeShared { // its client had resolved all that share the address
			first := at / largeClients / largeTimes / largeShared * largeShared
			if !named && first+i < int(w) && hunted[w.answer((first+i)*largeClients*largeTimes).name] {
				want.resolved++
				want.bytes += bytes
			}
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	return want
}

// appendFlow appends a line.
func (a *largeAnswer) appendFlow(line []byte, bytes uint64, named bool) []byte {
	line = fmt.Appendf(line, `{"type":"IPFIX","time_received_ns":%d,"sequence_num":7,"sampling_rate":1,"sampler_address":"192.0.2.1",`+
		`"time_flow_start_ns":%d,"time_flow_end_ns":%d,"bytes":%d,"packets":3,"src_addr":"%v","dst_addr":"%v","etype":"IPv4",`+
		`"proto":"TCP","src_port":40000,"dst_port":443,"in_if":1,"out_if":2,"tcp_flags":27,"ip_tos":0,"src_asn":64496,"src_as_org":"Example Office Networks",`+
		`"src_country":"NL"`, a.atNs+61e9, a.atNs+1e9, a.atNs+5e9, bytes, a.client, a.addr)
	if named {
		line = fmt.Appendf(line, `,"dst_name":"%s","dst_name_basis":"client","dst_name_source":"dnstap","dst_name_age_ms":1000,`+
			`"dst_country":"DE","dst_asn":64500,"dst_as_org":"Example Hosting"`, a.name)
	}
	return append(line, '}', '\n')
}

func packer(t *testing.T, file io.Writer, kind int) (w io.Writer, closeIt func()) {
	t.Helper()
	switch kind {
	case 1:
		z, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		return z, func() { z.Close() }
	case 2:
		z, err := zstd.NewWriter(file, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		return z, func() { z.Close() }
	}
	return file, func() {}
}

// readHuntScale adds up a report.
func readHuntScale(t *testing.T, path string) (got huntScale) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for d := json.NewDecoder(file); d.More(); {
		var row struct {
			Kind, How string
			Flows     uint64
			BytesTo   uint64 `json:"bytes_to"`
			Found     uint64
			Lines     uint64
		}
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		switch {
		case row.Kind == "summary":
			got.found, got.lines = row.Found, row.Lines
		case row.Kind != "flows":
		case row.How == "named":
			got.named += row.Flows
			got.bytes += row.BytesTo
		case row.How == "resolved":
			got.resolved += row.Flows
			got.bytes += row.BytesTo
		}
	}
	return got
}
