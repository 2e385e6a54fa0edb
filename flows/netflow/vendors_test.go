package netflow

import (
	"net/netip"
	"path/filepath"
	"testing"

	"flowname/flows"
	"flowname/flows/internal/corpus"
	"flowname/flows/internal/supported"
)

// A device is what a real exporter's packets show: how many flow records of a
// capture of the corpus have something.
type device struct {
	exporter, what, gives string
	capture               string
	want                  int
	has                   func(r *flows.Record) bool
}

func (v device) row() supported.Row {
	return supported.Row{
		Cells: []string{v.exporter, v.what, "real", v.gives},
		Test: func(t *testing.T) {
			recs, d := logstashCapture(t, v.capture)
			got := 0
			for i := range recs {
				if v.has(&recs[i]) {
					got++
				}
			}
			if got != v.want {
				t.Errorf("%d of %d records have it, want %d; %+v", got, len(recs), v.want, d.Stats())
			}
		},
	}
}

// logstashCapture decodes one capture of the corpus.
func logstashCapture(t *testing.T, name string) ([]flows.Record, *Decoder) {
	t.Helper()
	d := NewDecoder(Config{})
	var recs []flows.Record
	for _, p := range corpus.UDP(t, filepath.Join(corpus.Path(t, "netflow/logstash-codec-netflow/contexts_derived_pcap"), name)) {
		recs, _ = d.AppendRecords(recs, p.Data, p.From, p.Ns)
	}
	return recs, d
}

// ends reports whether a flow is between these two.
func ends(r *flows.Record, src, dst string) bool {
	return netip.AddrPortFrom(r.Src, r.SrcPort).String() == src && netip.AddrPortFrom(r.Dst, r.DstPort).String() == dst
}

// devices are real exporters' flows, with values that a misreading would not give.
var devices = []device{
	{"Barracuda", "IPFIX with enterprise elements", "service as `app_name`, firewall events, uptimes", "25-ipfix-barracuda-extended-uniflow-template-256.pcap", 2,
		func(r *flows.Record) bool {
			return r.AppName == "https" && r.FirewallEvent == 1 && r.StartErrorNs == 2e9
		}},
	{"Barracuda", "IPFIX, firewall audit", "deleted connections, both ways", "47-ipfix-barracuda-firewall.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "10.99.130.239:65105", "10.99.252.50:53") && r.FirewallEvent == 2 && r.Bytes == 65 && r.InIf == 48660
		}},
	{"Cisco 1941", "v9, IOS 15.1", "source MAC, ingress interface", "43-netflow-9-cisco-1941-k9-release-15-1.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "192.168.0.111:37301", "62.217.193.1:53") && mac(r.SrcMAC) == "ec:1f:72:11:9f:c1" && r.InIf == 17 && r.Bytes == 75
		}},
	{"Cisco ACI", "v9 of leaf switches", "interfaces over 2^24, uptimes", "05-netflow-9-cisco-aci.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "10.154.231.145:179", "10.154.231.146:49411") && r.InIf == 369139712 && (r.EndNs-r.StartNs)/1e6 == 19047
		}},
	{"Cisco ASA", "v9 NSEL, ids before 8.4", "`firewall_event`, `firewall_ext_event`", "06-netflow-9-cisco-asa.pcap", 13,
		func(r *flows.Record) bool {
			return r.FirewallEvent == 2 && r.FirewallExtEvent == 2025 && !r.XlateSrc.IsValid()
		}},
	{"Cisco ASA", "v9 NSEL, bytes of initiator and responder", "two flows, `biflow_direction`", "11-netflow-9-cisco-asa-2.pcap", 15,
		func(r *flows.Record) bool { return r.BiflowDirection == 2 && r.SrcPort == 80 && r.Bytes > 0 }},
	{"Cisco ASR 1001-X", "v9 with absolute times", "next hop, direction, start known to 100 ms", "44-netflow-9-cisco-asr1001-x.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "10.111.111.242:52444", "10.12.100.13:53218") && r.Direction == 1 && r.NextHop == netip.MustParseAddr("10.10.5.100") && r.StartErrorNs == 1e8 && r.Bytes == 965
		}},
	{"Cisco ASR 9000", "v9", "forwarding status, AS, prefixes, BGP next hop", "38-netflow-9-cisco-asr-9000-series-template-260.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "10.0.17.42:36484", "10.0.35.4:443") && r.ForwardingStatus == 64 && r.DstAS == 64496 && r.SrcMask == 21 && r.BGPNextHop == netip.MustParseAddr("10.0.14.33")
		}},
	{"Cisco NBAR", "v9 flows with application ids", "MACs, ICMP type of the port", "40-netflow-9-cisco-nbar-flowset-262.pcap", 1,
		func(r *flows.Record) bool {
			return r.Src == netip.MustParseAddr("10.30.18.62") && r.ICMPType == 8 && mac(r.DstMAC) == "1c:df:0f:7e:c3:58"
		}},
	{"Cisco WLC", "v9 of wireless clients", "counts; its stations are neither source nor destination", "41-netflow-9-cisco-wlc.pcap", 1,
		func(r *flows.Record) bool {
			return !r.Src.IsValid() && r.Bytes == 3320 && r.Packets == 83 && r.Direction == 1
		}},
	{"Citrix NetScaler", "IPFIX with variable lengths", "`X_name` of the HTTP host", "31-ipfix-netscaler-with-variable-length-fields.pcap", 1,
		func(r *flows.Record) bool { return r.HostName == "www.kobo.com" && r.DstPort == 443 }},
	{"FortiGate 5.2.1", "v9", "sampling rate 1 of its options data", "28-netflow-9-fortigate-fortios-5-2-1.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "192.168.99.7:61910", "31.13.87.36:443") && r.SamplingRate == 1 && r.Bytes == 152 && r.OutIf == 3
		}},
	{"FortiGate 5.4", "v9 with translated source", "`src_addr_xlate`, `src_port_xlate`", "20-netflow-9-fortigate-fortios-54x-appid.pcap", 5,
		func(r *flows.Record) bool {
			return r.Src == netip.MustParseAddr("192.168.100.151") && r.XlateSrc == netip.MustParseAddr("10.0.0.250") && r.XlateSrcPort == r.SrcPort && !r.XlateDst.IsValid()
		}},
	{"FortiGate 5.4", "v9, the way back", "`dst_addr_xlate`", "20-netflow-9-fortigate-fortios-54x-appid.pcap", 4,
		func(r *flows.Record) bool {
			return r.Dst == netip.MustParseAddr("192.168.100.151") && r.XlateDst == netip.MustParseAddr("10.0.0.250")
		}},
	{"H3C", "v9 NetStream", "next hop, prefixes, boot time of several headers", "16-netflow-9-h3c.pcap", 1,
		func(r *flows.Record) bool {
			return r.Bytes == 1027087 && r.Packets == 697 && r.OutIf == 1590 && r.NextHop == netip.MustParseAddr("10.21.25.142") && r.StartErrorNs < secondNs
		}},
	{"H3C", "v9 NetStream with a variable string", "the fields beside it", "19-netflow-9-h3c-netstream-with-varstring.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "20.20.20.20:137", "20.20.255.255:137") && r.Bytes == 702 && r.SrcMask == 32
		}},
	{"Huawei", "v9 NetStream", "next hop, prefixes, interfaces, direction", "36-netflow-9-huawei-netstream.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "10.108.219.53:45587", "10.111.112.204:2598") && r.NextHop == netip.MustParseAddr("10.108.252.41") && r.DstMask == 25 && r.OutIf == 31 && (r.EndNs-r.StartNs)/1e6 == 327060
		}},
	{"ipt_NETFLOW", "v9, numbers in fewer bytes", "MACs, next hop", "15-netflow-9-ipt-netflow-reduced-size-encoding.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "37.122.1.226:27622", "193.151.198.166:36025") && r.Bytes == 156 && r.Packets == 3 && mac(r.SrcMAC) == "90:e2:ba:23:09:fc"
		}},
	{"Ixia", "IPFIX with enterprise elements", "`app_name`, AS numbers", "21-ipfix-from-ixia-something-something.pcap", 1,
		func(r *flows.Record) bool {
			return r.AppName == "unknown" && r.SrcAS == 4134 && r.DstAS == 24090 && r.Bytes == 360
		}},
	{"Juniper MX80", "v5, sampled", "`sampling_rate` of the header, AS, prefixes", "14-netflow5-juniper-mx80.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "10.0.0.1:443", "192.168.0.2:61608") && r.SamplingRate == 1000 && r.SrcAS == 64497 && r.SrcMask == 14 && r.OutIf == 536
		}},
	{"MikroTik", "v5", "next hop, interfaces", "13-netflow5-mikrotik.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "192.168.0.130:52321", "10.0.9.1:50001") && r.NextHop == netip.MustParseAddr("10.0.7.1") && r.InIf == 59 && r.Bytes == 124
		}},
	{"MikroTik 6.39", "IPFIX, translated, with uptimes only", "`dst_addr_xlate`, start known to 2 s", "30-ipfix-mikrotik-routeros-6-39-2.pcap", 1,
		func(r *flows.Record) bool {
			return r.Dst == netip.MustParseAddr("192.168.230.216") && r.XlateDst == netip.MustParseAddr("10.10.8.197") && r.SrcPort == 123 && r.StartErrorNs == 2e9
		}},
	{"Nokia BRAS", "IPFIX of NAT", "addresses and ports, the subscriber as `user`", "23-ipfix-nokia-bras.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "10.0.1.228:5878", "10.0.0.34:80") && r.Proto == 6 && r.StartErrorNs == 1e8
		}},
	{"nProbe DPI", "v9 with L7 protocol", "the flow; its names are empty there", "27-netflow-9-nprobe-dpi-l7.pcap", 1,
		func(r *flows.Record) bool {
			return r.Bytes == 82 && r.Packets == 1 && r.Src.IsValid() && (r.EndNs-r.StartNs)/1e6 == 3000
		}},
	{"OpenBSD pflow", "IPFIX", "counts, interfaces", "12-ipfix-openbsd-pflow.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "192.168.0.1:80", "192.168.0.17:64020") && r.Bytes == 6634 && r.Packets == 8 && r.InIf == 1
		}},
	{"Palo Alto 8.1", "v9 in a datagram filled up with zeros", "`app_name`, `user`", "18-netflow-9-palo-alto-1-flowset-in-large-zero-filled-packet.pcap", 1,
		func(r *flows.Record) bool {
			return r.AppName == "kerberos" && r.User == "unknown" && r.Bytes == 363 && r.InIf == 500010024
		}},
	{"Palo Alto PAN-OS", "v9 with App-ID", "`app_name`, `firewall_event`", "45-netflow-9-palo-alto-pan-os-with-app-id.pcap", 1,
		func(r *flows.Record) bool {
			return r.AppName == "ssl" && r.FirewallEvent == 5 && ends(r, "10.32.105.103:39702", "162.115.24.30:443")
		}},
	{"Procera", "IPFIX with counts by inside and outside", "bytes to the right direction, service as `app_name`", "24-ipfix-procera.pcap", 2,
		func(r *flows.Record) bool {
			there, back := ends(r, "138.44.161.14:33689", "138.44.161.13:179"), ends(r, "138.44.161.13:179", "138.44.161.14:33689")
			return r.AppName == "BGP-4" && (there && r.Bytes == 3310 && r.BiflowDirection == 1 || back && r.Bytes == 7076 && r.BiflowDirection == 2)
		}},
	{"Streamcore", "v9 with enterprise elements", "`X_name`", "29-netflow-9-streamcore.pcap", 2,
		func(r *flows.Record) bool { return r.HostName == "live.lemde.fr" }},
	{"Ubiquiti EdgeRouter", "v9 with MPLS elements", "MACs; empty labels are none", "26-netflow-9-ubiquiti-edgerouter-with-mpls-labels.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "10.1.0.135:53", "10.4.0.251:17232") && r.Bytes == 174 && mac(r.DstMAC) == "44:d9:e7:be:ef:89" && r.MPLSDepth == 0
		}},
	{"Viptela", "IPFIX with VPN id", "next hop, end reason", "46-ipfix-viptela-with-vpn-id.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "10.113.7.54:41717", "172.16.21.27:443") && r.EndReason == 3 && r.NextHop == netip.MustParseAddr("10.0.0.1") && r.Bytes == 775
		}},
	{"VMware vDS", "IPFIX of virtual ports", "TTL, direction, end reason", "32-ipfix-vmware-virtual-distributed-switch.pcap", 1,
		func(r *flows.Record) bool {
			return ends(r, "172.18.65.21:61209", "172.18.65.211:5985") && r.TTL == 128 && r.Direction == 1 && r.EndReason == 1 && r.OutIf == 11
		}},
	{"YAF", "IPFIX biflows with enterprise elements", "two flows, flags of each direction", "48-ipfix-yaf-basic-with-applabel.pcap", 1,
		func(r *flows.Record) bool {
			return r.BiflowDirection == 2 && r.SrcPort == 9997 && r.TCPFlags == 0x13 && r.Bytes == 92
		}},
}
