package export

import "flowname/geo"

// placeTexts remembers the fields of places for either end, as text: to make it
// takes twenty times as long as to copy it, most of that for finding the shortest
// text of latitude and longitude. A nil placeTexts remembers nothing; the zero one
// is ready.
type placeTexts []placeText

const maxPlaceTexts = 1 << 13 // IDs are given in a row

// A placeText is the text of one place.
type placeText struct {
	of   uint64 // the place's ID; 0: nothing is remembered here
	src  int    // how much of text is for the source
	text []byte
}

func (all *placeTexts) append(dst []byte, k *endKeys, g *geo.Place) []byte {
	if g == nil || all == nil || g.ID == 0 {
		return appendGeo(dst, k, g)
	}
	if *all == nil {
		*all = make(placeTexts, maxPlaceTexts)
	}
	t := &(*all)[g.ID%maxPlaceTexts]
	if t.of != g.ID {
		t.text = appendGeo(t.text[:0], &srcKeys, g)
		t.src = len(t.text)
		t.text = appendGeo(t.text, &dstKeys, g)
		t.of = g.ID
	}
	if k == &srcKeys {
		return append(dst, t.text[:t.src]...)
	}
	return append(dst, t.text[t.src:]...)
}
