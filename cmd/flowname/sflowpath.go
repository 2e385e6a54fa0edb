package main

import (
	"context"
	"math/rand/v2"

	"flowname/correlate"
	"flowname/dnscache/dnswire"
	"flowname/flows/listen"
	"flowname/flows/sflow"
)

// sampleAccount is what a sampleReceiver has counted.
type sampleAccount struct {
	samples sflow.Stats
	dns     sampledStats
	wire    dnswire.Stats
}

// A sampleReceiver owns a socket of sFlow and its decoder. Of the receiver in it
// the batches and the complaints are used.
type sampleReceiver struct {
	*receiver
	samples *sampleDecoder
	account snapshot[sampleAccount]
}

// openSamples opens the sockets for sFlow.
func (d *daemon) openSamples(c *runCmd) (err error) {
	if !enabled(c.SFlow) {
		return nil
	}
	d.sflow, err = listen.Open(listen.Config{Addr: c.SFlow, Sockets: c.Sockets, ReceiveBuffer: c.ReceiveBuffer})
	if err != nil {
		return err
	}
	for _, socket := range d.sflow.Sockets() {
		r := &sampleReceiver{
			receiver: newReceiver(socket, fileLive(d.cache), d.log),
			samples:  newSampleDecoder(d.dns, fileLive(d.cache)),
		}
		d.samplers = append(d.samplers, r)
		join := correlate.New(correlate.Config{Wait: c.Wait, Seed: rand.Uint64()}, d.cache, d.places.NewCursor())
		d.joiners = append(d.joiners, newJoiner(join, r.receiver, d.writer.in))
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
	defer close(r.full)
	return r.socket.Run(ctx, r.handle)
}

func (r *sampleReceiver) handle(datagrams []listen.Datagram) {
	b := <-r.free
	b.records = b.records[:0]
	for i := range datagrams {
		d := &datagrams[i]
		var err error
		b.records, err = r.samples.appendRecords(b.records, d.Payload, d.From, d.ReceivedNs)
		if err != nil {
			r.complain(d, err)
		}
	}
	dns := r.samples.dns
	r.account.store(sampleAccount{r.samples.decoder.Stats(), dns.account(), dns.parser.Stats()})
	r.full <- b
}
