package main

import (
	"bufio"
	"net/http"
	"time"

	"flowname/cmd/flowname/ledger"
	"flowname/flows/netflow"
	"flowname/flows/sflow"
)

// takeLedger reads the accounts of all receivers of NetFlow and IPFIX, by UDP,
// TCP and TLS, and those of sFlow's agents: its datagrams have no
// templates to wait for, and what is wrong with them is in /metrics.
func (d *daemon) takeLedger() *ledger.Ledger {
	l := &ledger.Ledger{NowNs: time.Now().UnixNano()}
	c := &l.Collector
	var reports []netflow.Report
	read := func(r *receiver) {
		var gone, ended netflow.Account
		reports, gone, ended = r.appendReports(reports)
		l.Gone.Add(&gone)
		l.Ended.Add(&ended)
	}
	for _, r := range d.receivers {
		read(r)
		s := r.socket.Stats()
		c.Datagrams += s.Datagrams
		c.DatagramBytes += s.Bytes
		c.KernelDrops += s.KernelDrops
		c.SocketDrops = append(c.SocketDrops, ledger.Drops{Datagrams: s.Datagrams, KernelDrops: s.KernelDrops})
	}
	for _, s := range d.streams {
		read(s.receiver)
		stats := s.listener.Stats()
		c.StreamMessages += stats.Messages
		c.StreamBytes += stats.Bytes
		c.StreamBytesLost += stats.BytesLost
		c.RefuseConnections(&stats)
		c.Connections += s.listener.Connections()
	}
	l.AddAgents(d.agentReports(c))
	l.AddExporters(reports)
	for _, j := range d.joiners {
		c.Exported += j.stats.Load().Total.Flows
		l.AddClocks(j.clocks.Load())
	}
	c.LostLines = d.writer.stats.Load().LostLines
	c.Sockets = len(d.receivers)
	if d.group != nil {
		c.BufferWarning = d.group.BufferWarning()
	}
	l.Finish()
	return l
}

// agentReports are those of the agents of sFlow; what is of all of them is added to the
// collector's row. An agent that sends from several ports may be on several sockets.
func (d *daemon) agentReports(c *ledger.Collector) []sflow.Report {
	var all []sflow.Report
	for _, r := range d.samplers {
		s, a := r.socket.Stats(), r.account.Load()
		c.SampleDatagrams += s.Datagrams
		c.SampleBytes += s.Bytes
		c.SampleKernelDrops += s.KernelDrops
		c.SamplesNotAllowed.Count += a.refused.DatagramsNotAllowed
		c.SamplesNotAllowed.Bytes += a.refused.BytesNotAllowed
		c.SampledFlows += a.samples.Records
		r.mu.Lock()
		all = r.samples.AppendReports(all)
		gone := r.samples.Gone()
		r.mu.Unlock()
		c.SamplesForgotten.Count += gone.Datagrams
		c.SamplesForgotten.Bytes += gone.Bytes
	}
	return all
}

// serveExporters gives the ledger.
func serveExporters(w http.ResponseWriter, d *daemon) {
	l := d.takeLedger()
	w.Header().Set("Content-Type", "application/x-ndjson")
	b := bufio.NewWriter(w)
	if l.Write(b) == nil {
		b.Flush()
	}
}
