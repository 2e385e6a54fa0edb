package geo

import (
	"bytes"
	"net/netip"
	"testing"
	"unicode/utf8"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// seed is a small database with all that records can be built of.
func seed(t testing.TB) testDB {
	return testDB{kind: "x", recordSize: 24, records: map[string]mmdbtype.DataType{
		"1.0.0.0/8": record("country", record("iso_code", "GB"), "city", record("names", record("en", "London", "de", "x")),
			"location", record("latitude", 1.5, "longitude", mmdbtype.Float32(2)), "list", mmdbtype.Slice{mmdbtype.Bool(true)}),
		"2.0.0.0/16":    record("asn", "AS1", "as_name", "One", "loc", "1,2", "country", "US"),
		"2001:db8::/32": record("autonomous_system_number", 6, "autonomous_system_organization", "Six", "geo", record("city", "Lima")),
	}}
}

// FuzzOpen changes a database in two places and cuts it: it has to be refused
// or to answer, in a bounded time.
func FuzzOpen(f *testing.F) {
	whole := seed(f).bytes(f)
	f.Add(whole, uint16(0), []byte{}, uint16(0), []byte{})
	for i := 0; i < len(whole); i += 101 {
		f.Add(whole, uint16(i), []byte{0xff, 0xff, 0xff}, uint16(len(whole)-i), []byte{0x20, 0x00})
	}
	tree := bytes.Index(whole, make([]byte, separator))
	for i := 0; i < tree; i += 60 {
		f.Add(whole, uint16(i), []byte{0, 0, 0}, uint16(0), []byte{}) // the tree leads back to its root
	}
	f.Fuzz(func(t *testing.T, content []byte, at1 uint16, new1 []byte, at2 uint16, new2 []byte) {
		content = bytes.Clone(content)
		if int(at1) < len(content) {
			copy(content[at1:], new1)
		}
		if int(at2) < len(content) {
			copy(content[at2:], new2)
		}
		db, err := parse("fuzz.mmdb", content)
		if err != nil {
			if _, ok := err.(*OpenError); !ok {
				t.Errorf("error %#v, want an OpenError", err)
			}
			return
		}
		for _, a := range []string{"0.0.0.0", "1.2.3.4", "2.0.1.1", "255.255.255.255", "::", "2001:db8::1", "2002:102:304::", "ffff::ffff"} {
			var got Info
			found, bad := lookUp(db, &got, netip.MustParseAddr(a))
			checkInfo(t, got)
			if found && (bad || got.facts() == 0) || !found && got != (Info{}) {
				t.Errorf("%s: found %v, damaged %v with %+v", a, found, bad, got)
			}
		}
	})
}

// FuzzRecord reads records of any bytes, at any place.
func FuzzRecord(f *testing.F) {
	whole := seed(f).bytes(f)
	data := whole[bytes.Index(whole, make([]byte, separator))+separator:]
	for i := range 100 {
		f.Add(data, uint16(i*3))
	}
	f.Fuzz(func(t *testing.T, data []byte, off uint16) {
		data = data[:len(data):len(data)]
		var got Info
		if fault := readRecord(&got, data, int(off)); fault != 0 && got != (Info{}) {
			t.Errorf("fault %q with %+v", fault, got)
		}
		checkInfo(t, got)
		var s survey
		s.look(data, int(off), true)
	})
}

// checkInfo says what is always true of an Info.
func checkInfo(t *testing.T, i Info) {
	t.Helper()
	for _, s := range []string{i.Org, i.City} {
		if !utf8.ValidString(s) || len(s) > maxText {
			t.Errorf("text %q of %d bytes", s, len(s))
		}
	}
	if c := i.Country; c != "" && (len(c) != 2 || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z') {
		t.Errorf("country %q", c)
	}
	if !(i.Lat >= -90 && i.Lat <= 90 && i.Lon >= -180 && i.Lon <= 180) || !i.HasLocation && (i.Lat != 0 || i.Lon != 0) {
		t.Errorf("location %v, %v, %v", i.Lat, i.Lon, i.HasLocation)
	}
}
