package logs

import "bytes"

// Windows renders an event as one line of XML:
//
//	<Event xmlns='...'><System>...<EventID>257</EventID>...<TimeCreated SystemTime='2026-11-23T17:17:06.4961234Z'/>...</System>
//	<EventData><Data Name='Destination'>192.0.2.7</Data>...</EventData></Event>
//
// Only these elements are looked for. A text can not forge one: its "<" would be
// an entity.

// windowsData are the slots of Data elements by their names.
var windowsData = [...]struct {
	name string
	slot int
}{
	{"Destination", windowsClient}, {"InterfaceIP", windowsServer}, {"QNAME", windowsName}, {"QTYPE", windowsType}, {"PacketData", windowsPacket},
}

// lineXML reads a line of XML; wevtutil may write several events into one.
func (p *windowsAnalyticParser) lineXML(line []byte, to *Sink) Reason {
	all := Passed
	for len(line) > 0 {
		event := line
		if i := bytes.Index(line, []byte("</Event>")); i >= 0 {
			event = line[:i+len("</Event>")]
		}
		line = line[len(event):]
		reason := p.readXML(event)
		if reason == Used {
			reason = p.event(to)
		}
		if all != Used && reason != Passed {
			all = reason
		}
	}
	return all
}

// readXML fills values from an event.
func (p *windowsAnalyticParser) readXML(line []byte) Reason {
	p.values, p.xml.scratch = [windowsSlots][]byte{}, p.xml.scratch[:0]
	if !bytes.HasPrefix(line, []byte("<Event ")) && !bytes.HasPrefix(line, []byte("<Event>")) {
		if bytes.HasPrefix(line, []byte("<?xml")) || bytes.HasPrefix(line, []byte("<Events")) || bytes.HasPrefix(line, []byte("</Events")) {
			return Passed
		}
		return NotTheFormat
	}
	if !bytes.Contains(line, []byte("</Event>")) {
		return Torn
	}
	for len(line) > 0 {
		start := bytes.IndexByte(line, '<')
		if start < 0 {
			break
		}
		line = line[start+1:]
		end := bytes.IndexByte(line, '>')
		if end < 0 {
			return BadSyntax
		}
		tag := line[:end]
		line = line[end+1:]
		if !p.element(tag, line) {
			return BadSyntax
		}
	}
	return Used
}

// element takes an element's tag and what stands behind it. It is false for one
// that stands twice, or that has a broken entity.
func (p *windowsAnalyticParser) element(tag, behind []byte) bool {
	name, attributes := cutWord(tag)
	slot := -1
	text := behind[:max(bytes.IndexByte(behind, '<'), 0)]
	switch string(name) {
	case "EventID":
		slot = windowsID
	case "TimeCreated":
		slot, text = windowsTime, attribute(attributes, "SystemTime")
	case "Data":
		data := attribute(attributes, "Name")
		for _, d := range windowsData {
			if string(data) == d.name {
				slot = d.slot
			}
		}
	}
	if slot < 0 {
		return true
	}
	if p.values[slot] != nil {
		return false
	}
	var ok bool
	p.values[slot], ok = p.xml.unescape(text)
	return ok
}
