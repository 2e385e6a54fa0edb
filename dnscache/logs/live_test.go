package logs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"flowname/dnscache"
	"flowname/dnscache/dnswire"
)

// The servers of the corpus' live run, by the address that each answered at, and
// what each of them logged.
const (
	liveUnbound      = "127.0.1.2"
	liveDnsmasqPlain = "127.0.1.3"
	liveDnsmasqExtra = "127.0.1.4"
	liveCoreDNS      = "127.0.1.5"
	liveBIND         = "127.0.1.8"
)

// liveQuestions is the set of "client name type" that clients asked a server, as
// the capture of the run has them.
func liveQuestions(t *testing.T, server string) map[string]bool {
	t.Helper()
	file, err := os.Open(filepath.Join(logCorpus(t), "live", "live.pcapng"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	buf := make([]byte, dnswire.MaxWireName)
	for {
		data, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return set
		}
		if err != nil {
			t.Fatal(err)
		}
		packet := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		ip, _ := packet.NetworkLayer().(*layers.IPv4)
		if ip == nil || ip.DstIP.String() != server {
			continue
		}
		for _, msg := range liveMessages(packet) {
			var q dnswire.Question
			if err := dnswire.ReadQuestion(&q, msg, buf); err != nil || q.Response {
				continue
			}
			set[fmt.Sprintf("%s %s %d", ip.SrcIP, dnswire.AppendName(nil, q.Name), q.Type)] = true
		}
	}
}

// liveMessages are the DNS messages of a packet; of the run, none is torn over
// segments.
func liveMessages(packet gopacket.Packet) (all [][]byte) {
	switch l := packet.TransportLayer().(type) {
	case *layers.UDP:
		return append(all, l.Payload)
	case *layers.TCP:
		for p := l.Payload; len(p) > 2; {
			n := int(binary.BigEndian.Uint16(p))
			if n > len(p)-2 {
				break
			}
			all, p = append(all, p[2:2+n]), p[2+n:]
		}
	}
	return all
}

// liveAnswers is the set of "client address name" that a server answered, as
// tshark saw it: lines of time|client|server|id|name|type|IPv4s|IPv6s. Of those
// only questions that dnsmasq's kind of log tells the addresses of: A and AAAA.
func liveAnswers(t *testing.T, server string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(logCorpus(t), "live", "live_tshark_answers.psv"))
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		n := len(f)
		if n < 8 || f[2] != server || f[n-3] != "1" && f[n-3] != "28" {
			continue
		}
		name := liveName(strings.Join(f[4:n-3], "|"))
		for a := range strings.SplitSeq(f[n-2]+","+f[n-1], ",") {
			if a != "" {
				set[f[1]+" "+a+" "+name] = true
			}
		}
	}
	return set
}

// liveName is a name in presentation form that tshark writes with \n and octal
// escapes.
func liveName(text string) string {
	raw := strings.NewReplacer(`\n`, "\n", `\033`, "\x1b").Replace(text)
	name, _ := appendRawName(nil, []byte(raw))
	return string(name)
}

// A liveTape collects what a log of the run says, as sets.
type liveTape struct {
	questions, answers map[string]bool
	stats              Stats
}

func readLive(t *testing.T, format, path string, prefix string) liveTape {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(logCorpus(t), path))
	if err != nil {
		t.Fatal(err)
	}
	got := liveTape{questions: map[string]bool{}, answers: map[string]bool{}}
	r := NewReader(ByName(format), reference, Sink{
		Connection: func(c *dnscache.Connection) { t.Errorf("a connection: %+v", c) },
		Response: func(r *dnscache.Response) {
			if err := checkResponse(r); err != nil {
				t.Error(err)
			}
			client := "*"
			if r.Client.IsValid() {
				client = r.Client.String()
				got.questions[fmt.Sprintf("%s %s %d", client, r.Name, r.Type)] = true
			}
			for _, a := range r.Addrs {
				got.answers[fmt.Sprintf("%s %s %s", client, a.Addr, r.Name)] = true
			}
		},
	})
	for line := range strings.Lines(string(text)) {
		r.Line([]byte(prefix + strings.TrimSuffix(line, "\n")))
	}
	r.Flush()
	got.stats = r.Stats()
	return got
}

// without drops the lines of a set that hold any of texts.
func without(set map[string]bool, texts ...string) map[string]bool {
	for line := range set {
		for _, text := range texts {
			if strings.Contains(line, text) {
				delete(set, line)
			}
		}
	}
	return set
}
