package dnscache

import "net/netip"

// Source is where evidence came from. It is stored with each version, so the
// numbers are for ever: new ones are added at the end.
type Source uint8

// The sources of evidence.
const (
	SourceUnknown Source = iota
	// SourcePackets is a response seen on the wire, matched to its query.
	SourcePackets
	// SourceUnmatched is a response seen on the wire without its query, taken
	// because the configuration says that only one direction is tapped.
	SourceUnmatched
	// SourceDnstap is a response that a resolver reported by dnstap.
	SourceDnstap
	// SourceSFlow is a response in a packet that sFlow sampled, taken because
	// the configuration accepts responses without their queries.
	SourceSFlow
	// SourceFlowRecord is DNS that an exporter told in a flow record.
	SourceFlowRecord

	// DNS servers' own logging.
	SourcePowerDNS        // protobuf of PowerDNS Recursor and dnsdist
	SourceWindowsAnalytic // Microsoft-Windows-DNSServer, event 257
	SourceWindowsDebug    // the debug log of Windows DNS
	SourceAdGuardHome
	SourceDnsmasq // dnsmasq and Pi-hole's pihole.log
	SourceInfoblox
	SourceBIND    // querylog
	SourceUnbound // log-replies, log-queries
	SourceCoreDNS

	// Passive DNS software and devices on the wire.
	SourceZeekDNS
	SourceZeekSSL
	SourceZeekQUIC
	SourceSuricataDNS
	SourceSuricataTLS
	SourceSuricataQUIC
	SourcePassiveDNS
	SourcePaloAltoURL
	SourcePaloAltoDNS
	SourceFortiGate
	SourceCOF

	// DNS as a service.
	SourceUmbrella
	SourceCloudflare
	SourceRoute53

	// Endpoints.
	SourceCarbonBlackEDR
	SourceCarbonBlackCloud
	SourceSysmon

	numSources
)

// sourceNames are the texts of the field "source", in flows and the history.
var sourceNames = [numSources]string{
	"unknown", "packets", "packets_unmatched", "dnstap", "sflow_sampled", "flow_record",
	"powerdns", "windows_dns_analytic", "windows_dns_debug", "adguard_home", "dnsmasq", "infoblox",
	"bind_querylog", "unbound_log", "coredns_log",
	"zeek_dns", "zeek_ssl", "zeek_quic", "suricata_dns", "suricata_tls", "suricata_quic",
	"passivedns", "paloalto_url", "paloalto_dns", "fortigate_dns", "cof",
	"umbrella", "cloudflare_gateway", "route53_resolver",
	"carbonblack_edr", "carbonblack_cloud", "sysmon",
}

// String is the name that flows and the history carry in their field "source".
func (s Source) String() string {
	if s >= numSources {
		return sourceNames[SourceUnknown]
	}
	return sourceNames[s]
}

// class tells DNS from handshakes and from agents and devices that know a
// connection's name: a run of one name has evidence of one class only, so that
// its source is true of all of it.
func (s Source) class() uint8 {
	switch {
	case s.IsTLS():
		return 1
	case s == SourceCarbonBlackEDR, s == SourceCarbonBlackCloud, s == SourceSysmon, s == SourcePaloAltoURL:
		return 2
	}
	return 0
}

// IsDNS says whether the source tells of DNS answers and questions, and not of
// connections.
func (s Source) IsDNS() bool { return s.class() == 0 }

// IsTLS says whether the source read a name from a TLS or QUIC handshake on the
// wire.
func (s Source) IsTLS() bool {
	switch s {
	case SourceZeekSSL, SourceZeekQUIC, SourceSuricataTLS, SourceSuricataQUIC:
		return true
	}
	return false
}

// isWire says whether the source is packets themselves: whose address they show
// has it, nobody has masked it.
func (s Source) isWire() bool {
	return s == SourcePackets || s == SourceUnmatched || s == SourceSFlow
}

// IsHost says whether an address is one host's. Servers and relays mask clients
// by zeroing low bits: whatever ends in a zero octet (IPv4), or has a zero
// interface identifier (IPv6, where RFC 4291 section 2.6.1 gives that to all
// routers of the link), is taken for a prefix. A host that has such an IPv4
// address, legal in a prefix shorter than /24, is then not known by itself.
func IsHost(a netip.Addr) bool {
	switch {
	case !a.IsValid():
		return false
	case a.Is4():
		return a.As4()[3] != 0
	}
	b := a.As16()
	return [8]byte(b[8:]) != [8]byte{}
}
