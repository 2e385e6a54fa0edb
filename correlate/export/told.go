package export

import (
	"strconv"

	"flowname/flows"
)

// appendTold appends what exporters tell in words, and of translations and
// firewalls.
func appendTold(dst []byte, r *flows.Record) []byte {
	if r.Texts != (flows.Texts{}) {
		dst = appendKnownText(dst, `,"app_name":`, r.AppName)
		dst = appendKnownText(dst, `,"user":`, r.User)
		dst = appendKnownText(dst, `,"in_if_name":`, r.InIfName)
		dst = appendKnownText(dst, `,"out_if_name":`, r.OutIfName)
		dst = appendKnownText(dst, `,"in_vrf_name":`, r.InVRFName)
		dst = appendKnownText(dst, `,"out_vrf_name":`, r.OutVRFName)
	}
	if r.Translation == (flows.Translation{}) {
		return dst
	}
	dst = appendKnownAddr(dst, `,"src_addr_xlate":`, r.XlateSrc)
	dst = appendKnownAddr(dst, `,"dst_addr_xlate":`, r.XlateDst)
	dst = appendNonZero(dst, `,"src_port_xlate":`, uint64(r.XlateSrcPort))
	dst = appendNonZero(dst, `,"dst_port_xlate":`, uint64(r.XlateDstPort))
	dst = appendEvent(dst, `,"firewall_event":"`, firewallEvents[:], r.FirewallEvent)
	dst = appendNonZero(dst, `,"firewall_ext_event":`, uint64(r.FirewallExtEvent))
	dst = appendEvent(dst, `,"nat_event":"`, natEvents[:], r.NATEvent)
	return appendNonZero(dst, `,"biflow_direction":`, uint64(r.BiflowDirection))
}

// firewallEvents and natEvents are IANA's names of the values of information
// elements 233 and 230, as words of a field.
var (
	firewallEvents = [...]string{"", "created", "deleted", "denied", "alert", "update"}
	natEvents      = [...]string{
		"", "translation_create", "translation_delete", "addresses_exhausted",
		"nat44_session_create", "nat44_session_delete", "nat64_session_create", "nat64_session_delete",
		"nat44_bib_create", "nat44_bib_delete", "nat64_bib_create", "nat64_bib_delete",
		"ports_exhausted", "quota_exceeded", "address_binding_create", "address_binding_delete",
		"port_block_allocation", "port_block_deallocation", "threshold_reached",
	}
)

// appendEvent appends the name of an event or, where it has none, its number as
// text, as with protocols.
func appendEvent(dst []byte, key string, names []string, event uint8) []byte {
	if event == 0 {
		return dst
	}
	dst = append(dst, key...)
	if int(event) < len(names) {
		dst = append(dst, names[event]...)
	} else {
		dst = strconv.AppendUint(dst, uint64(event), 10)
	}
	return append(dst, '"')
}

func appendKnownText(dst []byte, key, text string) []byte {
	if text == "" {
		return dst
	}
	return appendText(dst, key, text)
}
