package timeline

import (
	"context"
	"net/netip"
	"time"

	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// A Source is a history that gives runs: a dnscache.Cache or History.
type Source interface {
	Runs(ctx context.Context, q dnscache.Query, yield func(*dnscache.Run) bool) error
}

// Config says how phases are made. The zero Config is usable.
type Config struct {
	// Settle is how long something has to last to be a phase of its own where
	// answers change to and fro. 0: ten minutes, and more where phases would be
	// very many.
	Settle time.Duration
	// Sinkholes are the addresses and the names of known sinkholes; nil: none.
	Sinkholes *indicators.Set
	// Watch is an address that phases list, however few its answers are.
	Watch netip.Addr
}

const (
	defaultSettle = 10 * time.Minute
	widestSettle  = 5 * time.Hour
	// manyPhases is how many are too many for people; then the settle time is
	// three times as long, up to the widest.
	manyPhases = 32
)

// How much of a Phase is listed. All is counted.
const (
	MaxAddresses = 16
	MaxClients   = 5
	MaxAliases   = 4
)

// A Phase is a time in which a name was the same.
type Phase struct {
	State State
	// Also are other states that somebody was told meanwhile.
	Also []State
	// Rotating says that its addresses took turns, each for a short time.
	Rotating bool
	// FirstNs and LastNs are the times of its first and last evidence. The last of
	// one phase can be later than the first of the next: caches go on for a while.
	FirstNs, LastNs int64
	// Count is how many answers there were; Beside counts those that say
	// nothing of it: failures among answers, and that there is no address of one
	// family where there are of the other.
	Count, Beside uint64
	// Addresses are those with the most answers, by time; AddressCount is how many
	// there are.
	Addresses    []Address
	AddressCount int
	// Clients are the first ones, ClientCount is how many there are, of those that
	// the sources could tell.
	Clients     []Client
	ClientCount int
	// Aliases are the ends of CNAME chains that the answers had.
	Aliases []string
	// RCodes are the errors of a phase in which nobody could tell.
	RCodes []uint16
}

// An Address is one of a phase's.
type Address struct {
	Addr            netip.Addr
	State           State
	FirstNs, LastNs int64
	Count           uint64
}

// A Client is one of a phase's, and when it was first told of it.
type Client struct {
	Addr    netip.Addr
	FirstNs int64
}

// Life is what there is to tell of a name.
type Life struct {
	Phases []Phase
	// FirstNs is the time of the earliest evidence, FirstClient whose it is; the
	// zero Addr where the source could not tell.
	FirstNs     int64
	FirstClient netip.Addr
	// ClientCount is how many clients there are in all phases, Count how many
	// answers, those beside them too.
	ClientCount int
	Count       uint64
	// Settle is by what the phases are made.
	Settle time.Duration
}

// Of tells the life of q's name from the history, narrowed by q's client and
// times. It goes through the history twice, or three times; evidence that comes meanwhile is
// counted where it belongs.
func Of(ctx context.Context, src Source, q dnscache.Query, cfg Config) (*Life, error) {
	fixed := cfg.Settle > 0
	if !fixed {
		cfg.Settle = defaultSettle
	}
	c := newCollector(&cfg)
	if err := src.Runs(ctx, q, func(r *dnscache.Run) bool { c.add(r); return true }); err != nil {
		return nil, err
	}
	c.finish()
	life := &Life{Settle: cfg.Settle}
	if len(c.tracks) == 0 {
		return life, nil
	}
	if c.divide(int64(life.Settle)); len(c.answers) > 0 {
		j := newJury(c)
		if err := src.Runs(ctx, q, func(r *dnscache.Run) bool { j.add(r); return true }); err != nil {
			return nil, err
		}
		j.endClient()
	}
	eras := c.divide(int64(life.Settle)).eras()
	for !fixed && len(eras) > manyPhases && 3*life.Settle <= widestSettle {
		life.Settle *= 3
		eras = c.divide(int64(life.Settle)).eras()
	}
	if len(eras) == 0 {
		return life, nil
	}
	n := newCount(c, eras, cfg.Watch)
	if err := src.Runs(ctx, q, func(r *dnscache.Run) bool { n.add(r); return true }); err != nil {
		return nil, err
	}
	n.finish(life)
	return life, nil
}
