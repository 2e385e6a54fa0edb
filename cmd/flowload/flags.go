package main

import (
	"time"

	"flowname/cmd/flowload/world"
)

// WorldFlags are the flags of what a world is made of.
type WorldFlags struct {
	Clients     int           `help:"Clients that ask; as many again ask nobody (default ${default})." default:"1000"`
	Answers     int           `help:"DNS answers, in all turns (default ${default})." default:"20000"`
	Flows       int           `help:"Flows (default ${default})." default:"100000"`
	Turns       int           `help:"How often a client asks for the same address, with another name each time (default ${default})." default:"2"`
	Period      time.Duration `help:"How long a turn takes, in the world's time (default ${default})." default:"60s"`
	Other       int           `help:"How many in a hundred flows are not named by their client's own answer (default ${default})." default:"12"`
	IPv6        int           `name:"ipv6" help:"How many in a hundred clients are of IPv6 (default ${default})." default:"10"`
	Exporters   int           `help:"Exporters (default ${default})." default:"4"`
	PerDatagram int           `help:"Flows in a datagram (default ${default})." default:"18"`
	Seed        uint64        `help:"Makes worlds of one size differ (default ${default})." default:"1"`
	Start       string        `help:"The time of the first answer, RFC 3339 or now (default ${default})." default:"2026-01-01T00:00:00Z" placeholder:"TIME"`
}

// make makes the world of the flags.
func (f *WorldFlags) make() (*world.World, error) {
	start := time.Now().Truncate(time.Millisecond)
	if f.Start != "now" {
		var err error
		if start, err = time.Parse(time.RFC3339, f.Start); err != nil {
			return nil, usagef("--start %q: want a time such as 2026-01-01T00:00:00Z, or now", f.Start)
		}
	}
	w, err := world.New(world.Config{
		Seed: f.Seed, StartNs: start.UnixNano(), Clients: f.Clients, Answers: f.Answers, Turns: f.Turns,
		PeriodMs: f.Period.Milliseconds(), Flows: f.Flows, Other: f.Other, IPv6: f.IPv6,
		Exporters: f.Exporters, PerDatagram: f.PerDatagram,
	})
	if err != nil {
		return nil, usagef("%v", err)
	}
	return w, nil
}

// loadWorld makes the world of a file that write has written.
func loadWorld(path string) (*world.World, error) {
	c, err := world.Load(path)
	if err != nil {
		return nil, err
	}
	return world.New(c)
}
