package geo

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus is a folder of MaxMind's test databases beside the project.
func corpus(t testing.TB, folder string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "corpus", "mmdb", "maxmind", folder)
	if !exists(path) {
		t.Skipf("no corpus: %s is absent", path)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// expected reads a record of the source JSON in the obvious way.
func expected(r map[string]any) Info {
	at := func(v any, path ...string) any {
		for _, key := range path {
			m, _ := v.(map[string]any)
			v = m[key]
		}
		return v
	}
	var want Info
	asn, _ := at(r, "autonomous_system_number").(float64)
	want.ASN = uint32(asn)
	want.Org, _ = at(r, "autonomous_system_organization").(string)
	if want.Country, _ = at(r, "country", "iso_code").(string); want.Country == "" {
		want.Country, _ = at(r, "registered_country", "iso_code").(string)
	}
	want.City, _ = at(r, "city", "names", "en").(string)
	lat, ok1 := at(r, "location", "latitude").(float64)
	lon, ok2 := at(r, "location", "longitude").(float64)
	if ok1 && ok2 {
		want.Lat, want.Lon, want.HasLocation = lat, lon, true
	}
	return want
}

// Each network of MaxMind's sources has what the source says.
func TestCorpusSources(t *testing.T) {
	data, sources := corpus(t, "test-data"), corpus(t, "source-data")
	tests := []struct {
		name  string
		facts Facts
		least int // look-ups that have to be compared
	}{
		{"GeoIP2-City-Test", FactCountry | FactCity | FactLocation, 200},
		{"GeoIP2-Country-Test", FactCountry, 200},
		{"GeoIP2-ISP-Test", FactASN | FactOrg, 300},
		{"GeoLite2-ASN-Test", FactASN | FactOrg, 300},
		{"GeoLite2-City-Test", FactCountry | FactCity | FactLocation, 200},
		{"GeoLite2-Country-Test", FactCountry, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, err := Open(filepath.Join(data, tt.name+".mmdb"))
			if err != nil {
				t.Fatal(err)
			}
			if got := db.Metadata(); got.Facts != tt.facts || got.Schema != "GeoIP2" {
				t.Errorf("metadata %+v, want facts %s", got, tt.facts)
			}
			compared := 0
			for network, want := range sourceNetworks(t, filepath.Join(sources, tt.name+".json")) {
				var got Info
				_, bad := lookUp(db, &got, network.Addr())
				if diff := cmp.Diff(want, got); diff != "" || bad {
					t.Errorf("%s: damaged %v, -want +got:\n%s", network, bad, diff)
				}
				compared++
			}
			if compared < tt.least {
				t.Errorf("%d networks compared, want at least %d", compared, tt.least)
			}
		})
	}
}

// sourceNetworks is each network of a source with its Info, without those in
// which a longer one begins at the same address.
func sourceNetworks(t *testing.T, path string) map[netip.Prefix]Info {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var entries []map[string]map[string]any
	if err := json.Unmarshal(content, &entries); err != nil {
		t.Fatal(err)
	}
	longest := map[netip.Addr]netip.Prefix{}
	all := map[netip.Prefix]Info{}
	for _, e := range entries {
		for cidr, r := range e {
			p := netip.MustParsePrefix(cidr)
			a := p.Addr()
			if a.Is6() && a.As16() == [16]byte{12: a.As16()[12], 13: a.As16()[13], 14: a.As16()[14], 15: a.As16()[15]} && p.Bits() >= 96 {
				b := a.As16() // "::1.2.3.0/120" is how the sources write 1.2.3.0/24
				p = netip.PrefixFrom(netip.AddrFrom4([4]byte(b[12:])), p.Bits()-96)
			}
			if was, ok := longest[p.Addr()]; ok {
				if was.Bits() > p.Bits() {
					continue
				}
				delete(all, was)
			}
			longest[p.Addr()], all[p] = p, expected(r)
		}
	}
	return all
}

// A corpusOutcome is what becomes of opening a file of the corpus.
type corpusOutcome struct {
	err   error
	facts Facts
}

var corpusFiles = map[string]corpusOutcome{
	"GeoIP-Anonymous-Plus-Test.mmdb":                 {err: ErrNoFacts},
	"GeoIP-Residential-Proxy-Test.mmdb":              {err: ErrNoFacts},
	"GeoIP2-Anonymous-IP-Test.mmdb":                  {err: ErrNoFacts},
	"GeoIP2-Connection-Type-Test.mmdb":               {err: ErrNoFacts},
	"GeoIP2-DensityIncome-Test.mmdb":                 {err: ErrNoFacts},
	"GeoIP2-Domain-Test.mmdb":                        {err: ErrNoFacts},
	"GeoIP2-IP-Risk-Test.mmdb":                       {err: ErrNoFacts},
	"GeoIP2-Static-IP-Score-Test.mmdb":               {err: ErrNoFacts},
	"GeoIP2-User-Count-Test.mmdb":                    {err: ErrNoFacts},
	"GeoIP2-City-Test.mmdb":                          {facts: FactCountry | FactCity | FactLocation},
	"GeoIP2-City-Shield-Test.mmdb":                   {facts: FactCountry | FactCity | FactLocation},
	"GeoLite2-City-Test.mmdb":                        {facts: FactCountry | FactCity | FactLocation},
	"GeoIP2-Country-Test.mmdb":                       {facts: FactCountry},
	"GeoIP2-Country-Shield-Test.mmdb":                {facts: FactCountry},
	"GeoLite2-Country-Test.mmdb":                     {facts: FactCountry},
	"GeoIP2-Enterprise-Test.mmdb":                    {facts: factsAll},
	"GeoIP2-Enterprise-Shield-Test.mmdb":             {facts: factsAll},
	"GeoIP2-Precision-Enterprise-Test.mmdb":          {facts: factsAll},
	"GeoIP2-Precision-Enterprise-Shield-Test.mmdb":   {facts: factsAll},
	"GeoIP2-ISP-Test.mmdb":                           {facts: FactASN | FactOrg},
	"GeoLite2-ASN-Test.mmdb":                         {facts: FactASN | FactOrg},
	"GeoIP2-City-Test-Broken-Double-Format.mmdb":     {err: ErrDamaged},
	"GeoIP2-City-Test-Invalid-Node-Count.mmdb":       {err: ErrDamaged},
	"MaxMind-DB-test-broken-pointers-24.mmdb":        {err: ErrDamaged},
	"MaxMind-DB-test-broken-search-tree-24.mmdb":     {err: ErrDamaged},
	"libmaxminddb-metadata-marker-only.mmdb":         {err: ErrDamaged},
	"libmaxminddb-corrupt-search-tree.mmdb":          {err: ErrNoFacts},
	"libmaxminddb-offset-integer-overflow.mmdb":      {err: ErrDamaged},
	"libmaxminddb-separator-record-max-left.mmdb":    {err: ErrDamaged},
	"libmaxminddb-separator-record-min-left.mmdb":    {err: ErrDamaged},
	"libmaxminddb-separator-record-min-right.mmdb":   {err: ErrDamaged},
	"cyclic-data-structure.mmdb":                     {err: ErrDamaged},
	"invalid-bytes-length.mmdb":                      {err: ErrDamaged},
	"invalid-data-record-offset.mmdb":                {err: ErrDamaged},
	"invalid-map-key-length.mmdb":                    {err: ErrDamaged},
	"invalid-string-length.mmdb":                     {err: ErrDamaged},
	"metadata-is-an-uint128.mmdb":                    {err: ErrDamaged},
	"bad-unicode-in-map-key.mmdb":                    {err: ErrDamaged},
	"unexpected-bytes.mmdb":                          {err: ErrDamaged},
	"libmaxminddb-deep-nesting.mmdb":                 {err: ErrNoFacts},
	"libmaxminddb-deep-array-nesting.mmdb":           {err: ErrNoFacts},
	"libmaxminddb-oversized-array.mmdb":              {err: ErrNoFacts},
	"libmaxminddb-oversized-map.mmdb":                {err: ErrDamaged},
	"libmaxminddb-uint64-max-epoch.mmdb":             {err: ErrNoFacts},
	"libmaxminddb-empty-array-last-in-metadata.mmdb": {err: ErrNoFacts},
	"libmaxminddb-empty-map-last-in-metadata.mmdb":   {err: ErrNoFacts},
}

// Every file of the corpus opens with the facts it has, or is refused for a
// stated reason, and look-ups in those that open end well.
func TestCorpusFiles(t *testing.T) {
	var files []string
	for _, pattern := range []string{"test-data/*.mmdb", "bad-data/*/*.mmdb"} {
		found, err := filepath.Glob(filepath.Join(corpus(t, ""), pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 50 {
		t.Fatalf("%d files in the corpus, want at least 50", len(files))
	}
	for _, path := range files {
		db, err := Open(path)
		if err == nil {
			lookEverywhere(db)
		}
		if oe := (*OpenError)(nil); err != nil && (!errors.As(err, &oe) || oe.Path != path || oe.Advice == "") {
			t.Errorf("%s: error %#v, want an OpenError with path and advice", path, err)
		}
		name := filepath.Base(path)
		w, ok := corpusFiles[name]
		if strings.HasPrefix(name, "MaxMind-DB-") && !ok {
			w, ok = corpusOutcome{err: ErrNoFacts}, true // the format's own test data
		}
		switch {
		case !ok:
			t.Errorf("%s: %v: not in the table", name, err)
		case !errors.Is(err, w.err):
			t.Errorf("%s: error %v, want %v", name, err, w.err)
		case err == nil && db.Metadata().Facts != w.facts:
			t.Errorf("%s: facts %s, want %s", name, db.Metadata().Facts, w.facts)
		}
	}
}

// lookEverywhere looks up addresses from all over the address space.
func lookEverywhere(db *Database) {
	var info Info
	for i := range 256 {
		for j := range 16 {
			lookUp(db, &info, netip.AddrFrom4([4]byte{byte(i), byte(j * 16), byte(j), 1}))
			lookUp(db, &info, netip.AddrFrom16([16]byte{byte(i), byte(j * 16), 15: byte(j)}))
		}
	}
}
