package logs

import (
	"bytes"

	"flowname/dnscache"
)

var carbonBlackEDR = Format{
	Name:       "carbonblack-edr",
	Title:      "Carbon Black EDR network connections (cb-event-forwarder JSON)",
	Capability: Connections,
	Configure: "In cb-event-forwarder.ini set output_format=json and add ingress.event.netconn to events_raw_sensor, " +
		"with a file or syslog output.",
	Caveat: "It has a name only where the sensor saw the lookup; of connections that came in it has the process, " +
		"not the name. Times are whole seconds in older versions. LEEF and CEF output is not read.",
	sniff: sniffObjects(cbEDRTable, func(l *jsonLine) bool {
		return bytes.HasPrefix(l.text(cbEDRType), []byte("ingress.event."))
	}),
	open: func(cfg Config) Parser {
		p := &carbonBlackEDRParser{cfg: cfg, line: jsonLine{table: cbEDRTable}}
		p.connection.Source = dnscache.SourceCarbonBlackEDR
		return p
	},
}

// The members that are read. Version 2 of the writer calls the protocol
// Protocol. ipv4 and port are the remote end in events of sensors before 5.1.
const (
	cbEDRType = iota
	cbEDRTime
	cbEDRDirection
	cbEDRProtocol
	cbEDRProtocol2
	cbEDRLocalIP
	cbEDRLocalPort
	cbEDRRemoteIP
	cbEDRRemotePort
	cbEDRIPv4
	cbEDRPort
	cbEDRDomain
	cbEDRProxy
	cbEDRProxyIP
	cbEDRPath
	cbEDRPID
	cbEDRHost
)

var cbEDRTable = newJSONTable(
	[]string{"type"}, []string{"timestamp"}, []string{"direction"}, []string{"protocol"}, []string{"Protocol"},
	[]string{"local_ip"}, []string{"local_port"}, []string{"remote_ip"}, []string{"remote_port"},
	[]string{"ipv4"}, []string{"port"}, []string{"domain"}, []string{"proxy"}, []string{"proxy_ip"},
	[]string{"process_path"}, []string{"pid"}, []string{"computer_name"},
)

type carbonBlackEDRParser struct {
	cfg  Config
	line jsonLine
	endpoint
}

func (p *carbonBlackEDRParser) Line(line []byte, to *Sink) Reason {
	return p.line.readObjects(line, p, to)
}

func (p *carbonBlackEDRParser) Flush(*Sink) {}

func (p *carbonBlackEDRParser) object(to *Sink) Reason {
	l, c := &p.line, &p.connection
	switch kind := l.text(cbEDRType); {
	case len(kind) == 0:
		return NotTheFormat
	case string(kind) != "ingress.event.netconn":
		return Passed
	}
	var ok bool
	if c.TimeNs, ok = parseAnyTime(l.text(cbEDRTime), p.cfg.location()); !ok {
		return BadTime
	}
	var inbound bool
	switch string(l.text(cbEDRDirection)) {
	case "inbound":
		inbound = true
	case "outbound":
	default:
		return BadSyntax
	}
	remote := parseEnd(l.text(cbEDRRemoteIP), l.text(cbEDRRemotePort))
	if !remote.IsValid() || remote.Addr().IsUnspecified() {
		// Not as a number: some wrote it in one byte order, some in the other.
		remote = parseEnd(l.text(cbEDRIPv4), l.text(cbEDRPort))
	}
	name := l.text(cbEDRDomain)
	if proxy, ok := parseAddr(l.text(cbEDRProxyIP)); ok && string(l.value(cbEDRProxy)) == "true" && proxy == remote.Addr() {
		name = nil // what the proxy was asked for is not the proxy's name
	}
	local := parseEnd(l.text(cbEDRLocalIP), l.text(cbEDRLocalPort))
	if reason := p.fill(local, remote, inbound, name); reason != Used {
		return reason
	}
	if c.Proto = parseProto(l.text(cbEDRProtocol)); c.Proto == 0 {
		c.Proto = parseProto(l.text(cbEDRProtocol2))
	}
	c.Process = dnscache.Process{Path: l.text(cbEDRPath), PID: parsePID(l.text(cbEDRPID)), Host: l.text(cbEDRHost)}
	to.Connection(c)
	return Used
}
