package export

import (
	"strings"

	"flowname/correlate"
)

// A Place is a group of a line's fields that stand together. Places are in the
// order in which they stand.
type Place int

// The places of fields that are not the exporter's.
const (
	SrcNames Place = iota
	SrcGeo
	DstNames
	DstGeo
	Unnamed
	NumPlaces

	// NoPlace is that of all other fields.
	NoPlace Place = -1
)

// geoFields are the fields of an end that geography gives, without the end.
var geoFields = map[string]bool{
	"asn": true, "as_org": true, "country": true, "city": true, "lat": true, "lon": true,
}

// nameFields are the fields of an end that the join gives, without the end.
var nameFields = map[string]bool{
	"name": true, "name_basis": true, "name_source": true, "name_age_ms": true, "name_canonical": true, "names": true,
	"domain": true, "domain_age_s": true, "process": true, "pid": true, "host": true,
}

// PlaceOf says where a field stands.
func PlaceOf(key string) Place {
	if key == "unnamed" {
		return Unnamed
	}
	names, geo := SrcNames, SrcGeo
	rest, ok := strings.CutPrefix(key, "src_")
	if !ok {
		names, geo = DstNames, DstGeo
		if rest, ok = strings.CutPrefix(key, "dst_"); !ok {
			return NoPlace
		}
	}
	switch {
	case nameFields[rest]:
		return names
	case geoFields[rest]:
		return geo
	}
	return NoPlace
}

// AppendSrcNames appends the fields of SrcNames, each with a comma before it.
func AppendSrcNames(dst []byte, f *correlate.Flow) []byte {
	return appendNames(dst, &srcKeys, &f.Src, f.StartNs)
}

// AppendDstNames appends the fields of DstNames, each with a comma before it.
func AppendDstNames(dst []byte, f *correlate.Flow) []byte {
	return appendNames(dst, &dstKeys, &f.Dst, f.StartNs)
}

// AppendUnnamed appends the field of Unnamed with a comma before it; nothing
// for the zero Reason.
func AppendUnnamed(dst []byte, r correlate.Reason) []byte {
	if r == 0 {
		return dst
	}
	return appendText(dst, `,"unnamed":`, r.String())
}
