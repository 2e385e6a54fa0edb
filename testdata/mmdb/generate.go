// Generate writes the ASN and city databases of the demo: the schemas of
// GeoLite2-ASN and GeoLite2-City, over the address ranges that are reserved for
// documentation (RFC 5737, RFC 3849), with AS numbers reserved for it (RFC
// 5398) and organisations that do not exist. Run it in the project's root:
//
//	go run ./testdata/mmdb [DIRECTORY]
//
// The same source gives the same bytes: the build time is fixed.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// buildEpoch is 2026-01-01T00:00:00Z, for every run.
const buildEpoch = 1767225600

// A network is one prefix with all that both databases say about it.
type network struct {
	prefix   string
	asn      uint32
	org      string
	country  string
	city     string
	lat, lon float64
}

// networks go from the wide to the narrow: a later one replaces the part of
// the earlier that it covers. Empty country: the city database has no record.
var networks = []network{
	{"192.0.2.0/24", 64496, "Example Office Networks", "NL", "Utrecht", 52.0908, 5.1222},
	{"2001:db8:1::/48", 64496, "Example Office Networks", "NL", "Utrecht", 52.0908, 5.1222},
	{"198.51.100.0/24", 64497, "Edge Delivery Example", "DE", "Frankfurt am Main", 50.1188, 8.6843},
	{"2001:db8:2::/48", 64497, "Edge Delivery Example", "DE", "Frankfurt am Main", 50.1188, 8.6843},
	{"203.0.113.0/24", 64500, "Example Transit", "US", "", 37.751, -97.822},
	{"203.0.113.20/31", 64501, "Vendor Example Updates", "IE", "Dublin", 53.3379, -6.2591},
	{"203.0.113.30/31", 64502, "News Example Media", "GB", "London", 51.5074, -0.1196},
	{"203.0.113.64/28", 64511, "Bulletproof Example Hosting", "SC", "Victoria", -4.6167, 55.45},
	{"203.0.113.80/32", 64503, "Cloud Example", "SE", "Stockholm", 59.3287, 18.0717},
	{"203.0.113.96/28", 64504, "Unheard-of Example", "", "", 0, 0},
}

func main() {
	dir := filepath.Join("cmd", "flowname", "demo")
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := generate(dir); err != nil {
		fmt.Fprintln(os.Stderr, "mmdb:", err)
		os.Exit(1)
	}
}

func generate(dir string) error {
	asn := func(n network) mmdbtype.DataType {
		return mmdbtype.Map{
			"autonomous_system_number":       mmdbtype.Uint32(n.asn),
			"autonomous_system_organization": mmdbtype.String(n.org),
		}
	}
	if err := write(filepath.Join(dir, "asn.mmdb"), "GeoLite2-ASN", asn); err != nil {
		return err
	}
	return write(filepath.Join(dir, "city.mmdb"), "GeoLite2-City", city)
}

// city is nil for a network without a country, and leaves the city out where
// only the country is known, as the real databases do.
func city(n network) mmdbtype.DataType {
	if n.country == "" {
		return nil
	}
	record := mmdbtype.Map{
		"country": mmdbtype.Map{"iso_code": mmdbtype.String(n.country)},
		"location": mmdbtype.Map{
			"latitude":  mmdbtype.Float64(n.lat),
			"longitude": mmdbtype.Float64(n.lon),
		},
	}
	if n.city != "" {
		record["city"] = mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(n.city)}}
	}
	return record
}

// write makes one database of what record says of each network. Where it says
// nil the network gets no record, a wider one's neither.
func write(path, databaseType string, record func(network) mmdbtype.DataType) error {
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:              buildEpoch,
		DatabaseType:            databaseType,
		Description:             map[string]string{"en": "made-up data for documentation addresses"},
		Languages:               []string{"en"},
		IncludeReservedNetworks: true,
		RecordSize:              24,
	})
	if err != nil {
		return err
	}
	for _, n := range networks {
		_, prefix, err := net.ParseCIDR(n.prefix)
		if err != nil {
			return err
		}
		if err := tree.Insert(prefix, record(n)); err != nil {
			return fmt.Errorf("%s: %s: %w", databaseType, n.prefix, err)
		}
	}
	var out bytes.Buffer
	if _, err := tree.WriteTo(&out); err != nil {
		return fmt.Errorf("%s: %w", databaseType, err)
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
