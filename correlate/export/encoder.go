package export

import (
	"net/netip"

	"flowname/correlate"
	"flowname/flows"
)

// An Encoder makes lines for one goroutine. It is [AppendJSON] with a memory: the
// flows of one datagram begin alike, and many are of the same places, so the text
// of that is kept. The zero Encoder is ready.
type Encoder struct {
	of   headFields
	head []byte // the text of them; empty before the first flow

	places placeTexts
}

// headFields are what appendHead writes.
type headFields struct {
	kind         flows.Type
	sequenceNum  uint32
	receivedNs   int64
	samplingRate uint64
	exporter     netip.Addr
}

// AppendJSON appends a flow as one line of JSON, the final newline included.
func (e *Encoder) AppendJSON(dst []byte, f *correlate.Flow) []byte {
	r := f.Record
	of := headFields{r.Type, r.SequenceNum, r.ReceivedNs, r.SamplingRate, r.Exporter}
	if of != e.of || len(e.head) == 0 {
		e.of, e.head = of, appendHead(e.head[:0], r)
	}
	return appendRest(append(dst, e.head...), f, &e.places)
}
