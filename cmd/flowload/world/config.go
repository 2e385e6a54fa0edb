package world

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"
)

// Config is all that a world is made of.
type Config struct {
	// Seed makes worlds of the same size differ.
	Seed uint64 `json:"seed"`
	// StartNs is the time of the first answer, Unix nanoseconds.
	StartNs int64 `json:"start_ns"`
	// Clients ask; as many again ask nobody. An even number.
	Clients int `json:"clients"`
	// Answers is how many there are in all turns; it is rounded down to whole
	// turns.
	Answers int `json:"answers"`
	// Turns is how often each pair is answered, PeriodMs how long a turn takes.
	Turns    int   `json:"turns"`
	PeriodMs int64 `json:"period_ms"`
	// Flows is how many there are.
	Flows int `json:"flows"`
	// Other is how many in a hundred flows are not named by an answer of their
	// client's, IPv6 how many in a hundred clients are of IPv6.
	Other int `json:"other"`
	IPv6  int `json:"ipv6"`
	// Exporters is how many send the flows, PerDatagram how many of these they
	// put into a datagram.
	Exporters   int `json:"exporters"`
	PerDatagram int `json:"per_datagram"`
}

// Default is a small world with something of everything.
func Default() Config {
	return Config{
		Seed: 1, StartNs: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(),
		Clients: 1000, Answers: 20_000, Turns: 2, PeriodMs: 60_000, Flows: 100_000,
		Other: 12, IPv6: 10, Exporters: 4, PerDatagram: 18,
	}
}

// Bounds of Config: what addresses, ports and byte counts have room for.
const (
	maxClients     = 8_000_000
	maxAnswers     = 1_000_000_000
	maxPairs       = 30_000_000
	maxFlows       = math.MaxUint32 - minBytes - 1
	maxExporters   = 200
	maxPerDatagram = 30 // NetFlow v5's bound
	portTurns      = 8  // turns that the source port tells apart
	maxGap         = 300_000
)

// Validate says what is wrong with a Config, and what would be right.
func (c *Config) Validate() error {
	between := func(what string, v, low, high int) error {
		if v < low || v > high {
			return fmt.Errorf("%s: %d: want %d to %d", what, v, low, high)
		}
		return nil
	}
	for _, err := range []error{
		between("clients", c.Clients, 2, maxClients),
		between("turns", c.Turns, 1, 1000),
		between("answers", c.Answers, c.Clients*max(c.Turns, 1), maxAnswers),
		between("answers a turn", c.Answers/max(c.Turns, 1), 1, maxPairs),
		between("flows", c.Flows, 1, maxFlows),
		between("other", c.Other, 0, 100),
		between("ipv6", c.IPv6, 0, 100),
		between("exporters", c.Exporters, 1, maxExporters),
		between("flows a datagram", c.PerDatagram, 1, maxPerDatagram),
		between("period in ms", int(c.PeriodMs), 20_000, 120_000),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case c.Clients%2 != 0:
		return fmt.Errorf("clients: %d: want an even number, for two of them share each address", c.Clients)
	case c.StartNs < int64(time.Hour) || c.StartNs%1e6 != 0 || c.StartNs > math.MaxUint32*int64(time.Second):
		return fmt.Errorf("start: %d ns: want whole milliseconds from 1970 to 2106", c.StartNs)
	case c.Turns > portTurns && (portTurns-1)*c.PeriodMs < maxGap:
		return fmt.Errorf("%d turns of %d ms: want at most %d turns, or turns of %d ms at least",
			c.Turns, c.PeriodMs, portTurns, maxGap/(portTurns-1)+1)
	}
	return nil
}

// Save writes a Config to a file.
func (c *Config) Save(path string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// Load reads a Config from a file.
func Load(path string) (Config, error) {
	var c Config
	b, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
