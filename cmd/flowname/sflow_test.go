package main

import (
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/exports/exportstest"
)

// A capture of sFlow is replayed beside one of NetFlow, and its samples of DNS
// name its flows when they are to be believed.
func TestReplaySFlow(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sflow.pcap")
	request := exportstest.Frame(t, exportstest.SampledClient, exportstest.SampledServer, true, []byte("hello"))
	exportstest.WriteCapture(t, path, exportstest.SFlowDatagram(128, exportstest.DNSAnswer(t, exportstest.SampledClient)), exportstest.SFlowDatagram(128, request), []byte("neither"))
	for _, c := range []struct {
		args   []string
		flow   []string // what the request's line has
		errors []string
	}{
		{nil, []string{`"type":"SFLOW_5"`, `"sampling_rate":512`, `"sampler_address":"198.51.100.1"`, `"dst_addr":"198.51.100.10"`, `"unnamed":`},
			[]string{"43 flows", "records=2", "1 DNS responses in sFlow samples were not used", "1 of 3 UDP datagrams are no NetFlow, IPFIX or sFlow"}},
		{[]string{"--accept-unmatched"}, []string{`"dst_name":"shop.example","dst_name_basis":"client","dst_name_source":"sflow_sampled","dst_name_age_ms":1000`}, []string{"filed=1"}},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"replay", "--flows", path, "--flows", filepath.Join("demo", "flows.pcap")}, c.args...)
		if code := execute(args, command.Streams{Out: &out, Err: &errs}); code != exitOK {
			t.Fatalf("%q: exit %d: %s", args, code, errs.String())
		}
		line := ""
		for l := range strings.Lines(out.String()) {
			if strings.Contains(l, `"src_port":40001,"dst_port":443`) {
				line += l
			}
		}
		for _, want := range c.flow {
			if strings.Count(line, "\n") != 1 || !strings.Contains(line, want) {
				t.Errorf("%q: %q, want one flow with %s", args, line, want)
			}
		}
		for _, want := range c.errors {
			if !strings.Contains(errs.String(), want) {
				t.Errorf("%q: stderr lacks %q: %s", args, want, errs.String())
			}
		}
	}
}

func TestRunTakesSFlow(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--sflow", "127.0.0.1:0", "--accept-unmatched")
	conn, err := net.Dial("udp", c.sflow)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := exportstest.Frame(t, exportstest.SampledClient, exportstest.SampledServer, true, []byte("hello"))
	for _, d := range [][]byte{exportstest.SFlowDatagram(128, exportstest.DNSAnswer(t, exportstest.SampledClient)), exportstest.SFlowDatagram(128, request), []byte("garbage, not sFlow")} {
		if _, err := conn.Write(d); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both flows are written", func() bool { return len(lines(t, c.out)) == 2 })
	if all := strings.Join(lines(t, c.out), ""); !strings.Contains(all, `"dst_name":"shop.example","dst_name_basis":"client"`) {
		t.Errorf("no flow is named: %s", all)
	}
	eventually(t, "the garbage is counted", func() bool { return c.hasMetric("flowname_sflow_unknown_versions_total 1") })
	c.wantMetrics("flowname_sflow_records_total 2", "flowname_sflow_dns_filed_total 1", `flowname_sflow_listen_datagrams_total{socket="0"} 3`,
		"flowname_dns_messages_total 1")
	if got := askHistory(t, "shop.example", "--server", "http://"+c.http); !strings.Contains(got, `"source":"sflow_sampled"`) {
		t.Errorf("history: got %s, want it marked as sampled", got)
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
}
