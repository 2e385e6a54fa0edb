package correlate

import (
	"fmt"
	"net/netip"
	"testing"

	"flowname/flows"
)

func TestConnectionsForgetTheOneThatEndedFirst(t *testing.T) {
	cs := newConnections(connWays, 0)
	if len(cs.sets) != 1 {
		t.Fatalf("a table for %d holds %d", connWays, len(cs.sets)*connWays)
	}
	records := make([]flows.Record, connWays+1)
	for i := range records {
		records[i] = flow(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), server, int64(i)*second)
		id, _ := cs.id(&records[i])
		cs.at(cs.touch(id, &records[i])).name(uint32(i+1), 0)
	}
	if cs.forgotten != 1 {
		t.Errorf("forgotten: got %d, want 1", cs.forgotten)
	}
	for i := len(records) - 1; i > 0; i-- {
		id, _ := cs.id(&records[i])
		if c := cs.at(cs.touch(id, &records[i])); c.a != uint32(i+1) {
			t.Errorf("connection %d: got name %d, want its own", i, c.a)
		}
	}
	id, _ := cs.id(&records[0])
	if c := cs.at(cs.touch(id, &records[0])); c.a != 0 {
		t.Errorf("the first connection: got name %d, want it forgotten", c.a)
	}
}

func TestForgottenConnectionsAreCounted(t *testing.T) {
	c := newWorld(t, Config{Connections: connWays})
	for i := range connWays + 2 {
		c.Join([]flows.Record{flow(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}), server, int64(i)*second)}, 0, func(*Flow) {})
	}
	if got := c.Stats().ConnectionsForgotten; got != 2 {
		t.Errorf("forgotten: got %d, want 2", got)
	}
}

func TestConnectionsRememberWhatTheyHaveRoomFor(t *testing.T) {
	const n = 1 << 12
	cs := newConnections(4*n, 42)
	for round := range 2 {
		for i := range n {
			r := flow(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), server, 0)
			id, _ := cs.id(&r)
			c := cs.at(cs.touch(id, &r))
			if round == 1 && c.a != uint32(i+1) {
				t.Fatalf("connection %d: got name %d, want its own", i, c.a)
			}
			c.name(uint32(i+1), 0)
		}
	}
	if cs.forgotten != 0 {
		t.Errorf("forgotten: got %d of %d in a table of %d, want none", cs.forgotten, n, len(cs.sets)*connWays)
	}
}

func TestConnectionIDIsTheSameInBothDirections(t *testing.T) {
	cs := newConnections(connWays, 7)
	for _, r := range []flows.Record{
		flow(alice, server, 0),
		{Src: alice, Dst: alice, SrcPort: 2, DstPort: 1},
		{Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8::2"), SrcPort: 1, DstPort: 1},
	} {
		back := r
		back.Src, back.Dst, back.SrcPort, back.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
		there, swappedThere := cs.id(&r)
		home, swappedHome := cs.id(&back)
		if there != home || swappedThere == swappedHome {
			t.Errorf("%v: got %x swapped %v and %x swapped %v, want one id, swapped once", r.Src, there, swappedThere, home, swappedHome)
		}
	}
}

func TestConnectionIDsDiffer(t *testing.T) {
	cs := newConnections(connWays, 7)
	seen := map[uint64]string{}
	for host := range 64 {
		for port := range uint16(64) {
			for _, proto := range []uint8{6, 17} {
				r := flow(netip.AddrFrom4([4]byte{10, 0, 0, byte(host)}), server, 0)
				r.SrcPort, r.Proto = port, proto
				id, _ := cs.id(&r)
				what := fmt.Sprint(host, port, proto)
				if other, ok := seen[id]; ok {
					t.Fatalf("%s and %s have one id", what, other)
				}
				seen[id] = what
			}
		}
	}
}

func TestHashNameDiffers(t *testing.T) {
	seen := map[uint32]string{}
	for i := range 20_000 {
		name := fmt.Sprintf("host%d.example%d.com", i, i%7)
		h := hashName(name)
		if h == 0 || seen[h] != "" {
			t.Fatalf("%s and %s hash to %d", name, seen[h], h)
		}
		seen[h] = name
	}
}
