package logs

import (
	"bytes"

	"flowname/dnscache"
)

var carbonBlackCloud = Format{
	Name:       "carbonblack-cloud",
	Title:      "Carbon Black Cloud network connections (data forwarder)",
	Capability: Connections,
	Configure: "In the Carbon Black Cloud console, Settings > Data Forwarders, add one of type Endpoint event to an S3 bucket " +
		"and let it have endpoint.event.netconn.",
	Caveat: "It has a name only where the sensor knew it; of connections that came in it has the process, not the name. " +
		"Of a connection through a proxy (netconn_proxy) it tells nothing that a flow shows.",
	sniff: sniffObjects(cbcTable, func(l *jsonLine) bool {
		return bytes.HasPrefix(l.text(cbcType), []byte("endpoint.event."))
	}),
	open: func(cfg Config) Parser {
		p := &carbonBlackCloudParser{cfg: cfg, line: jsonLine{table: cbcTable}}
		p.connection.Source = dnscache.SourceCarbonBlackCloud
		return p
	},
}

const (
	cbcType = iota
	cbcTime
	cbcInbound
	cbcProtocol
	cbcLocalIP
	cbcLocalPort
	cbcRemoteIP
	cbcRemotePort
	cbcDomain
	cbcPath
	cbcPID
	cbcHost
)

var cbcTable = newJSONTable(
	[]string{"type"}, []string{"device_timestamp"}, []string{"netconn_inbound"}, []string{"netconn_protocol"},
	[]string{"local_ip"}, []string{"local_port"}, []string{"remote_ip"}, []string{"remote_port"},
	[]string{"netconn_domain"}, []string{"process_path"}, []string{"process_pid"}, []string{"device_name"},
)

type carbonBlackCloudParser struct {
	cfg  Config
	line jsonLine
	endpoint
}

func (p *carbonBlackCloudParser) Line(line []byte, to *Sink) Reason {
	return p.line.readObjects(line, p, to)
}

func (p *carbonBlackCloudParser) Flush(*Sink) {}

func (p *carbonBlackCloudParser) object(to *Sink) Reason {
	l, c := &p.line, &p.connection
	switch kind := l.text(cbcType); {
	case len(kind) == 0:
		return NotTheFormat
	case string(kind) != "endpoint.event.netconn":
		return Passed
	}
	var ok bool
	if c.TimeNs, ok = parseAnyTime(l.text(cbcTime), p.cfg.location()); !ok {
		return BadTime
	}
	var inbound bool
	switch string(l.text(cbcInbound)) {
	case "true":
		inbound = true
	case "false":
	default:
		return BadSyntax
	}
	local := parseEnd(l.text(cbcLocalIP), l.text(cbcLocalPort))
	remote := parseEnd(l.text(cbcRemoteIP), l.text(cbcRemotePort))
	if reason := p.fill(local, remote, inbound, l.text(cbcDomain)); reason != Used {
		return reason
	}
	c.Proto = parseProto(bytes.TrimPrefix(l.text(cbcProtocol), []byte("PROTO_")))
	c.Process = dnscache.Process{Path: l.text(cbcPath), PID: parsePID(l.text(cbcPID)), Host: l.text(cbcHost)}
	to.Connection(c)
	return Used
}
