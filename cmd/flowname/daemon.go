package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/server"
	"flowname/cmd/flowname/sinkholes"
	"flowname/cmd/flowname/sources"
	"flowname/cmd/flowname/watch"
	"flowname/dnscache"
	"flowname/flows/listen"
	"flowname/flows/netflow"
	"flowname/geo"
)

// Periods of the daemon's housekeeping.
const (
	// cacheFlush bounds what a crash can lose to a second, with room for the
	// write itself.
	cacheFlush    = 400 * time.Millisecond
	cacheMaintain = time.Minute
	geoPoll       = 5 * time.Second
)

// A daemon is the running collector: all stages and what they share. It is
// opened whole or not at all, and run once.
type daemon struct {
	log    *slog.Logger
	cache  *dnscache.Cache
	watch  *watch.Watch
	places *geo.Reader

	sinkholes sinkholes.List
	dns       evidence.Config

	group     *listen.Group // nil: no flows
	receivers []*receiver
	sflow     *listen.Group // nil: no sFlow
	samplers  []*sampleReceiver
	streams   []*streamServer // by TCP and TLS, with receivers of their own
	joiners   []*joiner
	writer    *writer
	exporters *exporterState // nil: no flows

	sources *sources.Sources

	http        *server.Server // nil: none
	backfilling sync.Mutex     // held while a request fills in names
	scanning    sync.Mutex     // held while a request looks through all names
}

func openDaemon(c *runCmd, std command.Streams, log *slog.Logger) (d *daemon, err error) {
	d = &daemon{log: log}
	defer func() {
		if err != nil {
			d.abandon()
		}
	}()
	if d.dns, err = evidence.ConfigOf(&c.DNSFlags, &c.LogFlags); err != nil {
		return d, err
	}
	if d.places, err = geo.New(c.ASN, c.Geo); err != nil {
		return d, err
	}
	if err = d.sinkholes.Load(c.Sinkholes, log); err != nil {
		return d, err
	}
	d.cache, err = datadir.Open(dnscache.Config{
		Dir: c.Data, Retention: c.Retention, Window: c.IndexWindow, MaxVersions: c.IndexVersions,
		Forwarders: d.dns.Forwarders, MaxClients: c.MaxClients,
	})
	if err != nil {
		return d, err
	}
	if d.watch, err = watch.Open(watch.Config{
		Findings: c.FindingFlags, FirstSeen: c.FirstSeenFlags, Feeds: c.FeedFlags, Clients: c.ClientFlags, Baseline: c.BaselineFlags,
		Cache: d.cache, Places: d.places, DNS: d.dns, Sinkholes: &d.sinkholes, Live: true, NowNs: time.Now().UnixNano(),
		Out: c.Out, OpenFile: output(appendOutput, std.Out),
		Lost: func(err error) {
			log.Warn("what was known of clients is lost in part; they are counted anew", "err", err)
		},
	}); err != nil {
		return d, err
	}
	if err = d.loadFiles(c.DNS); err != nil {
		return d, err
	}
	d.cache.Saw(netip.Addr{}, time.Now().UnixNano()) // from here on the sensor is there
	file, err := appendOutput(c.Out, std.Out)
	if err != nil {
		return d, err
	}
	d.writer = newWriter(file, log)
	for _, open := range []func() error{
		func() error { return d.openSources(c, std.In) },
		func() error { return d.openFlows(c) },
		func() error { return d.openStreams(c) },
		func() error { return d.openSamples(c) },
		func() error { return d.openHTTP(c.HTTPFlags) },
	} {
		if err = open(); err != nil {
			return d, err
		}
	}
	d.announce(c)
	return d, nil
}

// announce tells what the daemon has opened, once all of it is.
func (d *daemon) announce(c *runCmd) {
	for _, db := range d.places.Databases() {
		d.log.Info("database", "file", db.Path, "type", db.Type, "facts", db.Facts, "built", db.Built.Format(time.DateOnly))
	}
	d.watch.Announce(d.log)
	d.sources.Announce()
	if d.sources.None() && !(d.sflow != nil && c.AcceptUnmatched) {
		d.log.Warn("no source of DNS is given: names come from the history and --dns files only; see --capture, --dnstap, --dns-log and --syslog")
	}
	if d.group != nil {
		if warning := d.group.BufferWarning(); warning != "" {
			d.log.Warn(warning)
		}
		d.log.Info("waiting for NetFlow and IPFIX", "address", d.group.Addr(), "sockets", len(d.receivers))
	}
	for _, s := range d.streams {
		d.log.Info("waiting for IPFIX by "+s.transport, "address", s.listener.Addr())
	}
	d.announceSamples()
	if d.http != nil {
		d.log.Info("serving", "http", d.http.Addr())
	}
}

// loadFiles files the evidence of files before anything is listened to.
func (d *daemon) loadFiles(paths []string) error {
	for _, path := range paths {
		n, problem, err := evidence.Load(path, d.dns, func(t *evidence.Piece, nowNs int64) { d.watch.File(t, nowNs) }, func(nowNs int64) error {
			return errors.Join(d.cache.Flush(nowNs), d.watch.Settle(nowNs))
		})
		if err == nil {
			err = d.watch.Settle(time.Now().UnixNano())
		}
		if err != nil {
			return err
		}
		if problem != nil {
			d.log.Warn("a file of DNS evidence ends early; what came before is used", "err", problem)
		}
		d.log.Info("loaded DNS evidence", "file", path, "pieces", n)
	}
	return nil
}

// fileConnection files a connection that is told of now.
func (d *daemon) fileConnection(x *dnscache.Connection) {
	d.cache.FileConnection(x, time.Now().UnixNano())
	d.watch.Connection(x)
}

// fileLive files evidence that arrives now.
func (d *daemon) fileLive(r *dnscache.Response) {
	d.cache.File(r, time.Now().UnixNano())
	d.watch.Evidence(r)
}

func (d *daemon) openSources(c *runCmd, stdin io.Reader) (err error) {
	d.sources, err = sources.Open(sources.Config{
		Capture: c.Capture, Dnstap: c.Dnstap, PowerDNS: c.PowerDNS, DNSLog: c.DNSLog, Syslog: c.SyslogFlags,
		DNS: d.dns, Data: c.Data, Stdin: stdin, Log: d.log,
		Response: d.fileLive, Connection: d.fileConnection,
		Flush: func() error { return d.cache.Flush(time.Now().UnixNano()) },
	})
	return err
}

func (d *daemon) openFlows(c *runCmd) (err error) {
	if c.Netflow == command.Off {
		return nil
	}
	d.group, err = listen.Open(listen.Config{Addr: c.Netflow, Sockets: c.Sockets, ReceiveBuffer: c.ReceiveBuffer})
	if err != nil {
		return err
	}
	for _, socket := range d.group.Sockets() {
		r := newReceiver(socket, netflow.Config{Allow: c.allowed}, d.fileLive, d.log)
		d.receivers = append(d.receivers, r)
		d.joiners = append(d.joiners, d.newJoiner(c.joining(), r))
	}
	d.restoreExporters(c.Data)
	return nil
}

func (d *daemon) openHTTP(flags server.HTTPFlags) (err error) {
	if flags.HTTP != command.Off {
		d.http, err = server.Open(flags, d.routes(), pdnsHandler(d.cache), d.log)
	}
	return err
}

// abandon closes what a failed open has opened.
func (d *daemon) abandon() {
	if d.group != nil {
		d.group.Close()
	}
	for _, s := range d.streams {
		s.listener.Close()
	}
	if d.sflow != nil {
		d.sflow.Close()
	}
	if d.sources != nil {
		d.sources.Close()
	}
	if d.writer != nil {
		d.writer.file.Close()
	}
	if d.watch != nil {
		d.watch.Abandon()
	}
	if d.cache != nil {
		d.cache.Close(time.Now().UnixNano())
	}
}

// run runs all stages until ctx ends or one of them fails, and then shuts down
// in this order, each step when the one before is done:
//
//  1. sources: sockets and connections drain what the kernel has queued, taps
//     and dnstap end
//  2. receivers have had their last records joined
//  3. joiners hand out what waits, which ends the writer
//  4. the writer flushes and closes the output
//  5. housekeeping and HTTP end
//  6. findings, first sightings and baselines are written, what was learned of exporters and
//     clients is saved, the cache writes what it holds and closes
func (d *daemon) run(ctx context.Context, reload <-chan os.Signal) error {
	tasks, tasksCtx := errgroup.WithContext(ctx)
	services, stopServices := context.WithCancel(context.Background())
	defer stopServices()

	var house errgroup.Group
	house.Go(func() error { return d.keepHouse(services, reload) })
	d.watch.Keep(services, house.Go, d.log)
	if d.http != nil {
		house.Go(func() error { return d.http.Run(services) })
	}

	failed := make(chan error, 1)
	written := make(chan error, 1)
	go func() {
		written <- d.writer.run(func(err error) {
			select {
			case failed <- fmt.Errorf("output: %w", err):
			default:
			}
		})
	}()
	var joined sync.WaitGroup
	for _, j := range d.joiners {
		joined.Go(j.run)
	}
	d.startSources(tasks, tasksCtx, failed)

	err := tasks.Wait() // 1, 2
	d.sources.Ended()
	joined.Wait() // 3
	close(d.writer.in)
	err = errors.Join(err, <-written) // 4
	stopServices()
	err = errors.Join(err, house.Wait()) // 5
	err = errors.Join(err, d.watch.Close(time.Now().UnixNano()), d.saveExporters())
	return errors.Join(err, d.cache.Close(time.Now().UnixNano()))
}

// startSources starts what brings data in; the failure of any, or of the
// output, ends them all.
func (d *daemon) startSources(tasks *errgroup.Group, ctx context.Context, failed <-chan error) {
	tasks.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		}
	})
	for _, r := range d.receivers {
		tasks.Go(func() error { return r.run(ctx) })
	}
	for _, r := range d.samplers {
		tasks.Go(func() error { return r.run(ctx) })
	}
	for _, s := range d.streams {
		tasks.Go(func() error { return s.run(ctx, tasks.Go) })
	}
	d.sources.Run(ctx, tasks.Go)
}

// keepHouse does what is done from time to time.
func (d *daemon) keepHouse(ctx context.Context, reload <-chan os.Signal) error {
	save := time.NewTicker(exporterStateTick)
	defer save.Stop()
	flush := time.NewTicker(cacheFlush)
	defer flush.Stop()
	maintain := time.NewTicker(cacheMaintain)
	defer maintain.Stop()
	poll := time.NewTicker(geoPoll)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-flush.C:
			if err := d.cache.Flush(now.UnixNano()); err != nil {
				d.log.Error("the history could not be written; /metrics counts what is lost", "err", err)
			}
			d.watch.Pass(now.UnixNano())
			if err := d.watch.WriteFindings(); err != nil {
				d.log.Error("findings could not be written and are lost", "err", err)
			}
		case now := <-save.C:
			if err := d.saveExportersInTime(now); err != nil {
				d.log.Error("after a restart templates will be awaited anew", "err", err)
			}
		case now := <-maintain.C:
			d.cache.Maintain(now.UnixNano())
		case <-poll.C:
			if d.places.Changed() {
				d.reloadPlaces()
			}
		case <-reload:
			d.reloadPlaces()
			d.reloadCertificates()
			d.sinkholes.Reload(d.log)
			if d.http != nil {
				d.http.Reload()
			}
			d.watch.Reload(d.log)
			select {
			case d.writer.reopen <- struct{}{}:
			default: // one is asked for already
			}
		}
	}
}

// reloadPlaces takes databases that were replaced.
func (d *daemon) reloadPlaces() {
	switch changed, err := d.places.Reload(); {
	case err != nil:
		d.log.Error("a database was replaced by one that can not be used; the old one stays", "err", err)
	case changed:
		d.log.Info("databases replaced")
	}
}
