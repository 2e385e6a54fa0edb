package wire

import (
	"io"

	"flowname/cmd/flowload/world"
)

// queryNs is how long before its answer a client asks.
const queryNs = 2_000_000

// WriteDNS writes a capture of all queries and responses of a world, in the
// order of their times.
func WriteDNS(out io.Writer, w *world.World) error {
	c, err := NewCapture(out)
	if err != nil {
		return err
	}
	d := dnsCapture{file: c}
	asked := 0
	for i := range w.Answers() {
		answer := w.Answer(i)
		for ; asked < w.Answers(); asked++ {
			next := w.Answer(asked)
			if asked > i && next.TimeNs-queryNs > answer.TimeNs {
				break
			}
			if err := d.query(&next); err != nil {
				return err
			}
		}
		if err := d.response(&answer); err != nil {
			return err
		}
	}
	return nil
}

// A dnsCapture writes conversations.
type dnsCapture struct {
	file *Capture
	msg  []byte
}

// Sequence numbers with which the two ends of a connection begin.
const (
	clientSeq = 1000
	serverSeq = 5_000_000
)

func (d *dnsCapture) query(a *world.Answer) error {
	at := a.TimeNs - queryNs
	d.msg = AppendQuery(d.msg[:0], a)
	if !a.TCP {
		return d.file.UDP(at, a.Client, a.Server, d.msg)
	}
	if err := d.file.TCP(at, a.Client, a.Server, clientSeq, 0, tcpSyn); err != nil {
		return err
	}
	if err := d.file.TCP(at, a.Server, a.Client, serverSeq, clientSeq+1, tcpSyn|tcpAck); err != nil {
		return err
	}
	return d.file.TCP(at, a.Client, a.Server, clientSeq+1, serverSeq+1, tcpPsh|tcpAck, prefix(d.msg), d.msg)
}

func (d *dnsCapture) response(a *world.Answer) error {
	asked := uint32(2 + len(AppendQuery(d.msg[:0], a)))
	d.msg = AppendResponse(d.msg[:0], a)
	if !a.TCP {
		return d.file.UDP(a.TimeNs, a.Server, a.Client, d.msg)
	}
	client, server := clientSeq+1+asked, serverSeq+3+uint32(len(d.msg))
	if err := d.file.TCP(a.TimeNs, a.Server, a.Client, serverSeq+1, client, tcpPsh|tcpAck, prefix(d.msg), d.msg); err != nil {
		return err
	}
	if err := d.file.TCP(a.TimeNs, a.Client, a.Server, client, server, tcpFin|tcpAck); err != nil {
		return err
	}
	return d.file.TCP(a.TimeNs, a.Server, a.Client, server, client+1, tcpFin|tcpAck)
}

// prefix is the length before a message by TCP (RFC 1035 section 4.2.2).
func prefix(msg []byte) []byte { return []byte{byte(len(msg) >> 8), byte(len(msg))} }
