package geo

import (
	"strings"
	"unicode/utf8"
	"unsafe"
)

// maxText is the longest text that an Info holds, in bytes. The longest name of
// an autonomous system that is registered has about 140.
const maxText = 256

// An Info is what databases say about one address. Its texts alias the memory
// of their database: see the package comment.
type Info struct {
	// ASN is the number of the autonomous system, 0 where it is not known, Org
	// its organisation's name.
	ASN uint32
	Org string
	// Country is an ISO 3166-1 alpha-2 code in upper case, City an English
	// name. Empty where not known.
	Country string
	City    string
	// Lat and Lon are degrees (WGS 84), valid only if HasLocation is set.
	Lat, Lon    float64
	HasLocation bool
}

// Facts is a set of what an Info can tell.
type Facts uint8

// The facts.
const (
	FactASN Facts = 1 << iota
	FactOrg
	FactCountry
	FactCity
	FactLocation

	factsGeo = FactCountry | FactCity | FactLocation
	factsAll = FactASN | FactOrg | factsGeo
)

// String lists the facts in words, separated by commas; "nothing" for none.
func (f Facts) String() string {
	var words []string
	for i, word := range [...]string{"ASN", "organisation", "country", "city", "location"} {
		if f&(1<<i) != 0 {
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

// facts are those that i holds.
func (i *Info) facts() Facts {
	var f Facts
	if i.ASN != 0 {
		f |= FactASN
	}
	if i.Org != "" {
		f |= FactOrg
	}
	if i.Country != "" {
		f |= FactCountry
	}
	if i.City != "" {
		f |= FactCity
	}
	if i.HasLocation {
		f |= FactLocation
	}
	return f
}

// merge takes the autonomous system from asn and the geography from geo, each
// as a whole from the other where the first has none of it.
func (i *Info) merge(asn, geo *Info) {
	system, place := asn, geo
	if asn.facts()&(FactASN|FactOrg) == 0 {
		system = geo
	}
	if geo.facts()&factsGeo == 0 {
		place = asn
	}
	*i = Info{
		ASN: system.ASN, Org: system.Org,
		Country: place.Country, City: place.City,
		Lat: place.Lat, Lon: place.Lon, HasLocation: place.HasLocation,
	}
}

// text makes a name of bytes that are never changed again: without spaces
// around it, valid UTF-8, at most maxText long, empty for the dash that some
// makers write for an unknown one. It aliases b unless b has to be mended.
func text(b []byte) string {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return ""
	}
	if len(b) > maxText {
		b = b[:maxText]
		b = b[:len(b)-cutRune(b)]
	}
	if !utf8.Valid(b) {
		mended := strings.ToValidUTF8(string(b), "\uFFFD")
		if len(mended) > maxText {
			mended = mended[:maxText]
			mended = mended[:len(mended)-cutRune([]byte(mended))]
		}
		return mended
	}
	return unsafe.String(&b[0], len(b))
}

// cutRune is how many bytes at the end of b are the beginning of a rune that
// goes on beyond it.
func cutRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if utf8.FullRune(b[len(b)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}

// countryCode makes an ISO 3166-1 alpha-2 code of b, or nothing. ZZ and XX are
// codes that the standard leaves to users, and stand for an unknown country.
func countryCode(b []byte) string {
	if len(b) != 2 || !isLetter(b[0]) || !isLetter(b[1]) {
		return ""
	}
	code := unsafe.String(&b[0], len(b))
	if b[0] > 'Z' || b[1] > 'Z' {
		code = strings.ToUpper(code)
	}
	if code == "ZZ" || code == "XX" {
		return ""
	}
	return code
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
