package correlate_test

import (
	"bufio"
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowname/correlate"
	"flowname/dnscache"
	"flowname/dnscache/logs"
	"flowname/flows"
)

// questionLogs are the logs of one live run that tell questions only. CoreDNS
// writes no times: whatever collects its output puts them before its lines.
var questionLogs = []struct{ format, path, before string }{
	{"bind", "bind/bind9_18_querylog.log", ""},
	{"unbound", "unbound/unbound_log-queries_log-replies.log", ""},
	{"coredns", "coredns/coredns_1.11.3_log.log", "2026-11-23T17:17:06.6Z stdout F "},
}

// TestQuestionsWithOneAnsweringSource: who asked is told by one server's log, what
// the names had by PassiveDNS, which saw the whole run. A flow to an address of
// what its client asked for is named by that, and by nothing else.
func TestQuestionsWithOneAnsweringSource(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "corpus", "dnslogs")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the corpus is not here: ../shared/corpus")
	}
	for _, source := range questionLogs {
		t.Run(source.format, func(t *testing.T) {
			cache, err := dnscache.Open(dnscache.Config{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			at := map[string]int64{} // of a name, when it had an address
			readLog(t, "passivedns", filepath.Join(dir, "passivedns/passivedns_1.2.1_live.json.log"), "", func(r *dnscache.Response) {
				cache.File(r, r.TimeNs)
				for _, a := range r.Addrs {
					at[string(r.Name)+" "+a.Addr.String()] = r.TimeNs
				}
			})
			asked := map[string][]string{} // client and address: the names that it asked for and that have it
			var made []flows.Record
			var names []string
			readLog(t, source.format, filepath.Join(dir, source.path), source.before, func(r *dnscache.Response) {
				r.Client = outside(r.Client)
				cache.File(r, r.TimeNs)
				for had := range at {
					name, addr, _ := strings.Cut(had, " ")
					if name != string(r.Name) || !resolvableAnswer(addr) {
						continue
					}
					key := r.Client.String() + " " + addr
					asked[key] = append(asked[key], name)
					made = append(made, flows.Record{
						Type: flows.IPFIX, Src: r.Client, Dst: netip.MustParseAddr(addr), Proto: flows.ProtoTCP,
						SrcPort: uint16(20000 + len(made)), DstPort: 443, EtherType: flows.EtherTypeIPv4,
						StartNs: r.TimeNs + int64(time.Second), StartErrorNs: int64(100 * time.Millisecond), Bytes: 1, Packets: 1,
					})
					names = append(names, name)
				}
			})
			if len(made) < 10 {
				t.Fatalf("%d flows: want more to look at", len(made))
			}
			join := correlate.New(correlate.Config{Seed: 1}, cache, nil)
			i := 0
			join.Join(made, 0, func(f *correlate.Flow) {
				key := f.Record.Src.String() + " " + f.Record.Dst.String()
				checkAsked(t, f, names[i], asked[key])
				i++
			})
			if i != len(made) {
				t.Errorf("%d flows came back of %d", i, len(made))
			}
			stranger := made[0]
			stranger.Src = netip.MustParseAddr("10.9.9.9")
			join.Join([]flows.Record{stranger}, 0, func(f *correlate.Flow) {
				if b := f.Dst.Basis(); b == correlate.ClientQuery {
					t.Errorf("who asked nothing is named %s by %s", f.Dst.Candidates[0].Name, b)
				}
			})
		})
	}
}

// checkAsked holds a flow to what its client asked for at that address.
func checkAsked(t *testing.T, f *correlate.Flow, name string, asked []string) {
	t.Helper()
	if f.Dst.Basis() != correlate.ClientQuery {
		t.Errorf("%v to %v, asked for %s: basis %q", f.Record.Src, f.Record.Dst, name, f.Dst.Basis())
		return
	}
	found := false
	for _, c := range f.Dst.Candidates {
		if c.Basis != correlate.ClientQuery {
			continue
		}
		found = found || c.Name == name
		ok := false
		for _, a := range asked {
			ok = ok || a == c.Name
		}
		if !ok {
			t.Errorf("%v to %v: %s was never asked for", f.Record.Src, f.Record.Dst, c.Name)
		}
	}
	if !found {
		t.Errorf("%v to %v: %s is not among %+v", f.Record.Src, f.Record.Dst, name, f.Dst.Candidates)
	}
}

// outside is a client of the run, all of which was on loopback, as if it were
// a host.
func outside(a netip.Addr) netip.Addr {
	b := a.As4()
	b[0] = 10
	return netip.AddrFrom4(b)
}

// resolvableAnswer says whether flows to an address are named at all.
func resolvableAnswer(text string) bool {
	a := netip.MustParseAddr(text)
	return !a.IsLoopback() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// readLog gives the responses of a log.
func readLog(t *testing.T, format, path, before string, give func(*dnscache.Response)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := logs.NewReader(logs.ByName(format), logs.Config{ReferenceNs: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC).UnixNano()}, logs.Sink{
		Response: give, Connection: func(*dnscache.Connection) {},
	})
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		r.Line(append([]byte(before), lines.Bytes()...))
	}
	r.Flush()
}
