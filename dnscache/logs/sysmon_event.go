package logs

import (
	"bytes"
	"unicode/utf8"
)

// The values of an event that are read; the names of the first ones are those of
// sysmonData.
const (
	sysmonUTCTime = iota
	sysmonGUID
	sysmonPID
	sysmonImage
	sysmonName
	sysmonStatus
	sysmonResults
	sysmonProtocol
	sysmonInitiated
	sysmonSourceIP
	sysmonSourcePort
	sysmonDestIP
	sysmonDestPort

	sysmonEvent
	sysmonHost
	sysmonChannel
	sysmonWritten

	// Where else JSON has them: see sysmonFallbacks.
	sysmonEventText
	sysmonEventCode
	sysmonHostname
	sysmonComputer
	sysmonHostName
	sysmonCollected
	sysmonEntity
	sysmonProcessPID
	sysmonExecutable
	sysmonQuestion
	sysmonTransport
	sysmonDirection
	sysmonSourceIP2
	sysmonSourcePort2
	sysmonDestIP2
	sysmonDestPort2
	sysmonResolved
	sysmonValues
)

// sysmonData are the names of an event's data.
var sysmonData = [...]string{
	"UtcTime", "ProcessGuid", "ProcessId", "Image", "QueryName", "QueryStatus", "QueryResults", "Protocol", "Initiated",
	"SourceIp", "SourcePort", "DestinationIp", "DestinationPort",
}

// sysmonFallbacks are the values that others stand in for where they are
// missing: what shapes of JSON have beside the data, or instead of it.
var sysmonFallbacks = [...]struct{ slot, other int }{
	{sysmonEvent, sysmonEventText},
	{sysmonEvent, sysmonEventCode},
	{sysmonHost, sysmonHostname},
	{sysmonHost, sysmonComputer},
	{sysmonHost, sysmonHostName},
	{sysmonWritten, sysmonCollected},
	{sysmonGUID, sysmonEntity},
	{sysmonPID, sysmonProcessPID},
	{sysmonImage, sysmonExecutable},
	{sysmonName, sysmonQuestion},
	{sysmonProtocol, sysmonTransport},
	{sysmonInitiated, sysmonDirection},
	{sysmonSourceIP, sysmonSourceIP2},
	{sysmonSourcePort, sysmonSourcePort2},
	{sysmonDestIP, sysmonDestIP2},
	{sysmonDestPort, sysmonDestPort2},
}

// sysmonTable reads the shapes of JSON that collectors make of an event: flat
// (NXLog, Security-Datasets), winlogbeat's, with the data in winlog.event_data or
// moved to the fields of the Elastic Common Schema, and those of converters of
// EVTX files, with System and EventData.
var sysmonTable = newSysmonTable()

func newSysmonTable() *jsonTable {
	paths := make([][]string, sysmonValues)
	for slot, name := range sysmonData {
		for _, where := range [...]string{"", "EventData.", "Event.EventData.", "winlog.event_data.", "event_data."} {
			paths[slot] = append(paths[slot], where+name)
		}
	}
	paths[sysmonEvent] = []string{"EventID", "System.EventID", "Event.System.EventID", "winlog.event_id", "event_id"}
	paths[sysmonEventText] = []string{"System.EventID.Value", "Event.System.EventID.#text", "System.EventID.#text"}
	paths[sysmonEventCode] = []string{"event.code"}
	paths[sysmonHost] = []string{"winlog.computer_name", "System.Computer", "Event.System.Computer", "computer_name"}
	paths[sysmonHostname] = []string{"Hostname"}
	paths[sysmonComputer] = []string{"Computer"}
	paths[sysmonHostName] = []string{"host.name"}
	paths[sysmonChannel] = []string{"Channel", "System.Channel", "Event.System.Channel", "winlog.channel"}
	paths[sysmonWritten] = []string{"System.TimeCreated.#attributes.SystemTime", "Event.System.TimeCreated.#attributes.SystemTime"}
	paths[sysmonCollected] = []string{"@timestamp"}
	paths[sysmonEntity] = []string{"process.entity_id"}
	paths[sysmonProcessPID] = []string{"process.pid"}
	paths[sysmonExecutable] = []string{"process.executable"}
	paths[sysmonQuestion] = []string{"dns.question.name"}
	paths[sysmonTransport] = []string{"network.transport"}
	paths[sysmonDirection] = []string{"network.direction"}
	paths[sysmonSourceIP2], paths[sysmonSourcePort2] = []string{"source.ip"}, []string{"source.port"}
	paths[sysmonDestIP2], paths[sysmonDestPort2] = []string{"destination.ip"}, []string{"destination.port"}
	paths[sysmonResolved] = []string{"dns.resolved_ip"}
	return newJSONTable(paths...)
}

// An eventXML reads events as Windows renders them, each on a line: elements of
// System, and <Data Name='UtcTime'>2026-11-23 18:30:00.250</Data>.
type eventXML struct {
	text    []byte // what is not read yet; empty where the line was none
	scratch []byte // values with entities
}

// read fills values from a line that begins with an event. What stands behind
// the event is left in text.
func (x *eventXML) read(line []byte, values *[sysmonValues][]byte) Reason {
	x.text, x.scratch = line, x.scratch[:0]
	reason := x.elements(values)
	if reason != Used {
		x.text = nil
	}
	return reason
}

func (x *eventXML) elements(values *[sysmonValues][]byte) Reason {
	for {
		open := bytes.IndexByte(x.text, '<')
		if open < 0 {
			return Torn
		}
		end := bytes.IndexByte(x.text[open:], '>')
		if end < 0 {
			return Torn
		}
		tag := x.text[open+1 : open+end]
		x.text = x.text[open+end+1:]
		if string(tag) == "/Event" {
			return Used
		}
		if reason := x.element(tag, values); reason != Used {
			return reason
		}
	}
}

// element takes an element whose opening tag it is given, if it is wanted.
func (x *eventXML) element(tag []byte, values *[sysmonValues][]byte) Reason {
	name, attributes := cutWord(tag)
	slot := -1
	switch string(name) {
	case "EventID":
		slot = sysmonEvent
	case "Computer":
		slot = sysmonHost
	case "Channel":
		slot = sysmonChannel
	case "TimeCreated":
		values[sysmonWritten] = attribute(attributes, "SystemTime")
	case "Data":
		slot = sysmonDataSlot(attribute(attributes, "Name"))
	}
	if slot < 0 || bytes.HasSuffix(tag, []byte("/")) {
		return Used
	}
	end := bytes.IndexByte(x.text, '<')
	switch {
	case end < 0:
		return Torn
	case values[slot] != nil && slot >= sysmonEvent:
		return Used // RenderingInfo has some again
	case !bytes.HasPrefix(x.text[end:], []byte("</")), values[slot] != nil:
		return BadSyntax
	}
	var ok bool
	values[slot], ok = x.unescape(x.text[:end])
	x.text = x.text[end:]
	if !ok {
		return BadSyntax
	}
	return Used
}

func sysmonDataSlot(name []byte) int {
	for slot := range sysmonData {
		if string(name) == sysmonData[slot] {
			return slot
		}
	}
	return -1
}

// attribute is the value of an attribute in either kind of quotes; nil if there
// is none of that name.
func attribute(text []byte, name string) []byte {
	for len(text) > 0 {
		equals := bytes.IndexByte(text, '=')
		if equals < 0 || equals+1 >= len(text) {
			return nil
		}
		quote := text[equals+1]
		end := bytes.IndexByte(text[equals+2:], quote)
		if quote != '\'' && quote != '"' || end < 0 {
			return nil
		}
		value := text[equals+2 : equals+2+end]
		if string(bytes.TrimSpace(text[:equals])) == name {
			return value
		}
		text = text[equals+3+end:]
	}
	return nil
}

// xmlEntities are those that XML itself has.
var xmlEntities = [...]struct {
	name string
	c    byte
}{{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}}

// unescape is text with its entities written out.
func (x *eventXML) unescape(text []byte) (value []byte, ok bool) {
	if bytes.IndexByte(text, '&') < 0 {
		return text, true
	}
	start := len(x.scratch)
next:
	for len(text) > 0 {
		if text[0] != '&' {
			x.scratch, text = append(x.scratch, text[0]), text[1:]
			continue
		}
		if c, rest, found := cutCharacter(text); found {
			x.scratch, text = utf8.AppendRune(x.scratch, c), rest
			continue
		}
		for i := range xmlEntities {
			if rest, found := bytes.CutPrefix(text, []byte(xmlEntities[i].name)); found {
				x.scratch, text = append(x.scratch, xmlEntities[i].c), rest
				continue next
			}
		}
		return nil, false
	}
	return x.scratch[start:len(x.scratch):len(x.scratch)], true
}

// cutCharacter reads a character by its number, "&#10;" or "&#x0A;".
func cutCharacter(text []byte) (c rune, rest []byte, ok bool) {
	end := bytes.IndexByte(text[:min(len(text), 12)], ';')
	if end < 3 || text[1] != '#' {
		return 0, nil, false
	}
	digits, base := text[2:end], rune(10)
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	for _, d := range digits {
		v := rune(hexValue(d))
		if v >= base || c > utf8.MaxRune {
			return 0, nil, false
		}
		c = c*base + v
	}
	return c, text[end+1:], len(digits) > 0 && utf8.ValidRune(c)
}
