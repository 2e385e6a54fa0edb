package wire

import (
	"io"

	framestream "github.com/farsightsec/golang-framestream"
	"google.golang.org/protobuf/encoding/protowire"

	"flowname/cmd/flowload/world"
)

// Numbers of dnstap.proto.
const (
	tapIdentity = 1
	tapMessage  = 14
	tapType     = 15

	msgType            = 1
	msgFamily          = 2
	msgProtocol        = 3
	msgQueryAddress    = 4
	msgResponseAddress = 5
	msgQueryPort       = 6
	msgResponsePort    = 7
	msgQuerySec        = 8
	msgQueryNsec       = 9
	msgResponseSec     = 12
	msgResponseNsec    = 13
	msgResponseMessage = 14

	clientResponse = 6
)

// contentType is what a stream of dnstap says it is.
const contentType = "protobuf:dnstap.Dnstap"

// A Tap writes answers as a resolver reports them: a client response each.
type Tap struct {
	enc        *framestream.Encoder
	wire, body []byte
	frame      []byte
}

// NewTap begins a stream. To a socket it shakes hands first, for which it is to
// be a connection and not only a writer.
func NewTap(w io.Writer, socket bool) (*Tap, error) {
	enc, err := framestream.NewEncoder(w, &framestream.EncoderOptions{
		ContentType: []byte(contentType), Bidirectional: socket,
	})
	if err != nil {
		return nil, err
	}
	return &Tap{enc: enc}, nil
}

// Write writes an answer. It may stay in a buffer until Flush or Close.
func (t *Tap) Write(a *world.Answer) error {
	t.wire = AppendResponse(t.wire[:0], a)
	t.body = appendTapMessage(t.body[:0], a, t.wire)
	b := protowire.AppendTag(t.frame[:0], tapIdentity, protowire.BytesType)
	b = protowire.AppendString(b, "flowload")
	b = protowire.AppendTag(b, tapMessage, protowire.BytesType)
	b = protowire.AppendBytes(b, t.body)
	t.frame = appendVarint(b, tapType, 1)
	_, err := t.enc.Write(t.frame)
	return err
}

// Flush writes what waits.
func (t *Tap) Flush() error { return t.enc.Flush() }

// Close ends the stream; to a socket, when the other end has read all of it.
func (t *Tap) Close() error { return t.enc.Close() }

func appendTapMessage(b []byte, a *world.Answer, wire []byte) []byte {
	family, protocol := uint64(1), uint64(1)
	if a.Client.Addr().Is6() {
		family = 2
	}
	if a.TCP {
		protocol = 2
	}
	b = appendVarint(b, msgType, clientResponse)
	b = appendVarint(b, msgFamily, family)
	b = appendVarint(b, msgProtocol, protocol)
	b = appendBytes(b, msgQueryAddress, a.Client.Addr().AsSlice())
	b = appendBytes(b, msgResponseAddress, a.Server.Addr().AsSlice())
	b = appendVarint(b, msgQueryPort, uint64(a.Client.Port()))
	b = appendVarint(b, msgResponsePort, uint64(a.Server.Port()))
	b = appendTime(b, msgQuerySec, msgQueryNsec, a.TimeNs-queryNs)
	b = appendTime(b, msgResponseSec, msgResponseNsec, a.TimeNs)
	return appendBytes(b, msgResponseMessage, wire)
}

func appendVarint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendTime(b []byte, sec, nsec protowire.Number, ns int64) []byte {
	b = appendVarint(b, sec, uint64(ns/1e9))
	return protowire.AppendFixed32(protowire.AppendTag(b, nsec, protowire.Fixed32Type), uint32(ns%1e9))
}

// WriteDnstap writes a file of all answers of a world.
func WriteDnstap(out io.Writer, w *world.World) error {
	t, err := NewTap(out, false)
	if err != nil {
		return err
	}
	for i := range w.Answers() {
		a := w.Answer(i)
		if err := t.Write(&a); err != nil {
			return err
		}
	}
	return t.Close()
}
