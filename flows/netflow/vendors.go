package netflow

import (
	"bytes"
	"slices"
)

// Private enterprise numbers of elements, other than IANA's zero.
const (
	penCisco     = 9
	penNokia     = 637
	penIxia      = 3054
	penCitrix    = 5951
	penCERT      = 6871 // YAF
	penCESNET    = 8057
	penBarracuda = 10704
	penF5        = 12276
	penProcera   = 15397
	penProbe     = 16982 // CESNET's exporters of before 2021
	penGigamon   = 26866
	penNtop      = 35632
	penFlowmon   = 39499
)

// ntopV9 is what nProbe adds to its element ids in NetFlow v9, which has no
// enterprise numbers.
const ntopV9 = 57472

func host(d *draft, b []byte)    { setText(&d.x.host, b) }
func appName(d *draft, b []byte) { setText(&d.x.app, b) }
func user(d *draft, b []byte)    { setText(&d.x.user, b) }

// vendorElements are texts in flow records that one vendor or one RFC defines:
// the server's name, the application, the user. [packet] says that a packet of the
// vendor's was read with it in the tests, [empty] that it was there without a
// text, [doc] that its id and form are known
// from documentation or from the source of an exporter or dissector, [issue] that
// only the id was handed down.
var vendorElements = slices.Concat([]element{
	{id: 460, text: true, octets: host}, // httpRequestHost [doc: IANA]

	{id: 8256, text: true, octets: host},            // Streamcore, v9, 40 bytes [packet]
	{id: 0x8000 | 12235, text: true, octets: nbar},  // Cisco, v9 [doc]
	{id: 56701, text: true, octets: appName},        // Palo Alto App-ID, v9 [packet]
	{id: 56702, text: true, octets: user},           // Palo Alto User-ID, v9 [packet]
	{id: ntopV9 + 119, text: true, octets: appName}, // L7_PROTO_NAME [empty]
	{id: ntopV9 + 187, text: true, octets: host},    // HTTP_SITE [doc]
	{id: ntopV9 + 188, text: true, octets: host},    // TLS_SERVER_NAME [doc]

	{pen: penCisco, id: 12235, text: true, octets: nbar}, // subApplicationValue [doc]

	{pen: penNokia, id: 93, text: true, octets: user}, // natSubString, the subscriber [packet]

	{pen: penIxia, id: 111, text: true, octets: appName}, // [packet]
	{pen: penIxia, id: 183, text: true, octets: host},    // Host Name [empty]
	{pen: penIxia, id: 201, text: true, octets: host},    // TLS SNI [doc]

	{pen: penCitrix, id: 142, text: true, octets: host}, // HTTP Request Host [packet]
	{pen: penCitrix, id: 205, text: true, octets: user}, // AAA Username [empty]
	{pen: penCitrix, id: 267, text: true, octets: host}, // HTTP Domain Name [packet]

	{pen: penCERT, id: 117, text: true, octets: host}, // httpHost, in basicLists [doc]
	{pen: penCERT, id: 294, text: true, octets: host}, // sslServerName [doc]

	{pen: penCESNET, id: 808, text: true, octets: host}, // TLS_SNI [doc]
	{pen: penCESNET, id: 890, text: true, octets: host}, // QUIC_SNI [doc]
	{pen: penProbe, id: 501, text: true, octets: host},  // HTTP_REQUEST_HOST [doc]

	{pen: penBarracuda, id: 5, text: true, octets: appName}, // ServiceName [packet]
	{pen: penF5, id: 98, text: true, octets: host},          // [issue]
	{pen: penF5, id: 99, text: true, octets: host},          // [issue]

	{pen: penProcera, id: 1, text: true, octets: appName},                           // proceraService [packet]
	{pen: penProcera, id: 3, number: func(d *draft, v uint64) { d.x.incoming = v }}, // octets towards the local end [packet]
	{pen: penProcera, id: 4, number: func(d *draft, v uint64) { d.x.outgoing = v }},
	{pen: penProcera, id: 15, text: true, octets: func(d *draft, b []byte) { d.x.local = localEnd(b) }}, // proceraFlowBehavior [packet]
	{pen: penProcera, id: 18, text: true, octets: host},                                                 // proceraServerHostname [issue]

	{pen: penGigamon, id: 112, text: true, octets: host}, // SslServerNameIndication [doc]

	{pen: penNtop, id: 119, text: true, octets: appName}, // [doc]
	{pen: penNtop, id: 187, text: true, octets: host},    // [doc]
	{pen: penNtop, id: 188, text: true, octets: host},    // [empty]

	{pen: penFlowmon, id: 1, text: true, octets: host},   // httpHost [doc]
	{pen: penFlowmon, id: 338, text: true, octets: host}, // tlsSni [doc]
}, connectionElements())

// nbarHosts are how the values begin that carry a server's name. Cisco exports
// what NBAR extracts in one element (subApplicationValue) that may come several
// times in a record: application id (engine and selector, four bytes), number of
// the field within it, two bytes, then the text, which is empty where NBAR saw
// none. Fields of HTTP are 3/80, of RTSP 3/554. The name in a certificate
// (13/453, 13313) and those by which servers of mail greet are not what was asked
// for and are not taken, nor are URLs (3/80, 13313).
var nbarHosts = [][]byte{
	{3, 0, 0, 80, 0x34, 0x02},      // 13314: httpHostName
	{3, 0, 0x02, 0x2a, 0x34, 0x01}, // 13313: rtspHostName
}

func nbar(d *draft, b []byte) {
	for _, head := range nbarHosts {
		if text, ok := bytes.CutPrefix(b, head); ok {
			setText(&d.x.host, text)
		}
	}
}

// An end is one of a connection's.
type end uint8

const (
	noEnd end = iota
	clientEnd
	serverEnd
)

// localEnd reads which end is the inside's from Procera's words for a flow.
func localEnd(b []byte) end {
	switch {
	case bytes.Contains(b, []byte("CLIENT_IS_LOCAL")):
		return clientEnd
	case bytes.Contains(b, []byte("SERVER_IS_LOCAL")):
		return serverEnd
	}
	return noEnd
}

// countSides takes counts that are told by inside and outside for those of the
// two directions: the source is the client. Where the inside is not said, all is
// of one flow.
func (d *draft) countSides() {
	x := &d.x
	switch x.local {
	case clientEnd:
		d.countBytes(byInitiator, x.outgoing)
		x.reverse.countBytes(byInitiator, x.incoming)
	case serverEnd:
		d.countBytes(byInitiator, x.incoming)
		x.reverse.countBytes(byInitiator, x.outgoing)
	default:
		d.countBytes(byInitiator, x.incoming+x.outgoing)
	}
}

func dnsQuery(d *draft, b []byte)  { setText(&d.x.dns.query, b) }
func dnsOwner(d *draft, b []byte)  { setText(&d.x.dns.owner, b) }
func dnsTTL(d *draft, v uint64)    { d.x.dns.ttl = uint32(v) }
func dnsData(d *draft, b []byte)   { d.x.dns.data = b }
func dnsAddr4(d *draft, b []byte)  { d.x.dns.addAddr(ip4(b)) }
func dnsAddr6(d *draft, b []byte)  { d.x.dns.addAddr(ip6(b)) }
func dnsAddrs(d *draft, b []byte)  { d.x.dns.addTexts(b) }
func dnsTarget(d *draft, b []byte) { setText(&d.x.dns.target, b) }

// answerElements are those of DNS in flow records, for the exporters that tell
// an address with the name. Ixia's 189 and 190 (names only) and
// Flowmon's, Gigamon's and CESNET's queries without an answer name nothing.
var answerElements = []element{
	{id: ntopV9 + 205, text: true, octets: dnsQuery}, // DNS_QUERY [doc]
	{id: ntopV9 + 352, number: dnsTTL},               // DNS_TTL_ANSWER [doc]
	{id: ntopV9 + 398, text: true, octets: dnsAddrs}, // DNS_RESPONSE: text [doc]
	{pen: penNtop, id: 205, text: true, octets: dnsQuery},
	{pen: penNtop, id: 352, number: dnsTTL},
	{pen: penNtop, id: 398, text: true, octets: dnsAddrs},

	{pen: penGigamon, id: 204, text: true, octets: dnsQuery}, // [doc]
	{pen: penGigamon, id: 205, text: true, octets: dnsOwner},
	{pen: penGigamon, id: 206, number: dnsTTL},
	{pen: penGigamon, id: 207, size: 4, octets: dnsAddr4},
	{pen: penGigamon, id: 208, size: 16, octets: dnsAddr6},

	// In a list of records ("DNS Records", 197) or flat. [doc]
	{pen: penIxia, id: 198, text: true, octets: dnsOwner},
	{pen: penIxia, id: 199, size: 4, octets: dnsAddr4},
	{pen: penIxia, id: 200, size: 16, octets: dnsAddr6},
	{pen: penIxia, id: 258, number: dnsTTL},
	{pen: penIxia, id: 273, text: true, octets: dnsQuery},
	{pen: penIxia, id: 276, text: true, octets: dnsTarget},

	// YAF: a list of records, each with a list of what is in it. [doc]
	{pen: penCERT, id: 178, number: func(d *draft, v uint64) { d.x.dns.section, d.x.dns.hasSection = uint8(v), true }},
	{pen: penCERT, id: 179, text: true, octets: dnsOwner},
	{pen: penCERT, id: 180, text: true, octets: dnsTarget},
	{pen: penCERT, id: 199, number: dnsTTL},

	{pen: penCESNET, id: 2, text: true, octets: dnsQuery}, // question, one answer, its data as text [doc]
	{pen: penCESNET, id: 5, number: dnsTTL},
	{pen: penCESNET, id: 7, text: true, octets: dnsData},

	{pen: penFlowmon, id: 116, text: true, octets: dnsOwner}, // [doc]
	{pen: penFlowmon, id: 119, number: dnsTTL},
	{pen: penFlowmon, id: 120, text: true, octets: dnsData},
	{pen: penFlowmon, id: 121, text: true, octets: dnsQuery},
}
