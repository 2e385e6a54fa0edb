package geo

import (
	"bytes"
	"net/netip"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

const (
	// metadataMarker begins the metadata; separator is the zeroes between tree
	// and data (MaxMind DB File Format 2.0).
	metadataMarker = "\xAB\xCD\xEFMaxMind.com"
	separator      = 16
)

// Metadata is what a database says of itself and what was found in it.
type Metadata struct {
	Path        string
	Type        string    // database_type, as "GeoLite2-City"
	Description string    // the English one where there is one
	Schema      string    // whose keys its records have, in words
	Facts       Facts     // what its records carry
	Built       time.Time // the zero time where it is absurd
	IPVersion   int       // 4, or 6 for both
	Size        int64     // bytes
}

// A Database is one MMDB file in memory. It may be used by any goroutine.
type Database struct {
	meta Metadata
	tree *maxminddb.Reader
	data []byte      // the data section
	info os.FileInfo // of the file it was read from
}

// Open reads the file at path and checks it. Its error is an *OpenError.
func Open(path string) (*Database, error) {
	buf, info, err := readFile(path)
	if err != nil {
		return nil, err
	}
	db, err := parse(path, buf)
	if err != nil {
		return nil, err
	}
	db.info = info
	return db, nil
}

// parse makes a Database of a file's content, which must not change any more.
func parse(path string, buf []byte) (*Database, error) {
	end := bytes.LastIndex(buf, []byte(metadataMarker))
	if end < 0 {
		return nil, notMMDB(path, buf[:min(len(buf), headSize)])
	}
	tree, err := maxminddb.OpenBytes(buf, maxminddb.DisableStringCache())
	if err != nil {
		return nil, damaged(path, err.Error())
	}
	m := &tree.Metadata
	if m.BinaryFormatMajorVersion != 2 || m.IPVersion != 4 && m.IPVersion != 6 ||
		m.RecordSize != 24 && m.RecordSize != 28 && m.RecordSize != 32 {
		return nil, badHeader(path, m)
	}
	start := m.NodeCount*(m.RecordSize/4) + separator // OpenBytes has checked it
	db := &Database{tree: tree, data: buf[start:end:end]}
	s, err := db.survey()
	if err != nil {
		return nil, damaged(path, err.Error())
	}
	db.meta = Metadata{
		Path:        path,
		Type:        text([]byte(m.DatabaseType)),
		Description: description(m.Description),
		Facts:       s.facts,
		Built:       buildTime(m.BuildEpoch),
		IPVersion:   int(m.IPVersion),
		Size:        int64(len(buf)),
	}
	db.meta.Schema = s.schema(db.meta.Type)
	if s.facts == 0 {
		return nil, noFacts(path, db.meta.Type, s.keys)
	}
	return db, nil
}

// Metadata is what db says of itself.
func (db *Database) Metadata() Metadata { return db.meta }

// A found is what a database has for an address: its record's offset and one, 0
// where there is none, and the length of the network that all has the same.
type found struct {
	record uint32 // a file has at most 2 GiB
	length int
}

// find looks addr up in the search tree; a nil db has nothing. Where the tree is
// damaged that is known of the address only.
func (db *Database) find(addr netip.Addr) (f found, bad bool) {
	if db == nil || db.meta.IPVersion == 4 && !addr.Is4() {
		return found{}, false
	}
	r := db.tree.Lookup(addr)
	if r.Err() != nil {
		return found{length: addr.BitLen()}, true
	}
	if r.Found() {
		f.record = uint32(r.Offset()) + 1
	}
	// A network that has IPv4 as a whole, and more, is one of IPv6.
	if n := r.Prefix(); n.Addr().BitLen() == addr.BitLen() {
		f.length = n.Bits()
	}
	return f, false
}

func buildTime(epoch uint) time.Time {
	const year10000 = 253402300800
	if uint64(epoch) >= year10000 {
		return time.Time{}
	}
	return time.Unix(int64(epoch), 0).UTC()
}

func description(all map[string]string) string {
	if s, ok := all["en"]; ok {
		return text([]byte(s))
	}
	var languages []string
	for l := range all {
		languages = append(languages, l)
	}
	sort.Strings(languages)
	for _, l := range languages {
		return text([]byte(all[l]))
	}
	return ""
}

// schema says whose keys the records have: the maker's that the type names, or
// those that the records look like.
func (s *survey) schema(dbType string) string {
	for _, maker := range [...][2]string{
		{"GeoIP", "GeoIP2"}, {"GeoLite", "GeoIP2"}, {"DBIP-", "DB-IP"}, {"ipinfo ", "IPinfo"},
	} {
		if strings.HasPrefix(dbType, maker[0]) {
			return maker[1]
		}
	}
	switch {
	case s.nested:
		return "like GeoIP2"
	case s.textASN:
		return "like IPinfo"
	}
	return "flat"
}
