package netflow

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"flowname/flows"
)

// logstashCapture decodes one capture of the corpus.
func logstashCapture(t *testing.T, name string) ([]flows.Record, *Decoder) {
	t.Helper()
	d := NewDecoder(Config{})
	var recs []flows.Record
	for _, p := range readCapture(t, filepath.Join(corpus(t, "netflow/logstash-codec-netflow/contexts_derived_pcap"), name)) {
		recs, _ = d.AppendRecords(recs, p.data, p.from, p.ns)
	}
	return recs, d
}

// TestVendors has what real packets of vendors tell beyond a plain flow.
func TestVendors(t *testing.T) {
	addr := netip.MustParseAddr
	tests := []struct {
		name, capture string
		has           func(r *flows.Record) bool
		want          int
	}{
		{"ASA NSEL, ids of old: deleted flows", "06-netflow-9-cisco-asa.pcap",
			func(r *flows.Record) bool {
				return r.FirewallEvent == 2 && r.FirewallExtEvent == 2025 && !r.XlateSrc.IsValid()
			}, 13},
		{"ASA NSEL: both directions", "11-netflow-9-cisco-asa-2.pcap",
			func(r *flows.Record) bool { return r.BiflowDirection == 2 && r.SrcPort == 80 && r.Bytes > 0 }, 15},
		{"Palo Alto: application and user", "18-netflow-9-palo-alto-1-flowset-in-large-zero-filled-packet.pcap",
			func(r *flows.Record) bool { return r.AppName == "kerberos" && r.User == "unknown" }, 1},
		{"Palo Alto: firewall events", "45-netflow-9-palo-alto-pan-os-with-app-id.pcap",
			func(r *flows.Record) bool { return r.AppName == "ssl" && r.FirewallEvent == 5 }, 1},
		{"FortiGate: source translated", "20-netflow-9-fortigate-fortios-54x-appid.pcap",
			func(r *flows.Record) bool {
				return r.Src == addr("192.168.100.151") && r.XlateSrc == addr("10.0.0.250") && r.XlateSrcPort == r.SrcPort && !r.XlateDst.IsValid()
			}, 5},
		{"FortiGate: the way back", "20-netflow-9-fortigate-fortios-54x-appid.pcap",
			func(r *flows.Record) bool {
				return r.Dst == addr("192.168.100.151") && r.XlateDst == addr("10.0.0.250")
			}, 4},
		{"MikroTik: destination translated back", "30-ipfix-mikrotik-routeros-6-39-2.pcap",
			func(r *flows.Record) bool {
				return r.Dst == addr("192.168.230.216") && r.XlateDst == addr("10.10.8.197") && r.SrcPort == 123
			}, 1},
		{"Ixia: application", "21-ipfix-from-ixia-something-something.pcap",
			func(r *flows.Record) bool { return r.AppName == "unknown" }, 1},
		{"Barracuda: service", "25-ipfix-barracuda-extended-uniflow-template-256.pcap",
			func(r *flows.Record) bool { return r.AppName == "https" && r.FirewallEvent == 1 }, 2},
		{"Streamcore: host name", "29-netflow-9-streamcore.pcap",
			func(r *flows.Record) bool { return r.HostName == "live.lemde.fr" }, 2},
		{"NetScaler: host name", "31-ipfix-netscaler-with-variable-length-fields.pcap",
			func(r *flows.Record) bool { return r.HostName == "www.kobo.com" && r.DstPort == 443 }, 1},
		{"YAF: biflow", "48-ipfix-yaf-basic-with-applabel.pcap",
			func(r *flows.Record) bool {
				return r.BiflowDirection == 2 && r.SrcPort == 9997 && r.TCPFlags == 0x13 && r.Bytes == 92
			}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recs, d := logstashCapture(t, tt.capture)
			got := 0
			for i := range recs {
				if tt.has(&recs[i]) {
					got++
				}
			}
			if got != tt.want {
				t.Errorf("%d of %d records have it, want %d; %+v", got, len(recs), tt.want, d.Stats())
			}
		})
	}
}

// TestVendorTables joins the options data of real packets with flows.
func TestVendorTables(t *testing.T) {
	t.Run("Cisco NBAR", func(t *testing.T) {
		_, d := logstashCapture(t, "39-netflow-9-cisco-nbar-options-template-260.pcap")
		for _, dom := range d.store.domains {
			if got := dom.options.apps[appID{engine: 1, selector: 13}]; got != "argus" {
				t.Errorf("application 1..13 is %q", got)
			}
		}
	})
	t.Run("ASR 9000 interfaces", func(t *testing.T) {
		_, d := logstashCapture(t, "35-netflow-9-cisco-asr-9000-series-options-template-256.pcap")
		for _, dom := range d.store.domains {
			if got := dom.options.ifNames[54]; got != "GigabitEthernet0_0_0_0" {
				t.Errorf("interface 54 is %q", got)
			}
		}
	})
	t.Run("Juniper MX", func(t *testing.T) {
		_, d := logstashCapture(t, "22-ipfix-options-template-from-juniper-mx240-junos-15-1-r6-s3.pcap")
		for domain, s := range d.ExporterStats() {
			want := ExporterStats{ActiveTimeout: 60, IdleTimeout: 60, ExportedMessages: 76, ExportedFlows: 76, Records: 1}
			if s != want || domain.ID != 524288 || d.msg.base.SamplingRate != 1000 {
				t.Errorf("%v told %+v and a rate of %d", domain, s, d.msg.base.SamplingRate)
			}
		}
	})
	t.Run("FortiGate", func(t *testing.T) {
		_, d := logstashCapture(t, "28-netflow-9-fortigate-fortios-5-2-1.pcap")
		for _, s := range d.ExporterStats() {
			want := ExporterStats{ActiveTimeout: 1800, IdleTimeout: 15, ExportedOctets: 6871319015, ExportedMessages: 11920854, ExportedFlows: 107864, Records: 1}
			if s != want {
				t.Errorf("got %+v, want %+v", s, want)
			}
		}
	})
	// The capture has flows with application 20..12356..40568 and the template
	// of its table, but no data of it: that is added in FortiOS' form.
	t.Run("FortiGate applications", func(t *testing.T) {
		path := filepath.Join(corpus(t, "netflow/logstash-codec-netflow/contexts_derived_pcap"), "20-netflow-9-fortigate-fortios-54x-appid.pcap")
		d := NewDecoder(Config{})
		payloads := readCapture(t, path)
		var recs []flows.Record
		for i, p := range payloads {
			if i == len(payloads)-1 {
				told := slices.Clone(p.data[:v9HeaderLen])
				text := func(s string, n int) []byte { return append([]byte(s), make([]byte, n-len(s))...) }
				told = append(told, set(257, u16(0), []byte{20}, u32(12356), u32(40568), text("HTTPS.BROWSER", 64), text("", 64), text("", 32))...)
				if _, err := d.AppendRecords(nil, told, p.from, p.ns); err != nil {
					t.Fatal(err)
				}
			}
			recs, _ = d.AppendRecords(recs, p.data, p.from, p.ns)
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
	})
	t.Run("IPFIX NBAR and v9 interfaces", func(t *testing.T) {
		for dir, has := range map[string]func(o *optionData) bool{
			"ipfix_options":      func(o *optionData) bool { return o.apps[appID{engine: 1, selector: 1}] == "icmp" },
			"netflow_v9_options": func(o *optionData) bool { return o.ifNames[1] == "Te0/0/0" && o.ifNames[7] == "Gi0" },
		} {
			files, err := filepath.Glob(filepath.Join(corpus(t, "netflow/telegraf"), dir, "*.bin"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no messages of %s: %v", dir, err)
			}
			d := NewDecoder(Config{})
			for _, f := range files {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				d.AppendRecords(nil, data, router, 1)
			}
			for _, dom := range d.store.domains {
				if dom.options == nil || !has(dom.options) {
					t.Errorf("%s: got %+v", dir, dom.options)
				}
			}
		}
	})
}
