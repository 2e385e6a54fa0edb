package world

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// A Place is the network and the city of an address. The zero Place is of one
// that no database knows: what is never answered and multicast.
type Place struct {
	ASN     uint32
	Country string
	City    string
}

// AppendOrg appends the name of the autonomous system; nothing for the zero
// Place.
func (p Place) AppendOrg(dst []byte) []byte {
	if p.ASN == 0 {
		return dst
	}
	dst = strconv.AppendUint(append(dst, "Network "...), uint64(p.ASN), 10)
	return append(dst, " Example"...)
}

// A blockBits is how many low bits of a server's number are one network.
const blockBits = 8

var (
	serverNet4 = netip.MustParsePrefix("100.64.0.0/10")
	serverNet6 = netip.MustParsePrefix("2001:db8:2::/48")
	clientNets = []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("2001:db8:1::/48"), netip.MustParsePrefix("2001:db8:3::/48"),
	}
	clientPlace = Place{ASN: 64496, Country: "NL", City: "Utrecht"}
	cities      = [...]Place{
		{Country: "DE", City: "Frankfurt am Main"}, {Country: "SE", City: "Stockholm"},
		{Country: "IE", City: "Dublin"}, {Country: "US"}, {Country: "GB", City: "London"},
	}
)

// PlaceOf is where an address of the world is.
func (w *World) PlaceOf(a netip.Addr) Place {
	for _, p := range clientNets {
		if p.Contains(a) {
			return clientPlace
		}
	}
	b := a.As16()
	switch {
	case serverNet4.Contains(a):
		return placeOfBlock(uint64(b[13]&0x3f)<<8 | uint64(b[14]))
	case serverNet6.Contains(a):
		return placeOfBlock(uint64(b[12])<<16 | uint64(b[13])<<8 | uint64(b[14]))
	}
	return Place{}
}

func placeOfBlock(block uint64) Place {
	p := cities[block%uint64(len(cities))]
	p.ASN = 4_200_000_000 + uint32(block*7919%100_000)
	return p
}

// WritePlaces writes the databases of the world's networks: one of autonomous
// systems, one of cities.
func (w *World) WritePlaces(asnPath, cityPath string) error {
	if err := w.writePlaces(asnPath, "GeoLite2-ASN", asnRecord); err != nil {
		return err
	}
	return w.writePlaces(cityPath, "GeoLite2-City", cityRecord)
}

func asnRecord(p Place) mmdbtype.DataType {
	return mmdbtype.Map{
		"autonomous_system_number":       mmdbtype.Uint32(p.ASN),
		"autonomous_system_organization": mmdbtype.String(p.AppendOrg(nil)),
	}
}

func cityRecord(p Place) mmdbtype.DataType {
	record := mmdbtype.Map{
		"country":  mmdbtype.Map{"iso_code": mmdbtype.String(p.Country)},
		"location": mmdbtype.Map{"latitude": mmdbtype.Float64(52.5), "longitude": mmdbtype.Float64(13.25)},
	}
	if p.City != "" {
		record["city"] = mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(p.City)}}
	}
	return record
}

func (w *World) writePlaces(path, databaseType string, record func(Place) mmdbtype.DataType) error {
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:              w.cfg.StartNs / secondNs,
		DatabaseType:            databaseType,
		Description:             map[string]string{"en": "a made-up world"},
		Languages:               []string{"en"},
		IncludeReservedNetworks: true,
		RecordSize:              28,
	})
	if err != nil {
		return err
	}
	for _, p := range w.networks() {
		b := p.Addr().As16()
		bits, size := p.Bits(), 8*net.IPv6len
		ip := b[:]
		if p.Addr().Is4() {
			ip, size = b[12:], 8*net.IPv4len
		}
		network := &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, size)}
		if err := tree.Insert(network, record(w.PlaceOf(p.Addr()))); err != nil {
			return fmt.Errorf("%s: %s: %w", databaseType, p, err)
		}
	}
	var out bytes.Buffer
	if _, err := tree.WriteTo(&out); err != nil {
		return fmt.Errorf("%s: %w", databaseType, err)
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// networks are those that have a place.
func (w *World) networks() []netip.Prefix {
	all := append([]netip.Prefix(nil), clientNets...)
	for block := uint64(0); block <= w.servers>>blockBits; block++ {
		first := block << blockBits
		all = append(all, netip.PrefixFrom(serverAddr(first, false), 32-blockBits))
		p, _ := serverAddr(first, true).Prefix(128 - blockBits)
		all = append(all, p)
	}
	return all
}
