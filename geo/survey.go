package geo

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/oschwald/maxminddb-golang/v2"
)

const (
	// surveyFirst is how many networks at the beginning of the tree are looked
	// at, surveyEach how many in each of the prefixes spread over it, and
	// surveyMost how many in all where none has a known fact. A network is met
	// within 128 steps, so that bounds the work also in a tree that is made to
	// be endless: to 50 ms.
	surveyFirst = 2000
	surveyEach  = 50
	surveyMost  = 1 << 14
	// maxKeys is how many keys of unknown records are told.
	maxKeys = 16
)

// A survey is what a walk over some of a database's records found.
type survey struct {
	facts Facts
	keys  []string // keys of records without facts, the first maxKeys
	// nested: a record has maps in it. textASN: it has an ASN as text.
	nested, textASN bool
}

// survey reads records here and there until it has seen every fact or enough.
// Its error says what is damaged.
func (db *Database) survey() (*survey, error) {
	s := &survey{}
	if err := db.sample(s, db.tree.Networks(everything()...), surveyFirst); err != nil {
		return nil, err
	}
	for _, prefix := range spread(db.tree.Metadata.IPVersion == 6) {
		if s.facts == factsAll {
			break
		}
		if err := db.sample(s, db.tree.NetworksWithin(prefix, everything()...), surveyEach); err != nil {
			return nil, err
		}
	}
	if s.facts == 0 {
		if err := db.sample(s, db.tree.Networks(everything()...), surveyMost); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// everything makes maxminddb show each leaf of the tree that it comes to, so
// that counting them bounds the walk.
func everything() []maxminddb.NetworksOption {
	return []maxminddb.NetworksOption{
		maxminddb.IncludeAliasedNetworks(), maxminddb.IncludeNetworksWithoutData(),
	}
}

// spread is prefixes from all over the address space.
func spread(v6 bool) []netip.Prefix {
	var all []netip.Prefix
	for i := 1; i < 224; i += 4 {
		all = append(all, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(i)}), 8))
	}
	for i := 0; v6 && i < 32; i++ { // 2000::/3 is what is given out so far
		all = append(all, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20 + byte(i)}), 8))
	}
	return all
}

func (db *Database) sample(s *survey, networks iter.Seq[maxminddb.Result], most int) error {
	seen := 0
	for r := range networks {
		if seen++; seen > most || s.facts == factsAll {
			return nil
		}
		if err := r.Err(); err != nil {
			return fmt.Errorf("search tree: %w", err)
		}
		if !r.Found() {
			continue
		}
		off := int(r.Offset())
		var info Info
		if f := readRecord(&info, db.data, off); f != 0 {
			return fmt.Errorf("record at byte %d of the data section: %s", off, f)
		}
		s.facts |= info.facts()
		s.look(db.data, off, info.facts() == 0)
	}
	return nil
}

// look notes how the record at off is built, and its keys if it is unknown.
func (s *survey) look(data []byte, off int, unknown bool) {
	w := newWalker(data)
	v := w.value(off)
	if v.kind != kindMap {
		s.note("(records that are no maps)")
		return
	}
	at := v.at
	for range v.size {
		key, next := w.key(at)
		inner := w.value(next)
		if at = w.skip(inner); w.fault != 0 {
			return
		}
		s.nested = s.nested || inner.kind == kindMap
		s.textASN = s.textASN || inner.kind == kindText && string(key) == "asn"
		if unknown {
			s.note(text(key))
		}
	}
}

func (s *survey) note(key string) {
	if len(s.keys) < maxKeys && key != "" && !slices.Contains(s.keys, key) {
		s.keys = append(s.keys, key)
	}
}
