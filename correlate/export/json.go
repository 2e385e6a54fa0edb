package export

import (
	"net/netip"
	"strconv"

	"flowname/correlate"
	"flowname/dnscache"
	"flowname/flows"
	"flowname/geo"
)

// AppendJSON appends a flow as one line of JSON, the final newline included.
func AppendJSON(dst []byte, f *correlate.Flow) []byte {
	return appendRest(appendHead(dst, f.Record), f, nil)
}

// appendRest appends a line but for its head.
func appendRest(dst []byte, f *correlate.Flow, places *placeTexts) []byte {
	dst = appendBase(dst, f.Record)
	dst = appendOptional(dst, f.Record)
	dst = appendNames(dst, &srcKeys, &f.Src, f.StartNs)
	dst = places.append(dst, &srcKeys, f.Src.Geo)
	dst = appendNames(dst, &dstKeys, &f.Dst, f.StartNs)
	dst = places.append(dst, &dstKeys, f.Dst.Geo)
	dst = AppendUnnamed(dst, f.Unnamed)
	if len(f.Findings) > 0 {
		dst = appendFindings(dst, f.Findings)
	}
	return append(dst, '}', '\n')
}

// appendHead appends the fields that the flows of a datagram share.
func appendHead(dst []byte, r *flows.Record) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, r.Type.String()...)
	dst = append(dst, '"')
	dst = appendInt(dst, `,"time_received_ns":`, r.ReceivedNs)
	dst = appendUint(dst, `,"sequence_num":`, uint64(r.SequenceNum))
	dst = appendUint(dst, `,"sampling_rate":`, r.SamplingRate)
	return appendAddr(dst, `,"sampler_address":`, r.Exporter)
}

// appendBase appends the other fields that every flow has.
func appendBase(dst []byte, r *flows.Record) []byte {
	dst = appendInt(dst, `,"time_flow_start_ns":`, r.StartNs-r.ShiftNs)
	dst = appendInt(dst, `,"time_flow_end_ns":`, r.EndNs-r.ShiftNs)
	dst = appendUint(dst, `,"bytes":`, r.Bytes)
	dst = appendUint(dst, `,"packets":`, r.Packets)
	dst = appendAddr(dst, `,"src_addr":`, r.Src)
	dst = appendAddr(dst, `,"dst_addr":`, r.Dst)
	dst = append(dst, `,"etype":"`...)
	dst = append(dst, etherTypeName(r.EtherType)...)
	dst = append(dst, `","proto":"`...)
	dst = appendProto(dst, r.Proto)
	dst = append(dst, '"')
	dst = appendUint(dst, `,"src_port":`, uint64(r.SrcPort))
	dst = appendUint(dst, `,"dst_port":`, uint64(r.DstPort))
	dst = appendUint(dst, `,"in_if":`, uint64(r.InIf))
	dst = appendUint(dst, `,"out_if":`, uint64(r.OutIf))
	dst = appendUint(dst, `,"tcp_flags":`, uint64(r.TCPFlags))
	return appendUint(dst, `,"ip_tos":`, uint64(r.TOS))
}

// appendOptional appends what else the exporter gave: fields that are not zero.
func appendOptional(dst []byte, r *flows.Record) []byte {
	dst = appendMAC(dst, `,"src_mac":"`, r.SrcMAC)
	dst = appendMAC(dst, `,"dst_mac":"`, r.DstMAC)
	dst = appendNonZero(dst, `,"src_vlan":`, uint64(r.SrcVLAN))
	dst = appendNonZero(dst, `,"dst_vlan":`, uint64(r.DstVLAN))
	dst = appendNonZero(dst, `,"vlan_id":`, uint64(r.VLAN))
	dst = appendNonZero(dst, `,"forwarding_status":`, uint64(r.ForwardingStatus))
	dst = appendNonZero(dst, `,"ip_ttl":`, uint64(r.TTL))
	dst = appendNonZero(dst, `,"icmp_type":`, uint64(r.ICMPType))
	dst = appendNonZero(dst, `,"icmp_code":`, uint64(r.ICMPCode))
	dst = appendNonZero(dst, `,"ipv6_flow_label":`, uint64(r.IPv6FlowLabel))
	dst = appendNonZero(dst, `,"fragment_id":`, uint64(r.FragmentID))
	dst = appendNonZero(dst, `,"fragment_offset":`, uint64(r.FragmentOff))
	dst = appendNonZero(dst, `,"flow_end_reason":`, uint64(r.EndReason))
	dst = appendNonZero(dst, `,"flow_direction":`, uint64(r.Direction))
	dst = appendNonZero(dst, `,"src_as":`, uint64(r.SrcAS))
	dst = appendNonZero(dst, `,"dst_as":`, uint64(r.DstAS))
	dst = appendKnownAddr(dst, `,"next_hop":`, r.NextHop)
	dst = appendPrefix(dst, `,"src_net":"`, r.Src, r.SrcMask)
	dst = appendPrefix(dst, `,"dst_net":"`, r.Dst, r.DstMask)
	dst = appendKnownAddr(dst, `,"bgp_next_hop":`, r.BGPNextHop)
	dst = appendMPLS(dst, r)
	dst = appendNonZero(dst, `,"observation_domain_id":`, uint64(r.ObservationDomain))
	dst = appendNonZero(dst, `,"observation_point_id":`, r.ObservationPoint)
	if r.ShiftNs != 0 {
		dst = appendInt(dst, `,"clock_offset_ms":`, r.ShiftNs/1e6)
	}
	return appendTold(dst, r)
}

// endKeys are the field names of one end, with what goes before their values.
type endKeys struct {
	name, age, canonical, names string
	domain, domainAge           string
	process, pid, host          string

	asn, org, country, city, lat, lon string

	evidence evidenceTexts
}

var (
	srcKeys = keysOf("src")
	dstKeys = keysOf("dst")
)

func keysOf(end string) endKeys {
	key := func(field string) string { return `,"` + end + `_` + field + `":` }
	return endKeys{
		name: key("name"), age: key("name_age_ms"), canonical: key("name_canonical"), names: key("names"),
		domain: key("domain"), domainAge: key("domain_age_s"),
		process: key("process"), pid: key("pid"), host: key("host"),
		asn: key("asn"), org: key("as_org"),
		country: key("country"), city: key("city"), lat: key("lat"), lon: key("lon"),
		evidence: evidenceTextsOf(key("name_basis"), key("name_source")),
	}
}

// evidenceTexts are what goes between a name and its source, by the basis: the key
// and value of that, and the key of the source.
type evidenceTexts []string

var candidateEvidence = evidenceTextsOf(`,"basis":`, `,"source":`)

func evidenceTextsOf(basisKey, sourceKey string) evidenceTexts {
	all := evidenceTexts{basisKey + `""` + sourceKey + `"`}
	for _, b := range correlate.Bases() {
		all = append(all, basisKey+`"`+b.String()+`"`+sourceKey+`"`)
	}
	return all
}

func (all evidenceTexts) append(dst []byte, c *correlate.Candidate) []byte {
	dst = append(dst, all[c.Basis]...)
	return append(append(dst, c.Source.String()...), '"')
}

// appendNames appends what the join gives to an end.
func appendNames(dst []byte, k *endKeys, e *correlate.End, startNs int64) []byte {
	if e.Named {
		c := &e.Candidates[0]
		dst = appendText(dst, k.name, c.Name)
		dst = k.evidence.append(dst, c)
		if c.HasAge() {
			dst = appendInt(dst, k.age, ageMs(startNs, c.AnsweredNs))
		}
		if c.Canonical != "" {
			dst = appendText(dst, k.canonical, c.Canonical)
		}
	}
	if len(e.Candidates) > 1 {
		dst = appendCandidates(dst, k.names, e.Candidates, startNs)
	}
	if e.Domain != "" {
		dst = appendText(dst, k.domain, e.Domain)
		if e.YoungNs >= 0 {
			dst = appendInt(dst, k.domainAge, e.YoungNs/1e9)
		}
	}
	if e.Program != (dnscache.Program{}) {
		dst = appendProgram(dst, k, &e.Program)
	}
	return dst
}

func appendProgram(dst []byte, k *endKeys, p *dnscache.Program) []byte {
	dst = appendKnownText(dst, k.process, p.Path)
	dst = appendNonZero(dst, k.pid, uint64(p.PID))
	return appendKnownText(dst, k.host, p.Host)
}

// appendGeo appends what geography gives to an end.
func appendGeo(dst []byte, k *endKeys, g *geo.Place) []byte {
	if g == nil {
		return dst
	}
	if g.ASN != 0 {
		dst = appendUint(dst, k.asn, uint64(g.ASN))
	}
	dst = appendKnownText(dst, k.org, g.Org)
	dst = appendKnownText(dst, k.country, g.Country)
	dst = appendKnownText(dst, k.city, g.City)
	if g.HasLocation {
		dst = strconv.AppendFloat(append(dst, k.lat...), g.Lat, 'f', -1, 64)
		dst = strconv.AppendFloat(append(dst, k.lon...), g.Lon, 'f', -1, 64)
	}
	return dst
}

func appendCandidates(dst []byte, key string, cs []correlate.Candidate, startNs int64) []byte {
	dst = append(dst, key...)
	open := byte('[')
	for i := range cs {
		dst = append(dst, open)
		dst = appendText(dst, `{"name":`, cs[i].Name)
		dst = candidateEvidence.append(dst, &cs[i])
		if cs[i].HasAge() {
			dst = appendInt(dst, `,"age_ms":`, ageMs(startNs, cs[i].AnsweredNs))
		}
		dst = append(dst, '}')
		open = ','
	}
	return append(dst, ']')
}

func appendFindings(dst []byte, codes []string) []byte {
	dst = append(dst, `,"findings":[`...)
	for i, code := range codes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, "", code)
	}
	return append(dst, ']')
}

// ageMs is how old an answer was when the flow began, in whole milliseconds
// towards zero; negative for an answer after it.
func ageMs(startNs, answeredNs int64) int64 { return (startNs - answeredNs) / 1e6 }

func appendInt(dst []byte, key string, v int64) []byte {
	dst = append(dst, key...)
	if v < 0 {
		return appendDecimal(append(dst, '-'), -uint64(v))
	}
	return appendDecimal(dst, uint64(v))
}

func appendUint(dst []byte, key string, v uint64) []byte {
	return appendDecimal(append(dst, key...), v)
}

func appendNonZero(dst []byte, key string, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return appendUint(dst, key, v)
}

// appendAddr appends an address as text; the zero Addr as empty text.
func appendAddr(dst []byte, key string, a netip.Addr) []byte {
	dst = append(append(dst, key...), '"')
	switch {
	case a.Is4():
		dst = appendIPv4(dst, a)
	case a.IsValid():
		dst = a.AppendTo(dst)
	}
	return append(dst, '"')
}

// appendKnownAddr appends an address that exporters send as 0.0.0.0 or :: where
// there is none.
func appendKnownAddr(dst []byte, key string, a netip.Addr) []byte {
	if !a.IsValid() || a.IsUnspecified() {
		return dst
	}
	return appendAddr(dst, key, a)
}

func appendPrefix(dst []byte, key string, a netip.Addr, bits uint8) []byte {
	if bits == 0 {
		return dst
	}
	p, err := a.Prefix(int(bits))
	if err != nil {
		return dst
	}
	dst = append(dst, key...)
	if p.Addr().Is4() {
		return append(appendDecimal(append(appendIPv4(dst, p.Addr()), '/'), uint64(bits)), '"')
	}
	return append(p.AppendTo(dst), '"')
}

func appendMAC(dst []byte, key string, m flows.MAC) []byte {
	if m == (flows.MAC{}) {
		return dst
	}
	dst = append(dst, key...)
	for i, b := range m {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
	}
	return append(dst, '"')
}

func appendMPLS(dst []byte, r *flows.Record) []byte {
	if r.MPLSDepth == 0 {
		return dst
	}
	dst = append(dst, `,"mpls_label":[`...)
	for i, label := range r.MPLS[:r.MPLSDepth] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(label), 10)
	}
	return append(dst, ']')
}

func etherTypeName(t uint16) string {
	switch t {
	case flows.EtherTypeIPv4:
		return "IPv4"
	case flows.EtherTypeIPv6:
		return "IPv6"
	case etherTypeARP:
		return "ARP"
	}
	return ""
}

const etherTypeARP = 0x0806
