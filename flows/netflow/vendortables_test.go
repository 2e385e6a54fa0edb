package netflow

import (
	"cmp"
	"path/filepath"
	"slices"
	"testing"

	"flowname/flows"
	"flowname/flows/internal/corpus"
	"flowname/flows/internal/supported"
)

// vendorTables are what real exporters' options data tells.
var vendorTables = []struct {
	exporter, what, gives string
	test                  func(t *testing.T)
	packets               string // empty: real
}{
	{"Cisco ASR 9000", "v9 options data: interfaces", "`in_if_name`, `out_if_name`", optionsOf("35-netflow-9-cisco-asr-9000-series-options-template-256.pcap",
		func(o *optionData) bool { return o.ifNames[54] == "GigabitEthernet0_0_0_0" }), ""},
	{"Cisco IOS XE", "IPFIX options data: NBAR applications", "`app_name`", optionsOfMessages("ipfix_options",
		func(o *optionData) bool { return o.apps[appID{engine: 1, selector: 1}] == "icmp" }), ""},
	{"Cisco IOS XE", "v9 options data: interfaces", "`in_if_name`, `out_if_name`", optionsOfMessages("netflow_v9_options",
		func(o *optionData) bool { return o.ifNames[1] == "Te0/0/0" && o.ifNames[7] == "Gi0" }), ""},
	{"Cisco NBAR", "v9 options data: applications", "`app_name`", optionsOf("39-netflow-9-cisco-nbar-options-template-260.pcap",
		func(o *optionData) bool { return o.apps[appID{engine: 1, selector: 13}] == "argus" }), ""},
	{"FortiGate 5.2.1", "v9 options data: timeouts and exported counts", "the doctor's account", toldBy("28-netflow-9-fortigate-fortios-5-2-1.pcap", 0, 0,
		ExporterStats{ActiveTimeout: 1800, IdleTimeout: 15, ExportedOctets: 6871319015, ExportedMessages: 11920854, ExportedFlows: 107864, Records: 1}), ""},
	{"FortiGate 5.4", "v9 application ids of engine 20", "`app_name`", testFortiGateApplications, "real flows and template, built table"},
	{"Juniper MX240", "IPFIX options data: sampling, timeouts, exported counts", "`sampling_rate`, the doctor's account", toldBy("22-ipfix-options-template-from-juniper-mx240-junos-15-1-r6-s3.pcap", 524288, 1000,
		ExporterStats{ActiveTimeout: 60, IdleTimeout: 60, ExportedMessages: 76, ExportedFlows: 76, Records: 1}), ""},
	{"Juniper SRX", "v9 options data with a scope of no length", "the sampling rate", testSRXSampling, ""},
	{"nProbe", "IPFIX with elements of PEN 35632", "the flow; its names are empty there", testNProbeIPFIX, ""},
}

// optionsOf looks at the options data of a capture, in each domain of it.
func optionsOf(capture string, has func(o *optionData) bool) func(t *testing.T) {
	return func(t *testing.T) {
		_, d := logstashCapture(t, capture)
		checkOptionData(t, d, has)
	}
}

// optionsOfMessages is optionsOf for a folder of messages.
func optionsOfMessages(dir string, has func(o *optionData) bool) func(t *testing.T) {
	return func(t *testing.T) {
		d := NewDecoder(Config{})
		for _, data := range corpus.Messages(t, filepath.Join(corpus.Path(t, "netflow/telegraf"), dir)) {
			d.AppendRecords(nil, data, router, 1)
		}
		checkOptionData(t, d, has)
	}
}

func checkOptionData(t *testing.T, d *Decoder, has func(o *optionData) bool) {
	t.Helper()
	if len(d.store.domains) == 0 {
		t.Error("no domain was met")
	}
	for _, dom := range d.store.domains {
		if dom.options == nil || !has(dom.options) {
			t.Errorf("got %+v", dom.options)
		}
	}
}

// toldBy looks at what an exporter says of itself.
func toldBy(capture string, domain uint32, rate uint64, want ExporterStats) func(t *testing.T) {
	return func(t *testing.T) {
		_, d := logstashCapture(t, capture)
		told := 0
		for id, s := range d.ExporterStats() {
			if s != want || domain != 0 && id.ID != domain || rate != 0 && d.msg.base.SamplingRate != rate {
				t.Errorf("%v told %+v and a rate of %d, want %+v and %d", id, s, d.msg.base.SamplingRate, want, rate)
			}
			told++
		}
		if told != 1 {
			t.Errorf("%d domains told something", told)
		}
	}
}

// testFortiGateApplications: the capture has flows with application
// 20..12356..40568 and the template of its table, but no data of it; that is
// added in FortiOS' form.
func testFortiGateApplications(t *testing.T) {
	path := filepath.Join(corpus.Path(t, "netflow/logstash-codec-netflow/contexts_derived_pcap"), "20-netflow-9-fortigate-fortios-54x-appid.pcap")
	d := NewDecoder(Config{})
	payloads := corpus.UDP(t, path)
	var recs []flows.Record
	for i, p := range payloads {
		if i == len(payloads)-1 {
			told := slices.Clone(p.Data[:v9HeaderLen])
			text := func(s string, n int) []byte { return append([]byte(s), make([]byte, n-len(s))...) }
			told = append(told, set(257, u16(0), []byte{20}, u32(12356), u32(40568), text("HTTPS.BROWSER", 64), text("", 64), text("", 32))...)
			if _, err := d.AppendRecords(nil, told, p.From, p.Ns); err != nil {
				t.Fatal(err)
			}
		}
		recs, _ = d.AppendRecords(recs, p.Data, p.From, p.Ns)
	}
	named := 0
	for _, r := range recs {
		if r.AppName == "HTTPS.BROWSER" {
			named++
		}
	}
	if named == 0 || named == len(recs) {
		t.Errorf("%d of %d flows have the application's name", named, len(recs))
	}
}

// testSRXSampling reads options data whose template has a scope of length zero.
func testSRXSampling(t *testing.T) {
	_, d := logstashCapture(t, "33-juniper-srx-options-template-with-0-scope-field-length.pcap")
	reports := d.AppendReports(nil)
	if len(reports) != 1 || reports[0].SamplingRate != 1 || reports[0].OptionsRecords != 1 {
		t.Errorf("got %+v", reports)
	}
}

// testNProbeIPFIX reads flows whose template has L7 protocol, JA3 hashes and the
// TLS server name of PEN 35632; the name is empty there.
func testNProbeIPFIX(t *testing.T) {
	recs, stats := decodeFiles(t, filepath.Join(corpus.Path(t, "netflow/telegraf"), "ipfix_pen_35632"))
	if len(recs) != 2 || !ends(&recs[0], "192.168.2.203:51413", "189.127.188.175:44400") || recs[0].Bytes != 122 ||
		recs[0].HostName != "" || mac(recs[0].SrcMAC) != "00:50:56:b3:86:e7" || stats.HostNamesRefused != 0 {
		t.Errorf("got %+v; %+v", recs, stats)
	}
}

func vendorTableRows() []supported.Row {
	var rows []supported.Row
	for _, v := range vendorTables {
		packets := cmp.Or(v.packets, "real")
		rows = append(rows, supported.Row{Cells: []string{v.exporter, v.what, packets, v.gives}, Test: v.test})
	}
	return rows
}
