package logs

import (
	"encoding/base64"
	"errors"
	"net/netip"

	"flowname/dnscache"
	"flowname/dnscache/dnswire"
)

// A wireReader turns the DNS messages that some logs hold whole, in hex or
// base64, into evidence.
type wireReader struct {
	parser *dnswire.Parser
	r      dnscache.Response
	msg    []byte
}

func newWireReader(cfg *Config) wireReader {
	return wireReader{parser: dnswire.NewParser(dnswire.Config{DNS64: cfg.DNS64})}
}

// set begins the evidence of a line.
func (w *wireReader) set(source dnscache.Source, ns int64, client netip.Addr) {
	w.r = dnscache.Response{Source: source, TimeNs: ns, Client: client}
}

// give gives the evidence of the message in msg. One that was cut gives what is
// whole of it. ok is false if it can not be read as a response.
func (w *wireReader) give(to *Sink) (ok bool) {
	subnet := w.r.Subnet // the log's own, of the query: the response need not echo it
	err := w.parser.Parse(&w.r, w.msg)
	if err != nil && !errors.Is(err, dnswire.ErrTruncated) {
		return false
	}
	if subnet.IsValid() {
		w.r.Subnet = subnet
	}
	to.Response(&w.r)
	return true
}

// base64 decodes a message. ok is false, and the message empty, if it is none.
func (w *wireReader) base64(text []byte) (ok bool) {
	if n := base64.StdEncoding.DecodedLen(len(text)); cap(w.msg) < n {
		w.msg = make([]byte, n)
	}
	n, err := base64.StdEncoding.Decode(w.msg[:cap(w.msg)], text)
	if err != nil {
		n = 0
	}
	w.msg = w.msg[:n]
	return err == nil
}

// hex decodes a message, with or without 0x before it. Half an octet at the end
// is dropped. ok is false, and the message empty, if it is none.
func (w *wireReader) hex(text []byte) (ok bool) {
	if len(text) >= 2 && text[0] == '0' && text[1]|0x20 == 'x' {
		text = text[2:]
	}
	w.msg = w.msg[:0]
	for i := 0; i+1 < len(text); i += 2 {
		high, low := hexValue(text[i]), hexValue(text[i+1])
		if high > 15 || low > 15 {
			w.msg = w.msg[:0]
			return false
		}
		w.msg = append(w.msg, high<<4|low)
	}
	return true
}
