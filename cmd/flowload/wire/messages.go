package wire

import (
	"io"
	"net/netip"

	"flowname/cmd/flowload/world"
)

// templateEvery is after how many of its messages an exporter repeats its
// templates.
const templateEvery = 1000

// Messages yields the export messages of a world in their order, each valid
// until the next: first all exporters' templates, then flows, and templates
// again from time to time. Flows of IPv6 are left out in v5, which can not tell
// them. It ends when yield is false.
func Messages(w *world.World, f Format, yield func(m Message) bool) {
	cfg := w.Config()
	exporters := make([]*Exporter, cfg.Exporters)
	var buf []byte
	for i := range exporters {
		exporters[i] = NewExporter(f, w, i)
		at := w.ExportNs(0)
		if buf = exporters[i].AppendTemplates(buf[:0], at); len(buf) > 0 && !yield(Message{i, at, 0, buf}) {
			return
		}
	}
	batch := make([]world.Flow, 0, cfg.PerDatagram)
	for n := 0; n < cfg.Flows; {
		batch = batch[:0]
		last := min(n+cfg.PerDatagram, cfg.Flows)
		number := n / cfg.PerDatagram % cfg.Exporters
		for ; n < last; n++ {
			flow := w.Flow(n)
			if f != V5 || flow.Client.Addr().Is4() {
				batch = append(batch, flow)
			}
		}
		e, at := exporters[number], w.ExportNs(last-1)
		if e.msgs%templateEvery == templateEvery-1 {
			if buf = e.AppendTemplates(buf[:0], at); len(buf) > 0 && !yield(Message{number, at, 0, buf}) {
				return
			}
		}
		if len(batch) == 0 {
			continue
		}
		buf = e.AppendFlows(buf[:0], at, batch)
		if !yield(Message{number, at, len(batch), buf}) {
			return
		}
	}
}

// A Message is one export message.
type Message struct {
	Exporter int
	// AtNs is when it is sent, Flows how many it tells; 0 of templates.
	AtNs    int64
	Flows   int
	Payload []byte
}

// collector is where captured messages go.
var collector = netip.MustParseAddrPort("192.0.2.254:2055")

// WriteFlows writes a capture of a world's export messages.
func WriteFlows(out io.Writer, w *world.World, f Format) error {
	c, err := NewCapture(out)
	if err != nil {
		return err
	}
	Messages(w, f, func(m Message) bool {
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + m.Exporter)}), 40000)
		err = c.UDP(m.AtNs, from, collector, m.Payload)
		return err == nil
	})
	return err
}
