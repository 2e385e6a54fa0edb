package netflow

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

var (
	dnsClient, dnsServer = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.2")
)

// answersOf decodes messages and takes their answers.
func answersOf(t *testing.T, msgs ...[]byte) ([]Answer, Stats) {
	t.Helper()
	d := NewDecoder(Config{})
	for _, m := range msgs {
		mustAppend(t, d, m)
	}
	return d.TakeAnswers(nil), d.Stats()
}

func TestAnswers(t *testing.T) {
	www, cdn := varlen([]byte("WWW.Example.com.")), varlen([]byte("cdn.example.net"))
	tests := []struct {
		name     string
		template []uint32 // after the five-tuple
		data     []byte
		want     []string // name, canonical, address, TTL
	}{
		{"nProbe", []uint32{penNtop, 205, variableLength, penNtop, 352, 4, penNtop, 398, variableLength},
			slices.Concat(www, u32(300), varlen([]byte("203.0.113.1;2001:db8::1 / cdn.example.net,x"))),
			[]string{"www.example.com  203.0.113.1 300", "www.example.com  2001:db8::1 300"}},
		{"nProbe without an answer", []uint32{penNtop, 205, variableLength, penNtop, 398, variableLength}, slices.Concat(www, varlen()), nil},
		{"Gigamon", []uint32{penGigamon, 204, variableLength, penGigamon, 205, variableLength, penGigamon, 206, 4, penGigamon, 207, 4, penGigamon, 207, 4, penGigamon, 208, 16},
			slices.Concat(www, cdn, u32(60), ip("203.0.113.1"), ip("203.0.113.2"), make([]byte, 16)),
			[]string{"www.example.com cdn.example.net 203.0.113.1 60", "www.example.com cdn.example.net 203.0.113.2 60"}},
		{"CESNET", []uint32{penCESNET, 2, variableLength, penCESNET, 5, 4, penCESNET, 7, variableLength},
			slices.Concat(www, u32(60), varlen([]byte("203.0.113.1"))), []string{"www.example.com  203.0.113.1 60"}},
		{"CESNET, an alias as data", []uint32{penCESNET, 2, variableLength, penCESNET, 7, variableLength}, slices.Concat(www, cdn), nil},
		{"Flowmon", []uint32{penFlowmon, 121, variableLength, penFlowmon, 116, variableLength, penFlowmon, 119, 4, penFlowmon, 120, variableLength},
			slices.Concat(www, cdn, u32(60), varlen(ip("203.0.113.1"))), []string{"www.example.com cdn.example.net 203.0.113.1 60"}},
		{"Flowmon, IPv6", []uint32{penFlowmon, 121, variableLength, penFlowmon, 120, variableLength},
			slices.Concat(www, varlen(ip("2001:db8::1"))), []string{"www.example.com  2001:db8::1 0"}},
		{"Ixia", []uint32{penIxia, 273, variableLength, penIxia, 199, 4, penIxia, 258, 4},
			slices.Concat(www, ip("203.0.113.1"), u32(60)), []string{"www.example.com  203.0.113.1 60"}},
		{"Ixia, names only", []uint32{penIxia, 189, variableLength, penIxia, 190, variableLength}, slices.Concat(www, www), nil},
	}
	for _, tt := range tests {
		msg := func(src, dst uint16) []byte {
			return ipfix(set(2, vendorTmpl(256, append(slices.Clone(ends5), tt.template...)...)), set(256, end5(src, dst, 17), tt.data))
		}
		for _, dir := range []struct {
			src, dst       uint16
			client, server netip.Addr
		}{{40000, 53, dnsClient, dnsServer}, {53, 40000, dnsServer, dnsClient}} {
			got, stats := answersOf(t, msg(dir.src, dir.dst))
			checkAnswers(t, tt.name, got, tt.want)
			for _, a := range got {
				if a.Client != dir.client || a.Server != dir.server || a.TimeNs != exportSecs*1e9 {
					t.Errorf("%s: %v asked %v at %d", tt.name, a.Client, a.Server, a.TimeNs)
				}
			}
			if int(stats.Answers) != len(tt.want) {
				t.Errorf("%s: %d answers counted", tt.name, stats.Answers)
			}
		}
		for _, ports := range [][2]uint16{{40000, 5353}, {53, 53}, {5353, 5353}} {
			if got, stats := answersOf(t, msg(ports[0], ports[1])); len(got) > 0 || int(stats.AnswersRefused) != len(tt.want) {
				t.Errorf("%s from port %d to %d: %d answers without a client, %d refused", tt.name, ports[0], ports[1], len(got), stats.AnswersRefused)
			}
		}
	}
}

func checkAnswers(t *testing.T, name string, answers []Answer, want []string) {
	t.Helper()
	var got []string
	for _, a := range answers {
		got = append(got, fmt.Sprintf("%s %s %v %d", a.Name, a.Canonical, a.Addr, a.TTL))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}

// TestYAFAnswers has DNS as YAF tells it: in a multi list a list of resource
// records, each with a list of what is in it.
func TestYAFAnswers(t *testing.T) {
	const dns, rr, a, aaaa, cname = 300, 301, 302, 303, 304
	templates := set(2, vendorTmpl(256, append(slices.Clone(ends5), 0, 293, variableLength)...),
		vendorTmpl(dns, 0, 292, variableLength),
		vendorTmpl(rr, 0, 292, variableLength, penCERT, 179, variableLength, penCERT, 199, 4, penCERT, 175, 2, penCERT, 174, 1, penCERT, 176, 1, penCERT, 177, 1, penCERT, 178, 1, penCERT, 226, 2, 0, 210, 4),
		vendorTmpl(a, 0, 8, 4), vendorTmpl(aaaa, 0, 27, 16), vendorTmpl(cname, penCERT, 180, variableLength))
	record := func(name string, section byte, template uint16, data []byte) []byte {
		list := slices.Concat([]byte{3}, u16(template), data)
		if template == 0 {
			list = []byte{3, 0, 0}
		}
		return slices.Concat(varlen(list), varlen([]byte(name)), u32(30), u16(1), []byte{1, 0, 0, section}, u16(7), make([]byte, 4))
	}
	list := slices.Concat([]byte{3}, set(dns, varlen([]byte{3}, u16(rr),
		record("www.example.com.", 0, 0, nil),
		record("edge.example.net.", 1, a, ip("203.0.113.1")), // before its alias
		record("WWW.example.com.", 1, cname, varlen([]byte("lb.example.net."))),
		record("lb.example.net.", 1, cname, varlen([]byte("Edge.example.net."))),
		record("edge.example.net.", 1, aaaa, ip("2001:db8::1")),
		record("ns.example.net.", 3, a, ip("203.0.113.53")), // additional: not believed
		record("loop.example.", 1, cname, varlen([]byte("loop.example."))),
	)))
	got, stats := answersOf(t, ipfix(templates, set(256, end5(53, 40000, 17), varlen(list))))
	checkAnswers(t, "YAF", got, []string{
		"www.example.com edge.example.net 203.0.113.1 30", "www.example.com edge.example.net 2001:db8::1 30",
	})
	if stats.BadLists != 0 || stats.Records != 1 {
		t.Errorf("got %+v", stats)
	}
}

// TestAnswersAreTaken asks that answers are given once, and dropped when nobody
// takes them.
func TestAnswersAreTaken(t *testing.T) {
	d := NewDecoder(Config{})
	rec := slices.Concat(end5(40000, 53, 17), []byte("a.b"), ip("203.0.113.1"))
	mustAppend(t, d, ipfix(set(2, vendorTmpl(256, append(slices.Clone(ends5), penGigamon, 204, 3, penGigamon, 207, 4)...))))
	msg := ipfix(set(256, slices.Repeat(rec, 1000)))
	for range 10 {
		mustAppend(t, d, msg)
	}
	if n := len(d.TakeAnswers(nil)); n != maxAnswers || d.Stats().AnswersDropped != 10000-maxAnswers {
		t.Errorf("%d answers, %d dropped", n, d.Stats().AnswersDropped)
	}
	if n := len(d.TakeAnswers(nil)); n != 0 {
		t.Errorf("%d answers are given twice", n)
	}
}

// TestManyResourcesAreBounded has a record with more DNS than is read of one.
func TestManyResourcesAreBounded(t *testing.T) {
	template := vendorTmpl(300, penIxia, 198, 3, penIxia, 199, 4)
	list := slices.Concat([]byte{3}, u16(300), slices.Repeat(append([]byte("a.b"), ip("203.0.113.1")...), 1000))
	got, _ := answersOf(t, ipfix(set(2, template, vendorTmpl(256, append(slices.Clone(ends5), 0, 292, variableLength)...)), set(256, end5(40000, 53, 17), varlen(list))))
	if len(got) != maxResources {
		t.Errorf("%d answers of one record, want %d", len(got), maxResources)
	}
}
