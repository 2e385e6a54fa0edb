package logs

import "flowname/dnscache"

// The types and classes that name addresses or lead to them, by IANA's registry.
const (
	typeA     = 1
	typeCNAME = 5
	typeAAAA  = 28
	typeSVCB  = 64
	typeHTTPS = 65
	typeANY   = 255
)

// rrTypes are the mnemonics that are asked for in practice (RFC 6895, IANA's
// registry of DNS parameters).
var rrTypes = [...]struct {
	name string
	code uint16
}{
	{"A", typeA}, {"AAAA", typeAAAA}, {"HTTPS", typeHTTPS}, {"CNAME", typeCNAME}, {"PTR", 12}, {"TXT", 16},
	{"NS", 2}, {"SOA", 6}, {"MX", 15}, {"SRV", 33}, {"SVCB", typeSVCB}, {"ANY", typeANY}, {"*", typeANY},
	{"DNAME", 39}, {"DS", 43}, {"RRSIG", 46}, {"NSEC", 47}, {"DNSKEY", 48}, {"NSEC3", 50}, {"NSEC3PARAM", 51},
	{"TLSA", 52}, {"CDS", 59}, {"CDNSKEY", 60}, {"CAA", 257}, {"NAPTR", 35}, {"HINFO", 13}, {"SPF", 99},
	{"SSHFP", 44}, {"LOC", 29}, {"URI", 256}, {"AXFR", 252}, {"IXFR", 251}, {"ZONEMD", 63}, {"TKEY", 249},
	{"TSIG", 250}, {"NULL", 10}, {"OPT", 41}, {"RP", 17}, {"AFSDB", 18}, {"CERT", 37}, {"NXNAME", 128},
}

// parseType reads a record type: a mnemonic in any case, TYPE65 (RFC 3597
// section 5) or a number. It is 0, which no question has, for what it does not
// know: such a question is one that names no address.
func parseType(text []byte) uint16 {
	for i := range rrTypes {
		if equalFold(text, rrTypes[i].name) {
			return rrTypes[i].code
		}
	}
	if len(text) > 4 && equalFold(text[:4], "TYPE") {
		text = text[4:]
	}
	if n, ok := parseUint(text); ok && n <= 0xffff {
		return uint16(n)
	}
	return 0
}

// rCodes are the mnemonics of IANA's registry; the place is the code.
var rCodes = [...]string{
	"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
	"NOTAUTH", "NOTZONE", "DSOTYPENI",
}

// parseRCode reads a response code: a mnemonic in any case or a number.
func parseRCode(text []byte) (code uint16, ok bool) {
	for i := range rCodes {
		if equalFold(text, rCodes[i]) {
			return uint16(i), true
		}
	}
	switch {
	case equalFold(text, "BADVERS"), equalFold(text, "BADSIG"):
		return 16, true
	case equalFold(text, "BADCOOKIE"):
		return 23, true
	}
	n, ok := parseUint(text)
	return uint16(n), ok && n <= 0xfff
}

// equalFold says whether text is the upper-case word, in any case.
func equalFold(text []byte, word string) bool {
	if len(text) != len(word) {
		return false
	}
	for i, c := range text {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// clampTTL is a TTL as dnscache.Addr wants it. One with its top bit set is 0
// (RFC 2181 section 8).
func clampTTL(seconds uint64) uint32 {
	switch {
	case seconds > 1<<31-1:
		return 0
	case seconds > dnscache.MaxTTL:
		return dnscache.MaxTTL
	}
	return uint32(seconds)
}
