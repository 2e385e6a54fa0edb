package check

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"

	"flowname/cmd/flowload/world"
	"flowname/correlate"
	"flowname/flows"
)

// An Account is what became of a world's flows.
type Account struct {
	// Lines is how many were read; Right of them are what they should be, Wrong
	// are not, Foreign are no flow of the world, Twice are of a flow that had
	// come.
	Lines, Right, Wrong, Foreign, Twice uint64
	// Named are those of the right ones that have a name.
	Named uint64
	// Missing flows did not come.
	Missing uint64
	// Faults are the first of what is wrong, with their lines' numbers.
	Faults []string
}

// OK tells whether all is right and at most so many flows are missing.
func (a *Account) OK(missing uint64) bool {
	return a.Wrong == 0 && a.Foreign == 0 && a.Twice == 0 && a.Missing <= missing
}

// maxFaults is how many faults are told.
const maxFaults = 10

// A Checker goes through the lines of one output.
type Checker struct {
	world  *world.World
	places bool
	seen   []uint64 // a bit a flow
	v5     bool
	rec    *scanner
	buf    []byte
	acc    Account
}

// New makes a Checker. With places, addresses must have those of the databases
// that the world writes; without, none.
func New(w *world.World, places bool) *Checker {
	return &Checker{world: w, places: places, rec: newScanner(), seen: make([]uint64, (w.Config().Flows+63)/64)}
}

// Read checks all lines of an output.
func (c *Checker) Read(r io.Reader) error {
	b := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := b.ReadSlice('\n')
		if len(line) > 0 {
			c.Line(line)
		}
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("line %d is over a megabyte", c.acc.Lines)
		case err != nil:
			return err
		}
	}
}

// Line checks one line.
func (c *Checker) Line(line []byte) {
	c.acc.Lines++
	if err := c.rec.scan(line); err != nil {
		c.acc.Foreign++
		c.fault("%v: %.200s", err, line)
		return
	}
	bytes, _ := integer(c.rec.record[keyBytes])
	number, ok := c.world.NumberOf(uint64(bytes))
	if !ok {
		c.acc.Foreign++
		c.fault("no flow of this world has %d bytes: %.200s", bytes, line)
		return
	}
	bit := uint64(1) << (number % 64)
	if c.seen[number/64]&bit != 0 {
		c.acc.Twice++
		c.fault("flow %d came before", number)
		return
	}
	c.seen[number/64] |= bit
	flow := c.world.Flow(int(number))
	if key, want := c.compare(&flow); key >= 0 {
		c.acc.Wrong++
		c.fault("flow %d, %s: got %q, want %q: %.600s", number, keyNames[key], c.rec.record[key], want, line)
		return
	}
	c.acc.Right++
	if flow.Want.Reason == 0 {
		c.acc.Named++
	}
}

func (c *Checker) fault(format string, args ...any) {
	if len(c.acc.Faults) < maxFaults {
		c.acc.Faults = append(c.acc.Faults, fmt.Sprintf("line %d: %s", c.acc.Lines, fmt.Sprintf(format, args...)))
	}
}

// Account counts what is missing and returns what was found.
func (c *Checker) Account() Account {
	a := c.acc
	for n := range c.world.Config().Flows {
		if c.seen[n/64]>>(n%64)&1 != 0 {
			continue
		}
		if c.v5 {
			if f := c.world.Flow(n); f.Client.Addr().Is6() {
				continue // NetFlow v5 can not tell it
			}
		}
		a.Missing++
	}
	return a
}

// compare finds the first key that is wrong, and what it should be; -1 where
// all is right.
func (c *Checker) compare(f *world.Flow) (wrong keyID, want string) {
	slack, ok := c.slack()
	if !ok {
		return keyType, "NETFLOW_V5, NETFLOW_V9, IPFIX or SFLOW_5"
	}
	if string(c.rec.record[keyType]) == sflow {
		if key, want := c.sampled(f); key >= 0 {
			return key, want
		}
	}
	src, dst := f.Src(), f.Dst()
	for _, n := range [...]struct {
		key   keyID
		want  int64
		slack int64
	}{
		{keyPackets, int64(f.Packets), 0},
		{keySrcPort, int64(src.Port()), 0},
		{keyDstPort, int64(dst.Port()), 0},
		{keyFlags, int64(f.TCPFlags), 0},
		{keyStart, f.StartNs, slack},
		{keyEnd, f.EndNs, slack},
	} {
		if got, ok := integer(c.rec.record[n.key]); !ok || got < n.want-n.slack || got > n.want+n.slack {
			return n.key, strconv.FormatInt(n.want, 10)
		}
	}
	for _, a := range [...]struct {
		key  keyID
		want netip.Addr
	}{{keySrcAddr, src.Addr()}, {keyDstAddr, dst.Addr()}} {
		c.buf = a.want.AppendTo(c.buf[:0])
		if !c.says(a.key) {
			return a.key, string(c.buf)
		}
	}
	proto := "TCP"
	if f.Proto == flows.ProtoUDP {
		proto = "UDP"
	}
	if string(c.rec.record[keyProto]) != proto {
		return keyProto, proto
	}
	if key, want := c.compareNames(f, slack); key >= 0 {
		return key, want
	}
	if key, want := c.comparePlace(0, src.Addr()); key >= 0 {
		return key, want
	}
	return c.comparePlace(perEnd, dst.Addr())
}

// sampled makes of a flow what an sFlow agent tells of it: one packet, at the time
// at which its sample was received. That has to be when it was sent.
func (c *Checker) sampled(f *world.Flow) (wrong keyID, want string) {
	n, cfg := int(f.Number), c.world.Config()
	first, last := c.world.ExportNs(n), c.world.ExportNs(min(n+cfg.PerDatagram, cfg.Flows-1))
	got, ok := integer(c.rec.record[keyStart])
	if !ok || got < first || got > last {
		return keyStart, fmt.Sprintf("%d to %d", first, last)
	}
	f.StartNs, f.EndNs, f.Packets = got, got, 1
	if f.Want.Reason == correlate.BeforeSensor {
		f.Want.Reason = correlate.NoAnswer // it is told of much later
	}
	return -1, ""
}

// says compares a key's value with what is in buf. A key that is not there says
// the same as an empty text.
func (c *Checker) says(key keyID) bool { return string(c.rec.record[key]) == string(c.buf) }

const sflow = "SFLOW_5"

// slack is how far a time may be off by the protocol it came in.
func (c *Checker) slack() (ns int64, ok bool) {
	switch string(c.rec.record[keyType]) {
	case "IPFIX":
		return 0, true
	case sflow:
		return 0, true
	case "NETFLOW_V5":
		c.v5 = true
		return 1e6, true
	case "NETFLOW_V9":
		return 1e9 + 1e6, true
	}
	return 0, false
}

// compareNames looks at the names of both ends, their evidence, and the reason.
func (c *Checker) compareNames(f *world.Flow, slack int64) (wrong keyID, want string) {
	server, client := perEnd, keyID(0)
	if f.Reply {
		server, client = client, server
	}
	if c.buf = c.buf[:0]; !c.says(keySrcName + client) {
		return keySrcName + client, ""
	}
	if c.buf = append(c.buf[:0], f.Want.Reason.String()...); !c.says(keyUnnamed) {
		return keyUnnamed, string(c.buf)
	}
	c.buf = append(c.buf[:0], f.Want.Basis.String()...)
	if !c.says(keySrcBasis + server) {
		return keySrcBasis + server, string(c.buf)
	}
	if f.Want.Basis == 0 {
		c.buf = c.buf[:0]
		return c.unless(keySrcName + server)
	}
	if c.buf = f.Want.Name(c.buf[:0]); !c.says(keySrcName + server) {
		return keySrcName + server, string(c.buf)
	}
	if c.buf = f.Want.Canonical(c.buf[:0]); !c.says(keySrcCanonical + server) {
		return keySrcCanonical + server, string(c.buf)
	}
	if f.Want.AnsweredNs != 0 {
		want := (f.StartNs - f.Want.AnsweredNs) / 1e6
		got, ok := integer(c.rec.record[keySrcAge+server])
		if off := slack / 1e6; !ok || got < want-off || got > want+off {
			return keySrcAge + server, strconv.FormatInt(want, 10)
		}
	}
	return -1, ""
}

func (c *Checker) unless(key keyID) (wrong keyID, want string) {
	if c.says(key) {
		return -1, ""
	}
	return key, string(c.buf)
}

// comparePlace looks at the place of the end whose keys are that far from the
// source's.
func (c *Checker) comparePlace(end keyID, a netip.Addr) (wrong keyID, want string) {
	var p world.Place
	if c.places {
		p = c.world.PlaceOf(a)
	}
	if c.buf = c.buf[:0]; p.ASN != 0 {
		c.buf = strconv.AppendUint(c.buf, uint64(p.ASN), 10)
	}
	if key, want := c.unless(keySrcASN + end); key >= 0 {
		return key, want
	}
	if c.buf = p.AppendOrg(c.buf[:0]); !c.says(keySrcOrg + end) {
		return keySrcOrg + end, string(c.buf)
	}
	if c.buf = append(c.buf[:0], p.Country...); !c.says(keySrcCountry + end) {
		return keySrcCountry + end, string(c.buf)
	}
	c.buf = append(c.buf[:0], p.City...)
	return c.unless(keySrcCity + end)
}
