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
}

// told is a finding that was; key 0 is none.
type told struct {
	key  uint64
	atNs int64
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

// add remembers key.
func (s *seen) add(key uint64, atNs int64) {
	set := s.set(key)
	at := 0
	for i := range set {
		if set[i].key == key {
			at = i
			break
		}
		if set[i].key == 0 && set[at].key != 0 || set[at].key != 0 && set[i].atNs < set[at].atNs {
			at = i
		}
	}
	if old := &set[at]; old.key != 0 && old.key != key && within(old.atNs, atNs, int64(Repeat)) {
		s.forgotten++
	}
	set[at] = told{key, atNs}
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
