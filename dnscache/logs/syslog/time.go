package syslog

import (
	"bytes"
	"time"
)

// shortTimes are the forms of RFC 3164 and devices' variants, each with how many
// words it has.
var shortTimes = []struct {
	layout string
	words  int
	year   bool
}{
	{"Jan 2 2006 15:04:05", 4, true},
	{"Jan 2 15:04:05 2006", 4, true},
	{"Jan 2 15:04:05", 3, false},
}

// isoTime reads RFC 3339, with or without a zone.
func isoTime(word []byte, zone *time.Location) (time.Time, bool) {
	if len(word) < 19 || len(word) > 40 {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700"} {
		if at, err := time.ParseInLocation(layout, string(word), zone); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// cutTime cuts the time that a header begins with. What follows begins with a
// space or a colon.
func cutTime(b []byte, arrival time.Time) (at time.Time, rest []byte, ok bool) {
	if word, _, _ := bytes.Cut(b, []byte{' '}); len(word) >= 19 {
		if at, ok = isoTime(bytes.TrimSuffix(word, []byte{':'}), arrival.Location()); ok {
			return at, b[len(bytes.TrimSuffix(word, []byte{':'})):], true
		}
	}
	if len(b) < 14 || b[0] < 'A' || b[0] > 'z' {
		return at, b, false
	}
	for _, form := range shortTimes {
		text, rest, ok := cutWords(b, form.words)
		if !ok {
			continue
		}
		if at, err := time.ParseInLocation(form.layout, text, arrival.Location()); err == nil {
			if !form.year {
				at = nearest(at, arrival)
			}
			return at, cutZone(rest), true
		}
	}
	return at, b, false
}

// cutWords cuts words with any number of spaces between, to be read with one. A
// colon behind the last is left.
func cutWords(b []byte, n int) (text string, rest []byte, ok bool) {
	const most = 40
	words := make([]byte, 0, most)
	rest = b
	for i := range n {
		rest = bytes.TrimLeft(rest, " ")
		end := bytes.IndexByte(rest, ' ')
		if end < 0 {
			end = len(rest)
		}
		if end == 0 || len(words)+end >= most {
			return "", b, false
		}
		if i > 0 {
			words = append(words, ' ')
		}
		words = append(words, rest[:end]...)
		rest = rest[end:]
	}
	if words[len(words)-1] == ':' {
		words = words[:len(words)-1]
		rest = b[len(b)-len(rest)-1:]
	}
	return string(words), rest, true
}

// cutZone cuts the name of a zone, which devices write behind the time: three to
// five capitals. What it means is not known, so the time stays as it was read.
func cutZone(b []byte) []byte {
	word, rest, _ := bytes.Cut(bytes.TrimLeft(b, " "), []byte{' '})
	name, colon := bytes.CutSuffix(word, []byte{':'})
	if len(name) < 3 || len(name) > 5 || !colon {
		return b
	}
	for _, c := range name {
		if c < 'A' || c > 'Z' {
			return b
		}
	}
	return append([]byte(": "), rest...)
}

// nearest gives a time the year that puts it next to another.
func nearest(at, to time.Time) time.Time {
	best := at
	for year := to.Year() - 1; year <= to.Year()+1; year++ {
		x := time.Date(year, at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), at.Location())
		if best.Year() == 0 || x.Sub(to).Abs() < best.Sub(to).Abs() {
			best = x
		}
	}
	return best
}
