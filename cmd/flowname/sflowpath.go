package main

import (
	"context"
	"net/netip"
	"slices"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/exports"
	"flowname/dnscache/dnswire"
	"flowname/flows/listen"
	"flowname/flows/netflow"
	"flowname/flows/sflow"
)

// sampleAccount is what a sampleReceiver has counted.
type sampleAccount struct {
	refused sampleRefusals
	samples sflow.Stats
	dns     exports.SampledStats
	wire    dnswire.Stats
}

// sampleRefusals are the datagrams of who is not in --exporter.
type sampleRefusals struct{ DatagramsNotAllowed, BytesNotAllowed uint64 }

// A sampleReceiver owns a socket of sFlow and its decoder. Of the receiver in it
// the records, the complaints and the mutex are used.
type sampleReceiver struct {
	*receiver
	allow   []netip.Prefix // whose datagrams are read; empty means everyone's
	samples *exports.SampleDecoder
	refused sampleRefusals
	account counters.Snapshot[sampleAccount]
}

// openSamples opens the sockets for sFlow.
func (d *daemon) openSamples(c *runCmd) (err error) {
	if !command.Enabled(c.SFlow) {
		return nil
	}
	d.sflow, err = listen.Open(listen.Config{Addr: c.SFlow, Sockets: c.Sockets, ReceiveBuffer: c.ReceiveBuffer})
	if err != nil {
		return err
	}
	for _, socket := range d.sflow.Sockets() {
		r := &sampleReceiver{
			receiver: newReceiver(socket, netflow.Config{}, d.fileLive, d.log),
			allow:    c.allowed,
			samples:  exports.NewSampleDecoder(d.dns, d.fileLive),
		}
		d.samplers = append(d.samplers, r)
		d.joiners = append(d.joiners, d.newJoiner(c.joining(), r.receiver))
	}
	return nil
}

// announceSamples tells where sFlow is taken.
func (d *daemon) announceSamples() {
	if d.sflow == nil {
		return
	}
	if warning := d.sflow.BufferWarning(); warning != "" {
		d.log.Warn(warning)
	}
	d.log.Info("waiting for sFlow", "address", d.sflow.Addr(), "sockets", len(d.samplers))
}

// run receives until ctx ends and the socket's queue is drained.
func (r *sampleReceiver) run(ctx context.Context) error {
	defer close(r.ended)
	return r.socket.Run(ctx, r.handle)
}

func (r *sampleReceiver) handle(datagrams []listen.Datagram) {
	for len(datagrams) > 0 {
		r.empty()
		datagrams = r.fill(datagrams)
		dns, wire := r.samples.DNSStats()
		r.account.Store(sampleAccount{r.refused, r.samples.Stats(), dns, wire})
		r.join(r.records)
	}
}

// fill decodes datagrams until there are enough records, and returns those that
// are left.
func (r *sampleReceiver) fill(datagrams []listen.Datagram) []listen.Datagram {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(datagrams) && len(r.records) < recordsPerBatch {
		d := &datagrams[n]
		n++
		if !allows(r.allow, d.From.Addr()) {
			r.refused.DatagramsNotAllowed++
			r.refused.BytesNotAllowed += uint64(len(d.Payload))
			continue
		}
		var err error
		r.records, err = r.samples.AppendRecords(r.records, d.Payload, d.From, d.ReceivedNs)
		if err != nil {
			r.complain(d, err)
		}
	}
	return datagrams[n:]
}

// allows reports whether an address is in one of the networks; all are when
// there are none.
func allows(networks []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap()
	return len(networks) == 0 || slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}
