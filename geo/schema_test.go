package geo

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// A schemaCase is a record and what is made of it.
type schemaCase struct {
	name   string
	kind   string
	record mmdbtype.DataType
	schema string
	facts  Facts
	want   Info
}

func testSchemas(t *testing.T, tests []schemaCase) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, err := parse("x.mmdb", single(tt.kind, tt.record).bytes(t))
			if err != nil {
				t.Fatal(err)
			}
			m := db.Metadata()
			if m.Schema != tt.schema || m.Facts != tt.facts || m.Type != tt.kind {
				t.Errorf("type %q, schema %q with %s, want %q, %q with %s", m.Type, m.Schema, m.Facts, tt.kind, tt.schema, tt.facts)
			}
			var got Info
			found, bad := lookUp(db, &got, netip.MustParseAddr("1.2.3.4"))
			if diff := cmp.Diff(tt.want, got); diff != "" || !found || bad {
				t.Errorf("found %v, damaged %v, -want +got:\n%s", found, bad, diff)
			}
		})
	}
}

// TestSchemas has a record of each maker and product.
func TestSchemas(t *testing.T) {
	testSchemas(t, []schemaCase{
		{"GeoLite2 City", "GeoLite2-City", record(
			"continent", record("code", "EU", "names", record("en", "Europe")),
			"country", record("geoname_id", 2635167, "iso_code", "GB", "names", record("en", "United Kingdom")),
			"registered_country", record("iso_code", "US"),
			"represented_country", record("iso_code", "FR"),
			"city", record("geoname_id", 2643743, "names", record("de", "London (de)", "en", "London")),
			"subdivisions", mmdbtype.Slice{record("iso_code", "ENG", "names", record("en", "England"))},
			"location", record("accuracy_radius", mmdbtype.Uint16(10), "latitude", 51.5142, "longitude", -0.0931)),
			"GeoIP2", FactCountry | FactCity | FactLocation,
			Info{Country: "GB", City: "London", Lat: 51.5142, Lon: -0.0931, HasLocation: true}},
		{"registered country only", "GeoLite2-Country", record("registered_country", record("iso_code", "CH")),
			"GeoIP2", FactCountry, Info{Country: "CH"}},
		{"GeoLite2 ASN", "GeoLite2-ASN", record("autonomous_system_number", 15169, "autonomous_system_organization", "Google Inc."),
			"GeoIP2", FactASN | FactOrg, Info{ASN: 15169, Org: "Google Inc."}},
		{"GeoIP2 ISP", "GeoIP2-ISP", record("autonomous_system_number", 1221, "autonomous_system_organization", "Telstra Pty Ltd",
			"isp", "Telstra Internet", "organization", "somebody"),
			"GeoIP2", FactASN | FactOrg, Info{ASN: 1221, Org: "Telstra Pty Ltd"}},
		{"GeoIP2 Enterprise", "GeoIP2-Enterprise", record(
			"country", record("iso_code", "US", "confidence", mmdbtype.Uint16(99)),
			"traits", record("autonomous_system_number", 6939, "autonomous_system_organization", "Hurricane", "isp", "x")),
			"GeoIP2", FactASN | FactOrg | FactCountry, Info{ASN: 6939, Org: "Hurricane", Country: "US"}},
		{"DB-IP City Lite", "DBIP-City-Lite", record(
			"city", record("names", record("en", "Mountain View")),
			"country", record("iso_code", "US", "is_in_european_union", mmdbtype.Bool(false)),
			"location", record("latitude", mmdbtype.Float32(37.5), "longitude", mmdbtype.Float32(-122.25))),
			"DB-IP", FactCountry | FactCity | FactLocation,
			Info{Country: "US", City: "Mountain View", Lat: 37.5, Lon: -122.25, HasLocation: true}},
		{"DB-IP ASN Lite", "DBIP-ASN-Lite (compat=GeoLite2-ASN)",
			record("autonomous_system_number", 36459, "autonomous_system_organization", "GitHub, Inc."),
			"DB-IP", FactASN | FactOrg, Info{ASN: 36459, Org: "GitHub, Inc."}},
		{"DB-IP Location and ISP", "DBIP-Location-ISP (compat=Enterprise)", record(
			"country", record("iso_code", "DE"),
			"traits", record("autonomous_system_number", 3320, "autonomous_system_organization", "DTAG", "isp", "Telekom")),
			"DB-IP", FactASN | FactOrg | FactCountry, Info{ASN: 3320, Org: "DTAG", Country: "DE"}},
		{"IPinfo Lite", "ipinfo lite.mmdb", record("asn", "AS15169", "as_name", "Google LLC", "as_domain", "google.com",
			"continent", "North America", "continent_code", "NA", "country", "United States", "country_code", "US"),
			"IPinfo", FactASN | FactOrg | FactCountry, Info{ASN: 15169, Org: "Google LLC", Country: "US"}},
		{"IPinfo country and ASN", "ipinfo country_asn.mmdb", record("country", "JP", "country_name", "Japan",
			"continent", "AS", "asn", "AS2519", "as_name", "ARTERIA", "as_domain", "arteria-net.com"),
			"IPinfo", FactASN | FactOrg | FactCountry, Info{ASN: 2519, Org: "ARTERIA", Country: "JP"}},
		{"IPinfo location", "ipinfo standard_location.mmdb", record("city", "Zürich", "country", "CH", "lat", "47.36667",
			"lng", "8.55", "postal_code", "8001", "timezone", "Europe/Zurich"),
			"IPinfo", FactCountry | FactCity | FactLocation,
			Info{Country: "CH", City: "Zürich", Lat: 47.36667, Lon: 8.55, HasLocation: true}},
		{"IPinfo loc", "ipinfo x", record("country", "US", "loc", "37.38,-122.08"),
			"IPinfo", FactCountry | FactLocation, Info{Country: "US", Lat: 37.38, Lon: -122.08, HasLocation: true}},
		{"IPinfo ASN", "ipinfo asn.mmdb", record("asn", "AS1299", "name", "Arelion", "domain", "arelion.com", "route", "1.0.0.0/8"),
			"IPinfo", FactASN | FactOrg, Info{ASN: 1299, Org: "Arelion"}},
		{"IPinfo org", "ipinfo x", record("country", "US", "org", "AS15169 Google LLC"),
			"IPinfo", FactASN | FactOrg | FactCountry, Info{ASN: 15169, Org: "Google LLC", Country: "US"}},
		{"flat ASN", "asn", record("autonomous_system_number", mmdbtype.Uint64(4200000000), "autonomous_system_organization", "private"),
			"flat", FactASN | FactOrg, Info{ASN: 4200000000, Org: "private"}},
		{"flat country", "country", record("country_code", "de"), "flat", FactCountry, Info{Country: "DE"}},
		{"flat city", "dbip-city", record("country_code", "AU", "state1", "Queensland", "city", "South Brisbane",
			"latitude", -27.4767, "longitude", 153.017, "timezone", ""),
			"flat", FactCountry | FactCity | FactLocation,
			Info{Country: "AU", City: "South Brisbane", Lat: -27.4767, Lon: 153.017, HasLocation: true}},
		{"numbers as asn, name and org", "ip-to-asn", record("asn", 13335, "name", "CLOUDFLARENET", "org", "Cloudflare, Inc.", "country_code", "US"),
			"flat", FactASN | FactOrg | FactCountry, Info{ASN: 13335, Org: "Cloudflare, Inc.", Country: "US"}},
		{"number as asn, name as as", "x", record("asn", "15169", "as", "Google LLC"),
			"like IPinfo", FactASN | FactOrg, Info{ASN: 15169, Org: "Google LLC"}},
		{"maps as an API gives them", "x", record(
			"as", record("asn", "AS64500", "name", "Example"),
			"geo", record("city", "Lima", "country", "Peru", "country_code", "PE", "latitude", -12.04, "longitude", -77.03)),
			"like GeoIP2", factsAll,
			Info{ASN: 64500, Org: "Example", Country: "PE", City: "Lima", Lat: -12.04, Lon: -77.03, HasLocation: true}},
		{"both makers' keys", "x", record("country", record("iso_code", "SE"), "asn", "AS1", "as_name", "One"),
			"like GeoIP2", FactASN | FactOrg | FactCountry, Info{ASN: 1, Org: "One", Country: "SE"}},
	})
}

// TestOddValues has what is missing, wrong or hostile in records.
func TestOddValues(t *testing.T) {
	long := strings.Repeat("é", 200)
	testSchemas(t, []schemaCase{
		{"name without a number is somebody else's", "x", record("country_code", "FR", "name", "France", "org", "Example SA"),
			"flat", FactCountry, Info{Country: "FR"}},
		{"unknown written as dash and zeroes", "x", record("country_code", "-", "city", "-", "latitude", 0.0, "longitude", 0.0, "as_name", "kept"),
			"flat", FactOrg, Info{Org: "kept"}},
		{"zero latitude is one", "x", record("country_code", "GA", "latitude", 0.0, "longitude", 9.45),
			"flat", FactCountry | FactLocation, Info{Country: "GA", Lon: 9.45, HasLocation: true}},
		{"user-assigned code", "x", record("country_code", "ZZ", "as_name", "kept"), "flat", FactOrg, Info{Org: "kept"}},
		{"code of three letters", "x", record("country_code", "DEU", "country", "DE"), "flat", FactCountry, Info{Country: "DE"}},
		{"out of range", "x", record("country_code", "US", "latitude", 91.0, "longitude", 1.0), "flat", FactCountry, Info{Country: "US"}},
		{"latitude alone", "x", record("country_code", "US", "lat", "12"), "flat", FactCountry, Info{Country: "US"}},
		{"no number", "x", record("country_code", "US", "lat", "x", "lng", "NaN", "loc", "1;2"), "flat", FactCountry, Info{Country: "US"}},
		{"whole degrees", "x", record("country_code", "US", "lat", 12, "lng", mmdbtype.Int32(-5), "latitude", " 3.5 "),
			"flat", FactCountry, Info{Country: "US"}},
		{"number too large", "x", record("asn", "AS4294967296", "as_name", "kept"), "like IPinfo", FactOrg, Info{Org: "kept"}},
		{"number 0", "x", record("asn", "AS0", "as_name", "Not routed"), "like IPinfo", FactOrg, Info{Org: "Not routed"}},
		{"kinds that do not fit", "x", record("country", mmdbtype.Slice{mmdbtype.String("US")}, "city", 7,
			"autonomous_system_number", mmdbtype.Bool(true), "country_code", "BR"),
			"flat", FactCountry, Info{Country: "BR"}},
		{"odd bytes", "x", record("asn", 7, "as_name", " A\xffB\x00 ", "city", "\xff"),
			"flat", FactASN | FactOrg | FactCity, Info{ASN: 7, Org: "A\uFFFDB", City: "\uFFFD"}},
		{"long name", "x", record("asn", 7, "as_name", "x"+long),
			"flat", FactASN | FactOrg, Info{ASN: 7, Org: "x" + long[:254]}},
		{"long odd name", "x", record("asn", 7, "as_name", "x"+strings.Repeat("\xffa", 150)),
			"flat", FactASN | FactOrg, Info{ASN: 7, Org: "x" + strings.Repeat("\uFFFDa", 63) + "\uFFFD"}},
	})
}

func TestTextCaps(t *testing.T) {
	// The end of a name that is cut falls at every place of a rune.
	for n := range 5 {
		in := []byte(strings.Repeat("x", maxText-n) + "€€")
		want := strings.Repeat("x", maxText-n)
		if n >= 3 {
			want += "€"
		}
		if got := text(in); got != want {
			t.Errorf("text of %d bytes: %d bytes %q, want %d", len(in), len(got), got[len(got)-4:], len(want))
		}
	}
}

func TestMetadata(t *testing.T) {
	path := cityDB("GB", "London").file(t)
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	m := db.Metadata()
	if m.Path != path || m.Description != "made by a test" || m.Built.Unix() != 1700000000 || m.IPVersion != 6 || m.Size == 0 {
		t.Errorf("metadata = %+v", m)
	}
	if got := factsAll.String(); got != "ASN, organisation, country, city, location" {
		t.Errorf("all facts in words: %q", got)
	}
	if got := description(map[string]string{"fr": "un", "de": "eins"}); got != "eins" {
		t.Errorf("description without English = %q, want the first by language", got)
	}
	if got := description(nil) + Facts(0).String(); got != "nothing" {
		t.Errorf("nothing is told as %q", got)
	}
}
