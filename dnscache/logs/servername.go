package logs

// The transports of connections, by IANA's protocol numbers.
const (
	protoTCP = 6
	protoUDP = 17
)

// publicNames are those that servers of Encrypted Client Hello (RFC 9849) show in
// the outer hello of all connections, whatever site is asked for inside. A
// provider has one for all of its customers, and has no site there.
var publicNames = [...]string{
	"cloudflare-ech.com", // Cloudflare, for all sites of its free plan
	"cover.defo.ie",      // the DEfO project's test servers
	"public.tls-ech.dev", // Google's test server
}

// appendServerName appends the name that a client sent in TLS (RFC 6066 section
// 3). The reason is Used, Passed for a handshake that names no site (none was
// sent, an address stands in its place, or it is the public name of Encrypted
// Client Hello), or BadName.
func appendServerName(dst, text []byte) (name []byte, reason Reason) {
	if len(text) == 0 {
		return dst, Passed
	}
	if _, isAddr := parseAddr(text); isAddr {
		return dst, Passed
	}
	name, ok := appendRawName(dst, text)
	if !ok || len(name) == len(dst)+1 && name[len(dst)] == '.' {
		return dst, BadName
	}
	for i := range publicNames {
		if string(name[len(dst):]) == publicNames[i] {
			return dst, Passed
		}
	}
	if _, isAddr := parseAddr(name[len(dst):]); isAddr {
		return dst, Passed // with a final dot
	}
	return name, Used
}

// readPort reads a port; one that is not set is 0.
func readPort(text []byte) (port uint16, ok bool) {
	if text == nil {
		return 0, true
	}
	n, ok := parseUint(text)
	return uint16(n), ok && n <= 0xffff
}
