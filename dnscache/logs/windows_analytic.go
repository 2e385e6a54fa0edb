package logs

import (
	"bytes"

	"flowname/dnscache"
)

// Windows DNS writes an analytic event for each response that it sends: 257
// RESPONSE_SUCCESS and 258 RESPONSE_FAILURE, whose PacketData is the DNS message
// in hex. Destination is the client, InterfaceIP the server. Others, of queries
// received (256), sent on (260) and answered from above (261, whose addresses are
// not the client's), are passed over.
//
// Events come as lines of JSON in the shapes of Winlogbeat (event_data, values as
// text), NXLog (flat) and others (System and EventData), or as lines of XML, as
// wevtutil writes them (windows_xml.go).
var windowsAnalyticFormat = Format{
	Name:       "windows-dns-analytic",
	Title:      "Windows DNS analytic events 257 and 258",
	Capability: Answers,
	Configure: "wevtutil sl Microsoft-Windows-DNSServer/Analytical /e:true; then ship the provider Microsoft-Windows-DNSServer " +
		"with Winlogbeat (ETW input), NXLog (im_etw) or another shipper as JSON, an event a line; or export with " +
		"wevtutil qe Microsoft-Windows-DNSServer/Analytical /f:xml.",
	Caveat: "A message that is cut (BufferSize) gives what is whole of it. Behind a server that forwards, the client is that server.",
	sniff:  func(lines [][]byte) int { return sniffWith(openWindowsAnalytic, lines) },
	open:   openWindowsAnalytic,
}

func openWindowsAnalytic(cfg Config) Parser {
	return &windowsAnalyticParser{cfg: cfg, json: jsonLine{table: windowsTable}, wire: newWireReader(&cfg)}
}

// The slots of windowsTable. Those of one meaning that stand in one event at once
// are slots of their own, in the order in which they are believed.
const (
	windowsID = iota
	windowsCode
	windowsIDText
	windowsIDs // how many slots hold an event's number
)

const (
	windowsTime = windowsIDs + iota
	windowsCreated
	windowsEventTime
	windowsStamp
	windowsClient
	windowsServer
	windowsName
	windowsType
	windowsPacket
	windowsSlots
)

var windowsTable = newJSONTable(
	[]string{"winlog.event_id", "event_id", "EventID", "EventId", "Id", "System.EventID", "Event.System.EventID"},
	[]string{"event.code"},
	[]string{"EventID.Value", "EventID.#text", "System.EventID.#text", "System.EventID.Value", "Event.System.EventID.#text", "Event.System.EventID.Value"},

	[]string{"TimeCreated.SystemTime", "System.TimeCreated.SystemTime", "System.TimeCreated.@SystemTime",
		"Event.System.TimeCreated.SystemTime", "Event.System.TimeCreated.#attributes.SystemTime", "System.TimeCreated.#attributes.SystemTime"},
	[]string{"TimeCreated", "System.TimeCreated"},
	[]string{"EventTime", "TimeStamp", "Timestamp"},
	[]string{"@timestamp"},

	windowsPaths("Destination"), windowsPaths("InterfaceIP"), windowsPaths("QNAME"), windowsPaths("QTYPE"), windowsPaths("PacketData"),
)

// windowsPaths are where a member of an event's data stands.
func windowsPaths(name string) []string {
	return []string{name, "winlog.event_data." + name, "event_data." + name, "EventData." + name, "Event.EventData." + name, "XmlEventData." + name}
}

// A windowsAnalyticParser keeps nothing from line to line.
type windowsAnalyticParser struct {
	cfg    Config
	json   jsonLine
	values [windowsSlots][]byte
	xml    eventXML // for its scratch
	wire   wireReader
	asker  asker
}

func (p *windowsAnalyticParser) Flush(*Sink) {}

func (p *windowsAnalyticParser) Line(line []byte, to *Sink) Reason {
	line = bytes.TrimPrefix(line, []byte("\ufeff"))
	if len(line) > 0 && line[0] == '<' {
		return p.lineXML(line, to)
	}
	if reason := p.readJSON(line); reason != Used {
		return reason
	}
	return p.event(to)
}

// readJSON fills values from a line of JSON.
func (p *windowsAnalyticParser) readJSON(line []byte) Reason {
	if reason := p.json.read(line); reason != Used {
		return reason
	}
	for i := range p.values {
		p.values[i] = p.json.text(i)
	}
	return Used
}

// event gives the evidence of the event in values.
func (p *windowsAnalyticParser) event(to *Sink) Reason {
	var id []byte
	for _, v := range p.values[:windowsIDs] {
		if id == nil {
			id = v
		}
	}
	if id == nil || p.values[windowsName] == nil {
		return NotTheFormat
	}
	if string(id) != "257" && string(id) != "258" {
		return Passed
	}
	ns, ok := p.time()
	if !ok {
		return BadTime
	}
	client, ok := parseAddr(p.values[windowsClient])
	if !ok {
		return BadClient
	}
	server, _ := parseAddr(p.values[windowsServer])
	p.wire.set(dnscache.SourceWindowsAnalytic, ns, client)
	p.wire.r.Server = server
	if !p.wire.hex(p.values[windowsPacket]) {
		return BadSyntax
	}
	if p.wire.give(to) {
		return Used
	}
	// The message was not logged, or so cut that its question is lost.
	p.asker.set(dnscache.SourceWindowsAnalytic, ns, client)
	p.asker.r.Server, p.asker.r.Type = server, parseType(p.values[windowsType])
	return p.asker.asked(to, p.values[windowsName])
}

// time is when the event was made: as its own system says it, or else its
// shipper.
func (p *windowsAnalyticParser) time() (ns int64, ok bool) {
	for _, v := range p.values[windowsTime : windowsStamp+1] {
		if ns, ok = parseDateTime(v, p.cfg.location()); ok {
			return ns, true
		}
		// PowerShell's ConvertTo-Json
		if text, isDate := bytes.CutPrefix(v, []byte("/Date(")); isDate {
			if ns, ok = parseEpochIn(bytes.TrimSuffix(text, []byte(")/")), 1e6); ok {
				return ns, true
			}
		}
	}
	return 0, false
}
