package geo

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// A field is a key of a record and what it means.
type field struct {
	key string
	// is says what a value that is no map means. Where several fields give one
	// fact the one with the highest rank counts.
	is   meaning
	rank uint8
	// inside are the fields of a value that is a map.
	inside *fields
}

// fields are known keys by their length, of which the longest has 30 bytes.
type fields struct {
	count    int
	byLength [31][]field
}

func fieldsOf(all ...field) *fields {
	f := &fields{count: len(all)}
	for _, one := range all {
		f.byLength[len(one.key)] = append(f.byLength[len(one.key)], one)
	}
	return f
}

// find is nil for a key that is not known.
func (f *fields) find(key []byte) *field {
	if len(key) >= len(f.byLength) {
		return nil
	}
	same := f.byLength[len(key)]
	for i := range same {
		if same[i].key == string(key) {
			return &same[i]
		}
	}
	return nil
}

// A meaning is how a value is read. It is a number and not a function so that
// a draft can stay on the stack.
type meaning uint8

const (
	isNothing meaning = iota
	isASN
	isOrg
	isSystem
	isCountry
	isCity
	isLat
	isLon
	isLatLon
)

// Ranks of organisation names at and below rankGuess can be some other
// organisation's: they count only beside a number of an autonomous system.
const rankGuess = 2

// The known keys. See the package comment for whose they are.
var (
	recordFields = fieldsOf([]field{
		// GeoIP2, GeoLite2, DB-IP and what follows them.
		{key: "country", is: isCountry, rank: 2, inside: countryFields},
		{key: "registered_country", inside: registeredFields},
		{key: "city", is: isCity, rank: 2, inside: cityFields},
		{key: "location", inside: positionFields},
		{key: "traits", inside: systemFields},
		{key: "autonomous_system_number", is: isASN, rank: 5},
		{key: "autonomous_system_organization", is: isOrg, rank: 6},
		// IPinfo and other flat ones.
		{key: "asn", is: isASN, rank: 4, inside: systemFields},
		{key: "as_number", is: isASN, rank: 3},
		{key: "as_name", is: isOrg, rank: 5},
		{key: "as_organization", is: isOrg, rank: 4},
		{key: "as_org", is: isOrg, rank: 4},
		{key: "as", is: isSystem, rank: 3, inside: systemFields},
		{key: "org", is: isSystem, rank: 2},
		{key: "name", is: isOrg, rank: 1},
		{key: "country_code", is: isCountry, rank: 4},
		{key: "country_iso_code", is: isCountry, rank: 3},
		{key: "city_name", is: isCity, rank: 1},
		{key: "geo", inside: placeFields},
		{key: "latitude", is: isLat, rank: 2},
		{key: "longitude", is: isLon, rank: 2},
		{key: "lat", is: isLat, rank: 1},
		{key: "lng", is: isLon, rank: 1},
		{key: "lon", is: isLon, rank: 1},
		{key: "loc", is: isLatLon, rank: 1},
	}...)
	countryFields    = fieldsOf(field{key: "iso_code", is: isCountry, rank: 5})
	registeredFields = fieldsOf(field{key: "iso_code", is: isCountry, rank: 1})
	cityFields       = fieldsOf(field{key: "names", inside: nameFields})
	nameFields       = fieldsOf(field{key: "en", is: isCity, rank: 3})
	positionFields   = fieldsOf([]field{
		{key: "latitude", is: isLat, rank: 3},
		{key: "longitude", is: isLon, rank: 3},
	}...)
	placeFields = fieldsOf([]field{
		{key: "country_code", is: isCountry, rank: 4},
		{key: "country", is: isCountry, rank: 2},
		{key: "city", is: isCity, rank: 2},
		{key: "latitude", is: isLat, rank: 3},
		{key: "longitude", is: isLon, rank: 3},
	}...)
	systemFields = fieldsOf([]field{
		{key: "autonomous_system_number", is: isASN, rank: 5},
		{key: "autonomous_system_organization", is: isOrg, rank: 6},
		{key: "asn", is: isASN, rank: 4},
		{key: "number", is: isASN, rank: 3},
		{key: "name", is: isOrg, rank: 2},
	}...)
)

// A draft is an Info that is being read from a record.
type draft struct {
	walker
	Info
	system, org, country, city, lat, lon uint8 // ranks of what is there
}

// readRecord fills dst from the record at off of a data section. On a fault dst
// is empty.
func readRecord(dst *Info, data []byte, off int) fault {
	d := draft{walker: newWalker(data)}
	if v := d.value(off); v.kind == kindMap {
		d.fields(v, recordFields)
	}
	if d.fault != 0 {
		*dst = Info{}
		return d.fault
	}
	d.finish()
	*dst = d.Info
	return 0
}

// fields reads the map v and returns where it ends, or v.next if that is known
// and there is no more to find.
func (d *draft) fields(v value, known *fields) int {
	at := v.at
	for range v.size {
		var key []byte
		if key, at = d.key(at); d.fault != 0 {
			return 0
		}
		f := known.find(key)
		if f == nil {
			at = d.skipAt(at)
			continue
		}
		at = d.field(f, d.value(at))
		if known.count == 1 && v.next != 0 {
			return v.next
		}
	}
	return at
}

// field reads the value of a known key and returns where the next key begins.
func (d *draft) field(f *field, v value) int {
	switch {
	case d.fault != 0:
		return 0
	case v.kind != kindMap:
		d.take(f, v)
	case f.inside != nil:
		if end := d.fields(v, f.inside); v.next == 0 {
			return end
		}
	}
	return d.skip(v)
}

func (d *draft) take(f *field, v value) {
	switch f.is {
	case isASN:
		d.takeASN(v, f.rank)
	case isOrg:
		d.takeOrg(v, f.rank)
	case isSystem:
		d.takeSystem(v, f.rank)
	case isCountry:
		d.takeCountry(v, f.rank)
	case isCity:
		d.takeCity(v, f.rank)
	case isLat:
		d.takeLat(v, f.rank)
	case isLon:
		d.takeLon(v, f.rank)
	case isLatLon:
		d.takeBoth(v, f.rank)
	}
}

// finish drops what the whole record does not bear out.
func (d *draft) finish() {
	if d.ASN == 0 && d.org <= rankGuess {
		d.Org = ""
	}
	inRange := math.Abs(d.Lat) <= 90 && math.Abs(d.Lon) <= 180 // false for NaN
	unknown := d.Lat == 0 && d.Lon == 0 && d.Country == ""
	d.HasLocation = d.lat > 0 && d.lon > 0 && inRange && !unknown
	if !d.HasLocation {
		d.Lat, d.Lon = 0, 0
	}
}

func (d *draft) takeASN(v value, rank uint8) {
	if rank <= d.system {
		return
	}
	n, ok := d.unsigned(v)
	if v.kind == kindText {
		n, _, ok = systemNumber(d.bytes(v))
	}
	if ok && n > 0 && n <= math.MaxUint32 {
		d.ASN, d.system = uint32(n), rank
	}
}

func (d *draft) takeOrg(v value, rank uint8) {
	if v.kind != kindText || rank <= d.org {
		return
	}
	if s := text(d.bytes(v)); s != "" {
		d.Org, d.org = s, rank
	}
}

// takeSystem reads "AS15169 Google LLC", "AS15169" or "Google LLC", or a
// number.
func (d *draft) takeSystem(v value, rank uint8) {
	if v.kind != kindText {
		d.takeASN(v, rank)
		return
	}
	b := d.bytes(v)
	n, name, ok := systemNumber(b)
	if !ok {
		d.takeOrg(v, rank)
		return
	}
	if rank > d.system && n > 0 {
		d.ASN, d.system = uint32(n), rank
	}
	if s := text(name); s != "" && rank > d.org {
		d.Org, d.org = s, rank
	}
}

func (d *draft) takeCountry(v value, rank uint8) {
	if v.kind != kindText || rank <= d.country {
		return
	}
	if s := countryCode(d.bytes(v)); s != "" {
		d.Country, d.country = s, rank
	}
}

func (d *draft) takeCity(v value, rank uint8) {
	if v.kind != kindText || rank <= d.city {
		return
	}
	if s := text(d.bytes(v)); s != "" {
		d.City, d.city = s, rank
	}
}

func (d *draft) takeLat(v value, rank uint8) {
	if n, ok := d.degrees(v); ok && rank > d.lat {
		d.Lat, d.lat = n, rank
	}
}

func (d *draft) takeLon(v value, rank uint8) {
	if n, ok := d.degrees(v); ok && rank > d.lon {
		d.Lon, d.lon = n, rank
	}
}

// takeBoth reads "37.3860,-122.0838".
func (d *draft) takeBoth(v value, rank uint8) {
	if v.kind != kindText || rank <= d.lat || rank <= d.lon {
		return
	}
	first, second, _ := bytes.Cut(d.bytes(v), []byte{','})
	lat, ok1 := number(first)
	lon, ok2 := number(second)
	if ok1 && ok2 {
		d.Lat, d.lat, d.Lon, d.lon = lat, rank, lon, rank
	}
}

// degrees reads a number or a text that is one.
func (d *draft) degrees(v value) (float64, bool) {
	switch v.kind {
	case kindText:
		return number(d.bytes(v))
	case kindDouble, kindFloat:
		return d.float(v)
	}
	n, ok := d.unsigned(v)
	return float64(n), ok
}

// number reads a decimal number of at most 32 digits, spaces around it allowed.
func number(b []byte) (float64, bool) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || len(b) > 32 {
		return 0, false
	}
	n, err := strconv.ParseFloat(unsafe.String(&b[0], len(b)), 64)
	return n, err == nil
}

// systemNumber reads "AS15169" or "15169", which a space and a name may follow.
// False where b begins otherwise, and for a number of over 32 bits.
func systemNumber(b []byte) (n uint64, name []byte, ok bool) {
	b = bytes.TrimSpace(b)
	if len(b) > 2 && b[0]|0x20 == 'a' && b[1]|0x20 == 's' {
		b = b[2:]
	}
	i := 0
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if n = n*10 + uint64(b[i]-'0'); n > math.MaxUint32 {
			return 0, nil, false
		}
	}
	if i == 0 || i < len(b) && b[i] != ' ' {
		return 0, nil, false
	}
	return n, b[i:], true
}
