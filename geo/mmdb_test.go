package geo

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// A testDB is a database to be made: networks to records.
type testDB struct {
	kind       string
	ipVersion  int // 0 is 6
	recordSize int // 0 is 28
	records    map[string]mmdbtype.DataType
}

// bytes builds the file.
func (d testDB) bytes(t testing.TB) []byte {
	t.Helper()
	opts := mmdbwriter.Options{
		DatabaseType:            d.kind,
		Description:             map[string]string{"en": "made by a test"},
		IncludeReservedNetworks: true,
		BuildEpoch:              1700000000,
		IPVersion:               d.ipVersion,
		RecordSize:              d.recordSize,
	}
	tree, err := mmdbwriter.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	for cidr, record := range d.records {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, record); err != nil {
			t.Fatalf("insert %s: %v", cidr, err)
		}
	}
	var buf bytes.Buffer
	if _, err := tree.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// file builds the file and writes it to a directory of the test's.
func (d testDB) file(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.mmdb")
	replace(t, path, d.bytes(t))
	return path
}

// replace writes a file beside path and renames it over it.
func replace(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// record makes a map of keys and values: text, numbers and records.
func record(pairs ...any) mmdbtype.Map {
	m := mmdbtype.Map{}
	for i := 0; i < len(pairs); i += 2 {
		var v mmdbtype.DataType
		switch x := pairs[i+1].(type) {
		case string:
			v = mmdbtype.String(x)
		case int:
			v = mmdbtype.Uint32(x)
		case float64:
			v = mmdbtype.Float64(x)
		case mmdbtype.DataType:
			v = x
		default:
			panic("no such value")
		}
		m[mmdbtype.String(pairs[i].(string))] = v
	}
	return m
}

// single is a database with the same record for all of 1.0.0.0/8.
func single(kind string, r mmdbtype.DataType) testDB {
	return testDB{kind: kind, records: map[string]mmdbtype.DataType{"1.0.0.0/8": r}}
}

func asnDB(number int, org string) testDB {
	return single("GeoLite2-ASN", record("autonomous_system_number", number, "autonomous_system_organization", org))
}

func cityDB(country, city string) testDB {
	return single("GeoLite2-City", record(
		"country", record("iso_code", country),
		"city", record("names", record("en", city, "de", "auf Deutsch")),
		"location", record("latitude", 1.5, "longitude", -2.5)))
}

// lookUp is what db alone knows of addr.
func lookUp(db *Database, dst *Info, addr netip.Addr) (known, bad bool) {
	s := set{asn: db}
	f, _, damaged := s.find(addr)
	damaged += s.read(dst, records{asn: f.record})
	return dst.facts() != 0, damaged > 0
}
