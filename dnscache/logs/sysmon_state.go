package logs

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"flowname/dnscache"
)

// sysmonState is what a join needs to go on. It is JSON: it is written seldom,
// and read by people when something is odd.
type sysmonState struct {
	Version int
	Lookups []sysmonLookup
	Held    []sysmonHeld
}

type sysmonLookup struct {
	Key   []byte
	Names []string
	AtNs  []int64
}

type sysmonHeld struct {
	Key            []byte
	TimeNs         int64
	Client, Server netip.AddrPort
	Proto          uint8
	Path, Host     []byte
	PID            uint32
}

const sysmonStateVersion = 1

// AppendState appends the lookups and the connections that wait.
func (p *sysmonParser) AppendState(dst []byte) []byte {
	s := sysmonState{Version: sysmonStateVersion}
	for _, generation := range []map[string]*lookups{p.join.old, p.join.young} {
		for _, key := range sortedKeys(generation) {
			one := sysmonLookup{Key: []byte(key)}
			known := generation[key]
			for _, l := range known.list[:known.n] {
				one.Names, one.AtNs = append(one.Names, l.name), append(one.AtNs, l.atNs)
			}
			s.Lookups = append(s.Lookups, one)
		}
	}
	for _, host := range sortedKeys(p.join.held) {
		for _, h := range p.join.held[host] {
			c := &h.connection
			s.Held = append(s.Held, sysmonHeld{
				Key: []byte(h.key), TimeNs: c.TimeNs, Proto: c.Proto, PID: c.Process.PID, Path: c.Process.Path, Host: c.Process.Host,
				Client: netip.AddrPortFrom(c.Client, c.ClientPort), Server: netip.AddrPortFrom(c.Server, c.ServerPort),
			})
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		return dst // nothing in a state can not be written
	}
	return append(dst, text...)
}

// Restore takes the state back.
func (p *sysmonParser) Restore(state []byte) error {
	var s sysmonState
	if err := json.Unmarshal(state, &s); err != nil {
		return fmt.Errorf("logs: state of sysmon: %w", err)
	}
	if s.Version != sysmonStateVersion || len(s.Held) > maxHeld || len(s.Lookups) > 2*maxLookups {
		return errors.New("logs: a state of sysmon that another version wrote")
	}
	join := newSysmonJoin()
	for i, l := range s.Lookups {
		if len(l.Names) != len(l.AtNs) || len(l.Names) > maxNamesOfOne || len(l.Key) > maxLookupKey {
			return errors.New("logs: a state of sysmon with a lookup that can not be")
		}
		generation := join.young
		if i < len(s.Lookups)-maxLookups {
			generation = join.old
		}
		known := &lookups{}
		for k := range l.Names {
			known.add([]byte(l.Names[k]), l.AtNs[k])
		}
		generation[string(l.Key)] = known
	}
	for _, h := range s.Held {
		if !h.Client.IsValid() || !h.Server.IsValid() || len(h.Key) > maxLookupKey {
			return errors.New("logs: a state of sysmon with a connection that can not be")
		}
		c := dnscache.Connection{TimeNs: h.TimeNs, Source: dnscache.SourceSysmon, Proto: h.Proto}
		setEnds(&c, h.Client, h.Server)
		c.Process = dnscache.Process{Path: h.Path, PID: h.PID, Host: h.Host}
		join.held[string(h.Host)] = append(join.held[string(h.Host)], heldConnection{string(h.Key), c})
		join.waiting++
	}
	p.join = join
	return nil
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
