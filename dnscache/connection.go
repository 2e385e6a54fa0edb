package dnscache

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Connection is the evidence of somebody who saw one connection made and knew
// its name without DNS: an endpoint's agent, or a TLS handshake on the wire. It
// outranks DNS for the flow it describes.
//
// Name and the texts of Process belong to whoever filled the Connection and may
// be reused as soon as a call it is passed to returns.
type Connection struct {
	// TimeNs is when the connection was made, or seen, Unix nanoseconds.
	TimeNs int64
	Source Source
	// Client made the connection to Server, both unmapped and valid.
	Client, Server netip.Addr
	// The ports are 0 where the source does not tell them.
	ClientPort, ServerPort uint16
	// Proto is the IP protocol number; 0 where the source does not tell it.
	Proto uint8

	// Name is the server's, in the presentation form of Response.Name; empty
	// where only the process is known.
	Name []byte
	// Process is at the client, or at the server where Inbound is set: the agent
	// that reported sits on the end that was connected to.
	Process Process
	Inbound bool
}

// A Process is the program at one end of a connection. Empty texts and a zero
// PID are what the source does not tell.
type Process struct {
	Path []byte // as the operating system writes it, any bytes
	PID  uint32
	Host []byte // the machine's name as its agent calls it
}

// HostName is the server's name; nil where there is none, or it is an address written
// out. It aliases the Connection's.
func (x *Connection) HostName() []byte {
	if len(x.Name) == 0 || isLiteral(x.Name) || string(x.Name) == noName {
		return nil
	}
	return x.Name
}

// noName is the name of a version that has none: no server is called that.
const noName = "."

// FileConnection takes in what a source tells of a connection. filedNs is as in
// File. Without a Client, or where the name is an address written out, what is
// left of the evidence is kept.
func (c *Cache) FileConnection(x *Connection, filedNs int64) {
	c.count.connections.Add(1)
	switch {
	case x.TimeNs <= 0:
		c.count.badTime.Add(1)
		return
	case !x.Server.IsValid():
		c.count.badAddr.Add(1)
		return
	}
	who := anyClient
	switch {
	case IsHost(x.Client):
		who = ipOf(x.Client)
	case x.Client.IsValid():
		c.count.masked.Add(1)
	}
	server := ipOf(x.Server)
	if reserved(server) || who.isShadow() {
		c.count.reserved.Add(1)
		return
	}
	name := x.HostName()
	if len(name) > 0 && !validName(name) {
		c.count.badName.Add(1)
		name = nil
	}
	c.noteFiled(filedNs)
	c.clock.tick(x.TimeNs)
	c.noteBegan(x.TimeNs)
	ev := evidence{at: x.TimeNs, source: x.Source, filed: toSeconds(filedNs)}
	if who != anyClient {
		c.fileMade(who, x, name, ev)
	}
	if len(name) > 0 {
		if ev.name = c.names.intern(name); ev.name == 0 {
			c.count.badName.Add(1) // the table of names is full
			return
		}
		if who != anyClient {
			who = who.shadow()
		}
		c.count.answers.Add(1)
		c.fileUnder(who, server, &ev, moment(x.TimeNs, x.Source))
		c.names.release(ev.name)
	}
	raise(&c.newest, x.TimeNs)
}

// fileMade files the fact that the client made the connection.
func (c *Cache) fileMade(who ip, x *Connection, name []byte, ev evidence) {
	var text [maxName]byte
	process := appendProcess(text[:0], &x.Process)
	if len(name) == 0 {
		if len(process) == 0 {
			return
		}
		name = []byte(noName)
	}
	kind := factAgent
	switch {
	case x.Source.IsTLS():
		kind = factHandshake
	case x.Inbound:
		kind = factInbound
	}
	t := Tuple{Server: x.Server, ClientPort: x.ClientPort, ServerPort: x.ServerPort, Proto: x.Proto}
	ev.name, ev.canon = c.names.intern(name), c.names.intern(process)
	if ev.name == 0 {
		c.count.badName.Add(1) // the table of names is full
		return
	}
	c.facts.Or(factBit(kind, t.shape()))
	c.fileUnder(who, connectionFact(&t, kind, t.shape()), &ev, notForOthers)
	c.names.release(ev.name)
	c.names.release(ev.canon)
}

// moment is a time in an address's chain, where the evidence of many sources
// mixes. Two of one name and one time would be one version: a nanosecond or two
// keep connections apart from answers, and handshakes from agents.
func moment(at int64, source Source) int64 { return max(at-int64(source.class()), 1) }

// isLiteral says whether a name is an address written out, IPv6 or IPv4 in any
// of the forms that programs take: what ends in a number is one (the URL
// standard's host parser says so too, and no top-level domain is a number).
func isLiteral(name []byte) bool {
	if bytes.IndexByte(name, ':') >= 0 {
		_, err := netip.ParseAddr(strings.Trim(string(name), "[]"))
		return err == nil
	}
	last := name[bytes.LastIndexByte(name, '.')+1:]
	for _, b := range last {
		if b < '0' || b > '9' {
			return false
		}
	}
	return len(last) > 0
}

const (
	// maxPath bounds a process's path and maxHost its host, in bytes: together
	// they fit where a canonical name does.
	maxPath = 900
	maxHost = 150
	// processEnd ends a field of a process's text.
	processEnd = 0x1f
)

// appendProcess appends a process as text: host, PID and path. Nothing for one of
// which nothing is known. A path that is too long keeps its end, where the
// program's name is. What is not UTF-8 becomes U+FFFD, and so do the bytes that the
// store or this text need for themselves.
func appendProcess(dst []byte, p *Process) []byte {
	if len(p.Path) == 0 && len(p.Host) == 0 && p.PID == 0 {
		return dst
	}
	dst = appendClean(dst, p.Host[:min(len(p.Host), maxHost)], maxHost)
	dst = append(dst, processEnd)
	dst = strconv.AppendUint(dst, uint64(p.PID), 10)
	dst = append(dst, processEnd)
	path := p.Path
	if len(path) > maxPath {
		dst = append(dst, "\u2026"...)
		path = path[len(path)-maxPath:]
		for len(path) > 0 && !utf8.RuneStart(path[0]) {
			path = path[1:]
		}
	}
	return appendClean(dst, path, maxPath)
}

// appendClean appends text as UTF-8 without the two bytes that have a meaning,
// no more than most bytes of it.
func appendClean(dst, text []byte, most int) []byte {
	start := len(dst)
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		text = text[n:]
		if r == 0 || r == processEnd {
			r = utf8.RuneError
		}
		if len(dst)-start+utf8.RuneLen(r) > most {
			break
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// A Program is a process as the cache remembers it: UTF-8, empty and 0 for what
// is not known.
type Program struct {
	Path, Host string
	PID        uint32
}

// readProcess reads what appendProcess wrote; the strings are parts of text.
func readProcess(text string) (p Program) {
	host, rest, ok := strings.Cut(text, string(rune(processEnd)))
	if !ok {
		return p
	}
	pid, path, _ := strings.Cut(rest, string(rune(processEnd)))
	n, err := strconv.ParseUint(pid, 10, 32)
	if err != nil {
		return p
	}
	return Program{Path: path, Host: host, PID: uint32(n)}
}
