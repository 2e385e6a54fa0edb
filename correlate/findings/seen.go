package findings

// seenEntries is how many findings are remembered: 1 MiB.
const (
	seenEntries = 1 << 16
	seenWays    = 4
)

// seen remembers what was told, in sets of a few: of a full one the oldest makes
// room.
type seen struct {
	sets      [][seenWays]told
	forgotten uint64
	unkept    int // findings that have yet to be kept
}

// told is a finding that was; key 0 is none.
type told struct {
	key  uint64
	atNs int64
	turn uint32 // how often lines had been taken
	kept bool   // or is not to be
}

func (s *seen) init() { s.sets = make([][seenWays]told, seenEntries/seenWays) }

func (s *seen) set(key uint64) *[seenWays]told { return &s.sets[key%uint64(len(s.sets))] }

// has says whether key was told less than Repeat before or after.
func (s *seen) has(key uint64, atNs int64) bool {
	set := s.set(key)
	for i := range set {
		if set[i].key == key {
			return within(set[i].atNs, atNs, int64(Repeat))
		}
	}
	return false
}

// within says whether two times are less than d apart.
func within(a, b, d int64) bool {
	return a <= b && uint64(b)-uint64(a) < uint64(d) || b < a && uint64(a)-uint64(b) < uint64(d)
}

// add remembers a finding.
func (s *seen) add(t told) {
	set := s.set(t.key)
	at := 0
	for i := range set {
		if set[i].key == t.key {
			at = i
			break
		}
		if set[i].key == 0 && set[at].key != 0 || set[at].key != 0 && set[i].atNs < set[at].atNs {
			at = i
		}
	}
	old := &set[at]
	if old.key != 0 && old.key != t.key && within(old.atNs, t.atNs, int64(Repeat)) {
		s.forgotten++
	}
	if old.key != 0 && !old.kept {
		s.unkept--
	}
	if !t.kept {
		s.unkept++
	}
	*old = t
}

// limit counts what was told in the minute that it is.
type limit struct {
	minute int64
	all    int
	codes  [256]uint16
}

// pass begins another minute, which is a different one and not a later one: a clock
// that was wrong must not stop all for as long as it was.
func (l *limit) pass(nowNs int64) {
	if m := nowNs / (60 * 1e9); m != l.minute {
		*l = limit{minute: m}
	}
}

func (l *limit) allow(c Code) bool {
	if l.all >= InAll || l.codes[c] >= PerCode {
		return false
	}
	l.all++
	l.codes[c]++
	return true
}
