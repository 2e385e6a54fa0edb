package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/clients"
	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/metric"
	"flowname/cmd/flowname/table"
	"flowname/correlate"
	"flowname/correlate/findings"
	"flowname/correlate/visibility"
	"flowname/dnscache"
)

// ClientFlags are the flags of what is known of each client.
type ClientFlags struct {
	MaxClients int `name:"max-clients" help:"Clients that are known at most, 150 bytes each and 60 in the index (default ${default}); 0: nobody counts for 'flowname clients', and no_lookup is never found." default:"1000000"`
}

// Check refuses what can not work.
func (f *ClientFlags) Check() error {
	if f.MaxClients < 0 {
		return errors.New("--max-clients is negative")
	}
	return nil
}

// Periods of what is done about clients besides counting.
const (
	clientSurvey = time.Minute     // for the sizes in /metrics
	clientSave   = 5 * time.Minute // what a kill can lose of the counts
)

// A clientBook counts the flows of clients: a table for each joiner, and what they
// share. A nil one counts nothing.
type clientBook struct {
	config visibility.Config
	judge  visibility.Judge
	doh    *findings.DoH
	cache  *dnscache.Cache
	tables []lockedTable
	before []visibility.Row // of the last run, for the first table

	mu     sync.Mutex // held while all clients are looked at
	keeper visibility.Keeper

	network counters.Snapshot[visibility.Network]
}

// A lockedTable is a table with the lock of its joiner.
type lockedTable struct {
	*visibility.Table
	lock sync.Locker
}

// clientConfig is what a clientBook is made of.
type clientConfig struct {
	flags      *ClientFlags
	cache      *dnscache.Cache
	forwarders []netip.Prefix
	reporter   *reporter // has what both are told of this network
	seed       uint64    // 0: a secret one
}

// openClientBook makes a clientBook of what the last run has left; nil where none is
// wanted. An error is of what was left; the book is good all the same.
func openClientBook(cfg clientConfig) (*clientBook, error) {
	if cfg.flags.MaxClients == 0 {
		return nil, nil
	}
	b := &clientBook{
		config: visibility.Config{
			Inside: &cfg.reporter.inside, Resolvers: cfg.reporter.allowed, Forwarders: cfg.forwarders,
			Room: visibility.NewRoom(cfg.flags.MaxClients), Seed: cfg.seed,
		},
		judge:  visibility.Judge{Resolvers: cfg.reporter.allowed, Forwarders: cfg.forwarders},
		doh:    cfg.reporter.doh,
		cache:  cfg.cache,
		keeper: visibility.Keeper{Shelf: cfg.cache.Shelf(dnscache.ShelfVisibility)},
	}
	var err error
	b.before, _, err = b.keeper.Load()
	for i := range b.before {
		b.cache.RestoreSight(b.before[i].Client, b.before[i].Sight)
	}
	return b, err
}

// newTable makes the table of one joiner, which is read with its lock.
func (b *clientBook) newTable(lock sync.Locker) *visibility.Table {
	t := visibility.New(b.config)
	t.Restore(b.before)
	b.before = nil
	b.tables = append(b.tables, lockedTable{t, lock})
	return t
}

// toDoH says whether a flow's server is known to offer DNS over HTTPS: by the name that
// the client has for it, which goes before its address, as other sites can be there too.
func (l *Lookout) toDoH(f *correlate.Flow) bool {
	server, addr, port := f.Server()
	if port != portHTTPS {
		return false
	}
	if b := server.Basis(); b != 0 && b != correlate.Others {
		return l.known.of(server).doh
	}
	return l.watch.clients.doh.Addr(addr)
}

const portHTTPS = 443

// ClientStats is the account of the lookout's table.
func (l *Lookout) ClientStats() (s visibility.Stats) {
	if l.clients != nil {
		s = l.clients.Stats()
	}
	return s
}

// partClients is how many clients are copied at a time, about.
const partClients = 1 << 16

// parts are all clients that are known, in order within each part. The rows are valid
// until the next part.
func (b *clientBook) parts(yield func([]visibility.Row) bool) {
	if len(b.tables) == 0 { // no flows are taken: those of the last run stay
		yield(b.before)
		return
	}
	clients := 0
	for _, t := range b.tables {
		t.lock.Lock()
		clients += t.Clients()
		t.lock.Unlock()
	}
	part := visibility.Part{Of: uint32(1 + clients/partClients)}
	rows := make([]visibility.Row, 0, clients/int(part.Of)*5/4)
	for ; part.Number < part.Of; part.Number++ {
		rows = rows[:0]
		for _, t := range b.tables {
			for next, more := uint32(0), true; more; more = next != 0 {
				t.lock.Lock()
				rows, next = t.AppendRows(rows, part, next)
				t.lock.Unlock()
			}
		}
		merged := visibility.Merge(rows)
		for i := range merged {
			merged[i].Sight, _ = b.cache.Client(merged[i].Client)
		}
		if !yield(merged) {
			return
		}
	}
}

// look gives all clients to visit, if that is not nil, with their statuses, and adds them
// up.
func (b *clientBook) look(visit func(*visibility.Row, visibility.Status)) (network visibility.Network) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.parts(func(rows []visibility.Row) bool {
		network.AddRows(rows, &b.judge, visit)
		return true
	})
	b.network.Store(network)
	return network
}

// serve answers GET /api/v1/clients.
func (b *clientBook) serve(w http.ResponseWriter, r *http.Request) {
	if b == nil {
		clients.Serve(w, r, nil, nil)
		return
	}
	clients.Serve(w, r, b.look, &b.judge)
}

// save keeps what is known of clients.
func (b *clientBook) save() error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.keeper.Save(b.parts, &b.judge); err != nil {
		return fmt.Errorf("what is known of clients could not be saved: %w", err)
	}
	return nil
}

// keep looks at all clients from time to time, and saves them. It has a goroutine of
// its own: a joiner holds its lock while the output is slow.
func (b *clientBook) keep(ctx context.Context, log *slog.Logger) error {
	if b == nil {
		return nil
	}
	survey, save := time.NewTicker(clientSurvey), time.NewTicker(clientSave)
	defer survey.Stop()
	defer save.Stop()
	b.look(nil)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-survey.C:
			b.look(nil)
		case <-save.C:
			if err := b.save(); err != nil {
				log.Error("after a restart they will be counted anew", "err", err)
			}
		}
	}
}

// metrics gives what joiners have published, added up, and the clients of the last survey.
func (b *clientBook) metrics(ch chan<- prometheus.Metric, sum *visibility.Stats) {
	if b == nil {
		return
	}
	for how, t := range sum.By {
		by := []string{"how", visibility.How(how).String()}
		metric.Count(ch, "flowname_visibility_flows_total", "Flows of clients that a lookup could be expected before, by what names them or why nothing does.", t.Flows, by...)
		metric.Count(ch, "flowname_visibility_bytes_total", "Bytes of these flows as exported.", t.Bytes, by...)
	}
	all, own := sum.Tally()
	metric.Count(ch, "flowname_visibility_all_flows_total", "Flows of clients that a lookup could be expected before.", all.Flows)
	metric.Count(ch, "flowname_visibility_own_flows_total", "Of these, flows with names of their own.", own.Flows)
	metric.Count(ch, "flowname_visibility_all_bytes_total", "Bytes of flows of clients that a lookup could be expected before.", all.Bytes)
	metric.Count(ch, "flowname_visibility_own_bytes_total", "Of these, bytes of flows with names of their own.", own.Bytes)
	for kind := visibility.Asked(1); kind < visibility.NumAsked; kind++ {
		metric.Count(ch, "flowname_visibility_asked_total", "Flows of clients to resolvers, by kind.", sum.Asked[kind], "kind", kind.String())
	}
	metric.Account(ch, "visibility", struct{ Clients, Evicted, AtDoor, Refused uint64 }{sum.Clients, sum.Evicted, sum.AtDoor, sum.Refused})
	network := b.network.Load()
	for _, s := range visibility.Statuses() {
		metric.Size(ch, "flowname_visibility_status_clients", "Clients by status, at most a minute ago.", network.By[s], "status", s.String())
	}
}

// summarise is a line for the summary of a replay; empty where there are no clients.
func (b *clientBook) summarise() string {
	if b == nil {
		return ""
	}
	network := b.look(nil)
	if network.Clients == 0 {
		return ""
	}
	total, own := network.Total()
	return fmt.Sprintf("%s clients: %s; %s of their %s flows that count have names of their own\n",
		table.Grouped(network.Clients), statusCounts(&network), table.Percent(own, total), table.Grouped(total))
}

// statusCounts says how many clients have each status.
func statusCounts(n *visibility.Network) string {
	var parts []string
	for _, s := range visibility.Statuses() {
		if n.By[s] > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", table.Grouped(n.By[s]), s))
		}
	}
	return strings.Join(parts, ", ")
}
