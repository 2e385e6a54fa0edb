package watch

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/lograte"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
)

// FirstSeenFlags are the flags of first sightings.
type FirstSeenFlags struct {
	FirstSeen bool          `name:"first-seen" help:"Keep when domains and names were first seen here, and by each client (default ${default})." default:"true" negatable:""`
	WarmUp    time.Duration `name:"warm-up" help:"How long after the first evidence of all what is new may be old, and is not young (default ${default})." default:"24h"`
	NewDomain time.Duration `name:"new-domain" help:"How long a domain is young after it was first seen here (default ${default}); 0 for never." default:"72h"`
}

// Check refuses what can not work.
func (f *FirstSeenFlags) Check() error {
	return (&firstseen.Config{WarmUp: f.WarmUp, Young: f.NewDomain}).Validate()
}

// settleEvery bounds how long what is new waits to be entered: with the write itself
// the end of the process costs less than a second.
const settleEvery = 100 * time.Millisecond

// sightings are the book of first sightings and whose evidence goes into it. A nil
// one keeps nothing.
type sightings struct {
	book  *firstseen.Book
	cache *dnscache.Cache
}

// openSightings opens the book in a cache's store, as of a time; 0 is not known yet.
func openSightings(flags *FirstSeenFlags, cache *dnscache.Cache, seed uint64, nowNs int64) (*sightings, error) {
	if !flags.FirstSeen {
		return nil, nil
	}
	if err := flags.Check(); err != nil {
		return nil, command.Usagef("%v", err)
	}
	book, err := firstseen.New(firstseen.Config{
		Shelf: cache.Shelf(dnscache.ShelfFirstSeen), WarmUp: flags.WarmUp, Young: flags.NewDomain, Seed: seed,
	})
	if err != nil {
		return nil, err
	}
	s := &sightings{book, cache}
	return s, s.settle(nowNs)
}

// note takes in what a response tells.
func (s *sightings) note(r *dnscache.Response) {
	if s != nil {
		s.book.Note(s.cache.Asker(r), r)
	}
}

// connection takes in the name that somebody reached a server by.
func (s *sightings) connection(x *dnscache.Connection) {
	if s == nil {
		return
	}
	client := x.Client
	if !dnscache.IsHost(client) {
		client = netip.Addr{}
	}
	s.book.NoteConnection(client, x)
}

func (s *sightings) settle(nowNs int64) error {
	if s == nil {
		return nil
	}
	return s.book.Settle(nowNs)
}

// keep settles until ctx ends.
func (s *sightings) keep(ctx context.Context, log *slog.Logger) error {
	if s == nil {
		return nil
	}
	tick := time.NewTicker(settleEvery)
	defer tick.Stop()
	var complaints lograte.Limit
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			err := s.settle(now.UnixNano())
			if err == nil {
				continue
			}
			if ok, _ := complaints.Allow(now); ok {
				log.Error("first sightings could not be written; it is tried again", "err", err)
			}
		}
	}
}

// key is what ageNs finds a domain by.
func (s *sightings) key(domain string) firstseen.Key {
	if s == nil {
		return 0
	}
	return s.book.KeyOf(domain)
}

// fetch has what ageNs will read brought near.
func (s *sightings) fetch(k *knownName) {
	if s != nil {
		s.book.Fetch(firstseen.Key(k.key))
	}
}

// ageNs is how long before atNs a name's domain was first seen, while it is young;
// else -1.
func (s *sightings) ageNs(k *knownName, atNs int64) int64 {
	if s == nil || k.domain() == "" {
		return -1
	}
	return s.book.AgeOf(firstseen.Key(k.key), k.domain(), atNs)
}

// pages gives what is known now, what is not settled yet included; nil where nobody
// keeps it.
func (s *sightings) pages() func() (*firstseen.Pages, error) {
	if s == nil {
		return nil
	}
	return func() (*firstseen.Pages, error) {
		if err := s.settle(time.Now().UnixNano()); err != nil {
			return nil, err
		}
		return s.book.Pages()
	}
}
