package sensor_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"flowname/dnscache/sensor"
	"flowname/dnscache/sensor/capture"
)

// corpus is the folder of captures beside the project, which is not part of it.
func corpus(t testing.TB) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(root)
		if parent == root {
			t.Fatal("no go.mod above the test")
		}
		root = parent
	}
	dir := filepath.Join(root, "..", "shared", "corpus")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the corpus of captures is not beside the project: ../shared/corpus")
	}
	return dir
}

// reply is a response as both tshark's table and the Sensor can tell it.
type reply struct {
	client, server netip.Addr
	name, kind     string
	rcode          int
}

func (r reply) String() string {
	return fmt.Sprintf("%v asked %v for %s %s: %d", r.client, r.server, r.name, r.kind, r.rcode)
}

// run gives the messages of a capture file.
func run(t testing.TB, path string, cfg sensor.Config, yield func(*sensor.Message)) sensor.Stats {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := capture.NewReader(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	s := sensor.New(cfg)
	for {
		f, err := r.Next()
		if err != nil {
			if err != io.EOF && !errors.Is(err, capture.ErrTruncated) {
				t.Errorf("%s: %v", path, err)
			}
			break
		}
		s.Frame(f, yield)
	}
	s.Flush(yield)
	return s.Stats()
}

func replies(t testing.TB, path string, cfg sensor.Config) (map[reply]bool, sensor.Stats) {
	got := make(map[reply]bool)
	stats := run(t, path, cfg, func(m *sensor.Message) {
		// The header and the question are enough here; what follows may be
		// damaged on purpose.
		name, end, err := dns.UnpackDomainName(m.Wire, 12)
		if err != nil {
			t.Errorf("%s: question of %x: %v", path, m.Wire, err)
			return
		}
		qtype := uint16(m.Wire[end])<<8 | uint16(m.Wire[end+1])
		got[reply{
			client: m.Client.Addr(), server: m.Server.Addr(),
			name: plainName(unescaped(strings.TrimSuffix(name, "."))), kind: dns.Type(qtype).String(), rcode: int(m.Wire[3] & 0xf),
		}] = true
	})
	return got, stats
}

// tshark reads a NAME.dns.tsv.
func tshark(t testing.TB, path string) map[reply]bool {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want := make(map[reply]bool)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		field := strings.Split(lines.Text(), "\t")
		if strings.HasPrefix(lines.Text(), "#") || len(field) < 7 {
			continue
		}
		client, err1 := netip.ParseAddr(field[1])
		server, err2 := netip.ParseAddr(field[2])
		if err1 != nil || err2 != nil {
			t.Fatalf("%s: line %q", path, lines.Text())
		}
		var rcode int
		if _, err := fmt.Sscan(field[6], &rcode); err != nil {
			t.Fatalf("%s: line %q: %v", path, lines.Text(), err)
		}
		want[reply{client: client, server: server, name: plainName(field[4]), kind: tsharkType(field[5]), rcode: rcode}] = true
	}
	return want
}

// plainName brings names to what both sides write alike: lower case, the root
// as nothing, bytes beyond ASCII left out.
func plainName(name string) string {
	if name == "<root>" {
		return ""
	}
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return -1
		}
		return r
	}, name))
}

// unescaped undoes the presentation form of a name, except for what tshark
// leaves escaped.
func unescaped(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '\\' && i+3 < len(name) && '0' <= name[i+1] && name[i+1] <= '9' {
			n, _ := strconv.Atoi(name[i+1 : i+4])
			c, i = byte(n), i+3
		} else if c == '\\' && i+1 < len(name) {
			c, i = name[i+1], i+1
		}
		b.WriteByte(c)
	}
	return b.String()
}

// tsharkType names the types that it gives as numbers.
func tsharkType(kind string) string {
	if n, err := strconv.ParseUint(kind, 10, 16); err == nil {
		return dns.Type(n).String()
	}
	return kind
}

// difference is how far a capture's matched responses are from tshark's table:
// responses that match no query, responses that tshark has and the Sensor
// refuses for another reason, and responses that tshark's table leaves out.
type difference struct {
	unmatched, refused, more int
	why                      string
}

func TestCorpus(t *testing.T) {
	dir := corpus(t)
	var tables []string
	for _, pattern := range []string{"dns/*/*.dns.tsv", "joint/*.dns.tsv"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		tables = append(tables, found...)
	}
	for _, table := range tables {
		base := strings.TrimSuffix(table, ".dns.tsv")
		t.Run(filepath.Base(base), func(t *testing.T) {
			var path string
			for _, ext := range []string{".pcap", ".pcapng", ".pcap.gz"} {
				if _, err := os.Stat(base + ext); err == nil {
					path = base + ext
				}
			}
			want := tshark(t, table)
			got, stats := replies(t, path, sensor.Config{})
			all, _ := replies(t, path, sensor.Config{AcceptUnmatched: true})
			expected := differences[filepath.Base(base)]
			have := difference{why: expected.why}
			var lines []string
			for _, r := range slices.SortedFunc(maps.Keys(want), compare) {
				switch {
				case got[r]:
				case all[r]:
					have.unmatched++
					lines = append(lines, "unmatched: "+r.String())
				default:
					have.refused++
					lines = append(lines, "refused: "+r.String())
				}
			}
			for _, r := range slices.SortedFunc(maps.Keys(got), compare) {
				if !want[r] {
					have.more++
					lines = append(lines, "more: "+r.String())
				}
			}
			if have != expected {
				t.Errorf("got %+v, want %+v\nstats %+v\n%s", have, expected, stats, strings.Join(lines, "\n"))
			}
		})
	}
}

func compare(a, b reply) int { return strings.Compare(a.String(), b.String()) }

// differences are the deliberate ones, by capture.
var differences = map[string]difference{
	"PcapPlusPlus__dns_over_tcp":               {unmatched: 1, more: 1, why: "a response alone; the table leaves out a response without records"},
	"PcapPlusPlus__GrePackets":                 {unmatched: 1, why: "a response alone"},
	"PcapPlusPlus__gtp":                        {unmatched: 1, why: "a response alone"},
	"arkime__arkime_synthetic":                 {unmatched: 3, more: 1, why: "three responses alone; the table leaves out the NSEC record"},
	"arkime__ipv6-gtp6":                        {unmatched: 1, why: "a response alone"},
	"mercury__emix":                            {refused: 1, more: 5, why: "a dynamic update is no query; the table leaves out SRV answers"},
	"nDPI__badpackets":                         {refused: 87, why: "first fragments of which the capture holds less than their IP length"},
	"nDPI__dns":                                {unmatched: 1, why: "a response alone"},
	"nDPI__malformed_dns":                      {refused: 1, why: "responses with two questions"},
	"nmsg__absent_edns-v4-ok":                  {unmatched: 4, why: "a capture of responses"},
	"nmsg__correct_edns-v6-ok":                 {unmatched: 4, why: "a capture of responses"},
	"nmsg__test1-dnsqr":                        {more: 2, why: "the table leaves out responses without answers"},
	"suricata-verify__dns-corrupt-additionals": {more: 1, why: "damaged behind the question: the reader of answers decides"},
	"suricata-verify__dns-incomplete":          {refused: 1, why: "TCP port 5353, which is kept apart"},
	"suricata-verify__dns_over_https_POST":     {refused: 12, why: "tshark has the keys to the HTTPS"},
	"tcpdump__dns_fwdptr":                      {refused: 1, why: "the question is a compression pointer to what follows"},
	"zeek__dns-edns-bad-length":                {unmatched: 1, why: "a response alone"},
	"zeek__dns-edns-ecs":                       {unmatched: 38, more: 2, why: "many responses alone; the table leaves out two without records"},
	"zeek__dns-edns-ecs-bad":                   {refused: 1, why: "the IPv6 length is beyond the frame"},
	"zeek__dns_notify2":                        {refused: 1, why: "a notify is no query"},
	"zeek__dynamic-update":                     {refused: 2, why: "dynamic updates are no queries"},
	"zeek__nsec3":                              {more: 1, why: "the table leaves out the response"},
	"zeek__sshfp-trunc":                        {more: 1, why: "the table leaves out a response without records"},
}

// TestLive compares with the table that tshark made of a run of seven real
// resolvers: time, client, server, id, name, type, addresses.
func TestLive(t *testing.T) {
	dir := corpus(t)
	controls := strings.NewReplacer(`\n`, "", `\033`, "")
	want := make(map[string]int)
	file, err := os.Open(filepath.Join(dir, "dnslogs", "live", "live_tshark_answers.psv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		// A name may have the separator in it.
		field := strings.Split(lines.Text(), "|")
		n := len(field)
		if n < 8 {
			t.Fatalf("line %q has %d fields", lines.Text(), n)
		}
		addrs := slices.DeleteFunc(strings.Split(field[n-2]+","+field[n-1], ","), func(a string) bool { return a == "" })
		slices.Sort(addrs)
		name := plainName(controls.Replace(strings.Join(field[4:n-3], "|")))
		want[strings.Join(append(field[:4:4], name, field[n-3], strings.Join(addrs, ",")), "|")]++
	}
	got := make(map[string]int)
	stats := run(t, filepath.Join(dir, "dnslogs", "live", "live.pcapng"), sensor.Config{}, func(m *sensor.Message) {
		var msg dns.Msg
		if err := msg.Unpack(m.Wire); err != nil {
			t.Errorf("message %x: %v", m.Wire, err)
			return
		}
		if msg.Rcode != dns.RcodeSuccess {
			return // the table has the others only
		}
		var addrs []string
		for _, rr := range slices.Concat(msg.Answer, msg.Ns, msg.Extra) {
			switch rr := rr.(type) {
			case *dns.A:
				addrs = append(addrs, rr.A.String())
			case *dns.AAAA:
				addrs = append(addrs, rr.AAAA.String())
			}
		}
		slices.Sort(addrs)
		q := msg.Question[0]
		got[fmt.Sprintf("%d.%09d|%v|%v|%#04x|%s|%d|%s", m.TimeNs/1e9, m.TimeNs%1e9, m.Client.Addr(), m.Server.Addr(), msg.Id,
			plainName(unescaped(strings.TrimSuffix(q.Name, "."))), q.Qtype, strings.Join(addrs, ","))]++
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-tshark +sensor), stats %+v:\n%s", stats, diff)
	}
}

// TestCrafted has captures that each hold one trap.
func TestCrafted(t *testing.T) {
	dir := filepath.Join(corpus(t), "dnslogs", "crafted")
	cases := []struct {
		name    string
		queries []string // name and type of what is given, in order
		counter func(*sensor.Stats) uint64
	}{
		{"01_glibc_parallel_a_aaaa_same_port", []string{"www.example.com A", "www.example.com AAAA"}, nil},
		{"03_two_clients_same_answer", []string{"shared.example.com A", "shared.example.com A"}, nil},
		{"05_cname_in_order", []string{"www.shop.example A"}, nil},
		{"07_right_id_wrong_question", []string{"intranet.example A"}, func(s *sensor.Stats) uint64 { return s.WrongQuestion }},
		{"09_two_replies_first_wrong_id", []string{"race.example A"}, func(s *sensor.Stats) uint64 { return s.Unmatched & s.Conflict }},
		{"11_tcp_reply_split_out_of_order", []string{"split.example A"}, nil},
		{"13_dot1q", []string{"vlan.example A"}, nil},
		{"17_https_alias_additional", []string{"alias.example HTTPS"}, nil},
		{"19_0x20_case", []string{"www.example.com A"}, nil},
		{"21_ipv4_fragments_reversed", []string{"frag.example A"}, func(s *sensor.Stats) uint64 { return s.Decoder.Reassembled }},
		{"25_vxlan", []string{"vx.example A"}, nil},
		{"33_impossible_fragment_then_normal", []string{"frag.example A", "after.example A"},
			func(s *sensor.Stats) uint64 { return s.Decoder.FragmentBad & s.Decoder.Reassembled }},
	}
	for _, c := range cases {
		var got []string
		stats := run(t, filepath.Join(dir, c.name+".pcap"), sensor.Config{}, func(m *sensor.Message) {
			var msg dns.Msg
			if err := msg.Unpack(m.Wire); err != nil {
				t.Errorf("%s: message %x: %v", c.name, m.Wire, err)
				return
			}
			q := msg.Question[0]
			got = append(got, plainName(strings.TrimSuffix(q.Name, "."))+" "+dns.Type(q.Qtype).String())
		})
		if !slices.Equal(got, c.queries) {
			t.Errorf("%s: got %q, want %q; stats %+v", c.name, got, c.queries, stats)
		}
		if c.counter != nil && c.counter(&stats) != 1 {
			t.Errorf("%s: stats %+v", c.name, stats)
		}
	}
}
