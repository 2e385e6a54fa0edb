package check

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/evidence"
	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/logs"
	"flowname/dnscache/sensor"
)

const checkedLine = `{"Datetime":"2026-11-23T18:30:00Z","QueryName":"shop.test","QueryType":1,"RCode":0,"ResolvedIPs":["198.51.100.7"],"SrcIP":"10.9.%d.%d"}` + "\n"

// run checks a file and gives what is said of it.
func run(path, format string) (string, error) {
	var out bytes.Buffer
	c := Cmd{Files: []string{path}, Examples: 3, Format: format, LogFlags: evidence.LogFlags{LogZone: "UTC"}}
	err := c.Run(command.Streams{Out: &out, Err: io.Discard})
	return out.String(), err
}

func TestCheckPacked(t *testing.T) {
	line := fmt.Appendf(nil, checkedLine, 0, 7)
	var once, twice, other bytes.Buffer
	z := gzip.NewWriter(&once)
	z.Write(line)
	z.Close()
	z = gzip.NewWriter(&twice)
	z.Write(once.Bytes())
	z.Close()
	encoder, err := zstd.NewWriter(&other)
	if err != nil {
		t.Fatal(err)
	}
	encoder.Write(line)
	encoder.Close()
	// A question of PowerDNS: kind, from, seconds, question with its name.
	question := "\x00\x1b\x08\x01\x32\x04\x0a\x09\x00\x07\x48" + string(binary.AppendUvarint(nil, 1795458600)) + "\x62\x0b\x0a\x09shop.test"
	for name, c := range map[string]struct {
		content []byte
		what    string // the report's first line, behind the path
		used    string
		problem string
	}{
		"gzip":       {once.Bytes(), "[cloudflare-gateway], packed with gzip\n", "1, 1 used", ""},
		"twice":      {twice.Bytes(), "[cloudflare-gateway], packed with gzip, packed with gzip\n", "1, 1 used", ""},
		"zstd":       {other.Bytes(), "[cloudflare-gateway], packed with zstd\n", "1, 1 used", ""},
		"PowerDNS":   {[]byte(question + question), "[powerdns]\n", "2, 2 used", ""},
		"torn line":  {line[:len(line)-1], "[cloudflare-gateway]\n", "1, 1 used", ""},
		"torn line2": {append(bytes.Clone(line), line[:40]...), "[cloudflare-gateway]\n", "2, 1 used", "1 torn"},
		"torn gzip":  {once.Bytes()[:len(once.Bytes())-4], "[cloudflare-gateway], packed with gzip\n", "1, 1 used", "unexpected EOF: what came before is used"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := run(path, "text")
			if err != nil || !strings.Contains(out, c.what) || !strings.Contains(out, c.used) || !strings.Contains(out, c.problem) {
				t.Errorf("got %v and\n%swant %q, %q and %q", err, out, c.what, c.used, c.problem)
			}
		})
	}
}

// TestCheckTorn: a stream or capture that ends early tells what came before.
func TestCheckTorn(t *testing.T) {
	for _, name := range []string{filepath.Join("..", "demo", "dnstap.fstrm"), filepath.Join("..", "..", "..", "testdata", "demo", "dns.pcap")} {
		whole, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "torn")
		if err := os.WriteFile(path, whole[:len(whole)-50], 0o600); err != nil {
			t.Fatal(err)
		}
		out, checkErr := run(path, "json")
		var got report
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		if checkErr != nil || got.Used == 0 || !strings.HasSuffix(got.Problem, "what came before is used") {
			t.Errorf("%s: %v, %d used, problem %q", name, checkErr, got.Used, got.Problem)
		}
	}
}

// TestCheckMemory: what a check needs does not grow with the file, nor with its
// clients and its bad lines.
func TestCheckMemory(t *testing.T) {
	format := logs.ByName("cloudflare-gateway")
	allocated := func(n int) uint64 {
		in := &manyLines{n: n}
		var r report
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := r.readLog(bufio.NewReader(in), format, logs.Config{}, 3); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if r.Total != uint64(n) || r.Used != uint64(n)/2 || r.Tally.Clients != min(uint64(n)/2, maxClients) {
			t.Errorf("%d lines: %d read, %d used, %d clients", n, r.Total, r.Used, r.Tally.Clients)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	few, many := allocated(150_000), allocated(600_000)
	if many > few+few/4+1<<20 {
		t.Errorf("%d bytes were allocated for 150,000 lines, %d for 600,000", few, many)
	}
}

// manyLines gives n lines, each second one bad, the others of different clients.
type manyLines struct {
	i, n int
	text []byte
	rest []byte
}

func (m *manyLines) Read(p []byte) (int, error) {
	if len(m.rest) == 0 {
		if m.i == m.n {
			return 0, io.EOF
		}
		m.text = append(m.text[:0], "bad line of some length\n"...)
		if m.i%2 == 1 {
			m.text = append(m.text[:0], `{"Datetime":1795458600,"QueryName":"shop.test","SrcIP":"`...)
			m.text = netip.AddrFrom4([4]byte{10, byte(m.i >> 15), byte(m.i >> 7), byte(m.i>>1)&0x7f + 1}).AppendTo(m.text)
			m.text = append(m.text, "\"}\n"...)
		}
		m.rest = m.text
		m.i++
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

func TestCheckTally(t *testing.T) {
	forwarder := netip.MustParseAddr("10.9.0.53")
	tally := tally{forwarders: []netip.Prefix{netip.PrefixFrom(forwarder, 32)}}
	whole := netip.MustParsePrefix("10.9.0.7/32")
	for _, r := range []dnscache.Response{
		{TimeNs: 5e9, Client: forwarder, Name: []byte("a")},
		{TimeNs: 9e9, Client: forwarder, Name: []byte("a"), Subnet: whole},
		{TimeNs: 3e9, Name: []byte("a"), Addrs: make([]dnscache.Addr, 2)},
		{TimeNs: 0, Client: netip.MustParseAddr("10.9.0.0"), Name: []byte("a"), QuestionOnly: true},
		{TimeNs: 9e9, Client: netip.MustParseAddr("198.51.100.7"), Name: []byte("a"), Source: dnscache.SourceUmbrella},
		{TimeNs: 9e9, Client: netip.MustParseAddr("10.9.0.7"), Name: []byte("a"), Source: dnscache.SourceUmbrella},
	} {
		tally.response(&r)
	}
	tally.connection(&dnscache.Connection{TimeNs: 9e9, Client: netip.MustParseAddr("10.9.0.8")})
	tally.finish()
	got := []uint64{tally.Answers, tally.Addresses, tally.Questions, tally.Connections, tally.Named, tally.Clients, tally.Anyone, tally.Masked, tally.Forwarded, tally.Sites}
	if want := []uint64{5, 2, 1, 1, 0, 3, 1, 1, 1, 1}; !reflect.DeepEqual(got, want) || tally.DisorderS != 6 || tally.First.Unix() != 3 || tally.Last.Unix() != 9 {
		t.Errorf("got %d, want %d; disorder %g, %v to %v", got, want, tally.DisorderS, tally.First, tally.Last)
	}
}

// TestReasonWords: each reason that can be counted has words, and there are no
// words for a counter that is not there.
func TestReasonWords(t *testing.T) {
	known := map[string]bool{"rest": true}
	for _, reason := range logs.Reasons() {
		known[reason.String()] = true
		if reasonWords[reason.String()] == "" {
			t.Errorf("no words for %v", reason)
		}
	}
	for _, stats := range []any{sensor.Stats{}, dnstap.Stats{}, dnswire.Stats{}} {
		counters.Each(stats, func(name string, _ uint64) { known[name] = true })
	}
	for name := range reasonWords {
		if !known[name] {
			t.Errorf("%s is no counter", name)
		}
	}
}
