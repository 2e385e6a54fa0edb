package packet

import (
	"math/rand/v2"
	"testing"

	"flowname/dnscache/sensor/capture"
)

const moreV4, moreV6 = 0x2000, 1

// pieces are a datagram's payload cut in eights: the whole is three pieces.
func pieces() (whole []byte, parts [3][]byte) {
	payload := make([]byte, 40)
	for i := range payload {
		payload[i] = byte(i)
	}
	whole = udpDatagram(4321, 53, payload)
	return payload, [3][]byte{whole[:16], whole[16:32], whole[32:]}
}

// raw4 and raw6 are the frames of the three pieces.
func raw4(id int) [3][]byte {
	_, p := pieces()
	return [3][]byte{ipv4Fragment(UDP, id, moreV4, p[0]), ipv4Fragment(UDP, id, moreV4|2, p[1]), ipv4Fragment(UDP, id, 4, p[2])}
}

func raw6(id int) [3][]byte {
	_, p := pieces()
	return [3][]byte{ipv6Fragment(UDP, id, moreV6, p[0]), ipv6Fragment(UDP, id, 16|moreV6, p[1]), ipv6Fragment(UDP, id, 32, p[2])}
}

func decode(d *Decoder, atNs int64, frame []byte) (Packet, bool) {
	var p Packet
	ok := d.Decode(capture.Frame{TimeNs: atNs, Link: capture.LinkRaw, Data: frame, OrigLen: len(frame)}, &p)
	return p, ok
}

func TestFragmentsInEveryOrder(t *testing.T) {
	payload, _ := pieces()
	orders := [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for _, order := range orders {
		for family, frames := range map[string][3][]byte{"IPv4": raw4(1), "IPv6": raw6(1)} {
			d := NewDecoder(Config{})
			for i, n := range order {
				p, ok := decode(d, int64(i), frames[n])
				if ok != (i == 2) {
					t.Fatalf("%s %v: packet %v at piece %d", family, order, ok, i)
				}
				if ok && (string(p.Payload) != string(payload) || p.TimeNs != 2 || p.Dst.Port() != 53) {
					t.Errorf("%s %v: packet %+v", family, order, p)
				}
			}
			if s := d.Stats(); s.Fragments != 3 || s.Reassembled != 1 || d.fragments.bytes != 0 {
				t.Errorf("%s %v: %d bytes, stats %+v", family, order, d.fragments.bytes, s)
			}
		}
	}
}

// TestFragmentsWithDontFragment: DF has no say about a piece.
func TestFragmentsWithDontFragment(t *testing.T) {
	_, p := pieces()
	d := NewDecoder(Config{})
	if _, ok := decode(d, 0, ipv4Fragment(UDP, 1, 0x4000|moreV4, p[0])); ok {
		t.Error("the first piece came out as if it were whole")
	}
	decode(d, 0, ipv4Fragment(UDP, 1, 0x4000|moreV4|2, p[1]))
	if _, ok := decode(d, 0, ipv4Fragment(UDP, 1, 0x4000|4, p[2])); !ok {
		t.Errorf("no packet: %+v", d.Stats())
	}
}

// TestFragmentsInTunnels has pieces of a tunnel's datagram, which holds a piece
// of the inner one.
func TestFragmentsInTunnels(t *testing.T) {
	payload, _ := pieces()
	d := NewDecoder(Config{OpenTunnels: true})
	var got Packet
	var ok bool
	for i, inner := range raw6(5) {
		outer := join(bytesOf(t, "0000 86dd"), inner)
		decode(d, 0, ipv4Fragment(protoGRE, i, 3, outer[24:])) // the end first
		got, ok = decode(d, 0, ipv4Fragment(protoGRE, i, moreV4, outer[:24]))
	}
	if !ok || string(got.Payload) != string(payload) || got.Depth != 1 {
		t.Errorf("packet %+v, stats %+v", got, d.Stats())
	}
}

// TestFragmentRefusals checks what each counter is for, and that no packet
// comes.
func TestFragmentRefusals(t *testing.T) {
	const second = 1_000_000_000
	a, b := raw4(1), raw4(2)
	_, p := pieces()
	changed := join(a[1])
	changed[len(changed)-1] ^= 1
	longer := ipv4Fragment(UDP, 1, 4, join(p[2], []byte{0}))
	type step struct {
		atNs  int64
		frame []byte
	}
	tiny := func(n int) []step {
		var steps []step
		for i := range n {
			steps = append(steps, step{0, ipv4Fragment(UDP, 1, moreV4|(2*i+2), make([]byte, 8))})
		}
		return steps
	}
	cases := []struct {
		name  string
		cfg   Config
		steps []step
		want  func(*Stats) bool
	}{
		{"an exact copy", Config{}, []step{{0, a[0]}, {0, a[0]}, {0, a[2]}, {0, a[2]}},
			func(s *Stats) bool { return s.FragmentDuplicate == 2 && s.FragmentOverlap == 0 }},
		{"other content at the same place", Config{}, []step{{0, a[0]}, {0, a[1]}, {0, changed}, {0, a[2]}},
			func(s *Stats) bool { return s.FragmentOverlap == 1 && s.FragmentDead == 1 }},
		{"overlap by eight", Config{}, []step{{0, a[0]}, {0, ipv4Fragment(UDP, 1, moreV4|1, p[1])}, {0, a[1]}, {0, a[2]}},
			func(s *Stats) bool { return s.FragmentOverlap == 1 && s.FragmentDead == 2 }},
		{"two ends", Config{}, []step{{0, a[2]}, {0, ipv4Fragment(UDP, 1, 8, p[2])}},
			func(s *Stats) bool { return s.FragmentOverlap == 1 }},
		{"the end within", Config{}, []step{{0, a[2]}, {0, longer}}, func(s *Stats) bool { return s.FragmentOverlap == 1 }},
		{"behind the end", Config{}, []step{{0, a[2]}, {0, ipv4Fragment(UDP, 1, moreV4|16, p[1])}},
			func(s *Stats) bool { return s.FragmentOverlap == 1 }},
		{"an end before what there is", Config{}, []step{{0, ipv4Fragment(UDP, 1, moreV4|16, p[1])}, {0, a[2]}},
			func(s *Stats) bool { return s.FragmentOverlap == 1 }},
		{"too old", Config{}, []step{{0, a[0]}, {0, a[1]}, {31 * second, a[2]}},
			func(s *Stats) bool { return s.FragmentExpired == 1 }},
		{"too old, the clock going back", Config{}, []step{{31 * second, a[0]}, {31 * second, a[1]}, {0, a[2]}},
			func(s *Stats) bool { return s.FragmentExpired == 1 }},
		{"others too old", Config{}, []step{{0, a[0]}, {31 * second, b[0]}, {31 * second, b[1]}},
			func(s *Stats) bool { return s.FragmentExpired == 1 }},
		{"too many datagrams", Config{MaxDatagrams: 1}, []step{{0, a[0]}, {0, b[0]}, {0, a[1]}, {0, a[2]}},
			func(s *Stats) bool { return s.FragmentEvicted == 2 }},
		{"too many bytes", Config{MaxFragmentBytes: 40}, []step{{0, a[0]}, {0, a[1]}, {0, b[0]}, {0, b[1]}, {0, a[2]}},
			func(s *Stats) bool { return s.FragmentEvicted == 2 }},
		{"too many bytes, of another", Config{MaxFragmentBytes: 40}, []step{{0, a[0]}, {0, b[0]}, {0, a[1]}},
			func(s *Stats) bool { return s.FragmentEvicted == 1 }},
		{"too many pieces", Config{}, tiny(maxFragments + 2), func(s *Stats) bool { return s.FragmentMany == 1 && s.FragmentDead == 1 }},
	}
	for _, c := range cases {
		d := NewDecoder(c.cfg)
		for i, s := range c.steps {
			if p, ok := decode(d, s.atNs, s.frame); ok {
				t.Errorf("%s: step %d gave %+v", c.name, i, p)
			}
		}
		s := d.Stats()
		if !c.want(&s) {
			t.Errorf("%s: stats %+v", c.name, s)
		}
		held := 0
		for _, g := range d.fragments.order {
			held += g.size
		}
		if held != d.fragments.bytes || len(d.fragments.order) != len(d.fragments.pending) {
			t.Errorf("%s: %d bytes accounted for, %d held; %d in order, %d pending", c.name,
				d.fragments.bytes, held, len(d.fragments.order), len(d.fragments.pending))
		}
	}
}

// TestFragmentModel cuts many datagrams at random, mixes their pieces and
// repeats some: each comes out once for each time it was whole, as it was.
func TestFragmentModel(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		want := make(map[string]bool)
		var frames [][]byte
		for id := range 20 {
			payload := make([]byte, 1+rng.IntN(3000))
			for i := range payload {
				payload[i] = byte(rng.Uint32())
			}
			want[string(payload)] = true
			b := udpDatagram(1, 2, payload)
			for at := 0; at < len(b); {
				n, more := 8*(1+rng.IntN(100)), 1
				if at+n >= len(b) {
					n, more = len(b)-at, 0
				}
				f := ipv4Fragment(UDP, id, more*moreV4|at/8, b[at:at+n])
				if id%2 == 1 {
					f = ipv6Fragment(UDP, id, at|more, b[at:at+n])
				}
				frames = append(frames, f)
				at += n
			}
		}
		rng.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
		d := NewDecoder(Config{})
		for _, f := range frames {
			for range 1 + rng.IntN(2) {
				p, ok := decode(d, 0, f)
				if ok && !want[string(p.Payload)] {
					t.Fatalf("seed %d: a payload that was not sent: %x", seed, p.Payload)
				}
				if ok {
					delete(want, string(p.Payload))
					break
				}
			}
		}
		if len(want) != 0 {
			t.Fatalf("seed %d: %d datagrams missing: %+v", seed, len(want), d.Stats())
		}
	}
}
