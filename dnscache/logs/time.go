package logs

import "time"

// The times of logs, read to Unix nanoseconds without floats and without
// allocation. Decimals beyond nine are cut off. Years are those that nanoseconds
// can hold and evidence can have, 1970 to 2261.

const (
	minYear = 1970
	maxYear = 2261

	maxEpoch = 9_200_000_000 // seconds; 2261
	dayNs    = 24 * int64(time.Hour)
)

// parseEpoch reads seconds since 1970, with or without decimals.
func parseEpoch(text []byte) (ns int64, ok bool) {
	sec, rest, ok := cutNumber(text)
	if !ok || sec > maxEpoch {
		return 0, false
	}
	frac, rest, ok := cutFraction(rest)
	return int64(sec)*int64(time.Second) + frac, ok && len(rest) == 0
}

// parseEpochIn reads a whole number of units since 1970.
func parseEpochIn(text []byte, unit time.Duration) (ns int64, ok bool) {
	n, ok := parseUint(text)
	if !ok || n > maxEpoch*uint64(time.Second/unit) {
		return 0, false
	}
	return int64(n) * int64(unit), true
}

// parseSeconds reads a length of time: seconds with or without decimals.
func parseSeconds(text []byte) (time.Duration, bool) {
	ns, ok := parseEpoch(text)
	return time.Duration(ns), ok
}

// parseDateTime reads RFC 3339 and what is near it: 2026-11-23T18:36:50.123456Z,
// with a space, slashes, a comma before the decimals or none of them, and the
// zone as Z, UTC, +01:00, +0100, +01 or "+0000 UTC", also behind a space. A time
// without a zone is in loc.
func parseDateTime(text []byte, loc *time.Location) (ns int64, ok bool) {
	d, rest, ok := cutDate(text)
	if !ok || len(rest) < 2 {
		return 0, false
	}
	if c := rest[0]; c != 'T' && c != 't' && c != ' ' {
		return 0, false
	}
	clock, rest, ok := cutClock(rest[1:])
	if !ok {
		return 0, false
	}
	if len(rest) == 0 {
		ns = d.at(clock, loc)
		return ns, ns >= 0
	}
	offset, ok := parseZone(rest)
	ns = d.at(clock, time.UTC) - offset
	return ns, ok && ns >= 0
}

// cutSyslogTime reads the time of RFC 3164, "Nov  3 18:36:50" with or without
// decimals, at the start of a line. It has no year: it gets the latest that puts
// it no more than a day behind cfg.ReferenceNs, without which no time is read.
func cutSyslogTime(line []byte, cfg *Config) (ns int64, rest []byte, ok bool) {
	if len(line) < 5 || line[3] != ' ' || cfg.ReferenceNs <= 0 {
		return 0, line, false
	}
	d := date{month: parseMonth(line[:3])}
	text := line[4:]
	if text[0] == ' ' {
		text = text[1:]
	}
	day, text, ok := cutNumber(text)
	if !ok || d.month == 0 || day == 0 || day > 31 || len(text) == 0 || text[0] != ' ' {
		return 0, line, false
	}
	d.day = int(day)
	clock, text, ok := cutClock(text[1:])
	if !ok {
		return 0, line, false
	}
	limit := cfg.ReferenceNs + dayNs
	d.year = time.Unix(0, limit).UTC().Year() + 1 // one more, for zones
	for range 10 {                                // two leap years are at most eight apart
		if d.valid() {
			if ns = d.at(clock, cfg.location()); ns <= limit {
				return ns, text, ns >= 0
			}
		}
		d.year--
	}
	return 0, line, false
}

// A date is a day of the Gregorian calendar.
type date struct{ year, month, day int }

// valid says whether there is such a day, in the years that are read.
func (d date) valid() bool {
	return d.year >= minYear && d.year <= maxYear && d.month >= 1 && d.month <= 12 &&
		d.day >= 1 && d.day <= daysIn(d.year, d.month)
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// at is the moment on this day when a clock in loc shows clock, nanoseconds
// since midnight.
func (d date) at(clock int64, loc *time.Location) int64 {
	if loc == nil || loc == time.UTC {
		return d.days()*dayNs + clock
	}
	// Hours apart from seconds, since a day may have 23 or 25 hours.
	h := int(clock / int64(time.Hour))
	return time.Date(d.year, time.Month(d.month), d.day, h, 0, 0, int(clock%int64(time.Hour)), loc).UnixNano()
}

// days are those since 1970-01-01. The year is taken to begin in March, so that
// the odd day is its last.
func (d date) days() int64 {
	y, m := int64(d.year), int64(d.month)-3
	if m < 0 {
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*m+2)/5 + int64(d.day) - 719469
}

// cutDate reads 2026-11-23 or 2026/11/23.
func cutDate(text []byte) (d date, rest []byte, ok bool) {
	if len(text) < 10 || text[4] != text[7] || text[4] != '-' && text[4] != '/' {
		return d, text, false
	}
	century, ok1 := twoDigits(text)
	year, ok2 := twoDigits(text[2:])
	month, ok3 := twoDigits(text[5:])
	day, ok4 := twoDigits(text[8:])
	d = date{century*100 + year, month, day}
	return d, text[10:], ok1 && ok2 && ok3 && ok4 && d.valid()
}

// cutClock reads 18:36:50 with or without decimals, to nanoseconds since
// midnight. A leap second, :60, is the second after it.
func cutClock(text []byte) (ns int64, rest []byte, ok bool) {
	if len(text) < 8 || text[2] != ':' || text[5] != ':' {
		return 0, text, false
	}
	h, ok1 := twoDigits(text)
	m, ok2 := twoDigits(text[3:])
	s, ok3 := twoDigits(text[6:])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 60 {
		return 0, text, false
	}
	frac, rest, ok := cutFraction(text[8:])
	return int64(h*3600+m*60+s)*int64(time.Second) + frac, rest, ok
}

// cutFraction reads decimals behind a point or a comma, to nanoseconds; none are
// 0. A point without decimals is not ok.
func cutFraction(text []byte) (ns int64, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '.' && text[0] != ',' {
		return 0, text, true
	}
	unit := int64(time.Second)
	i := 1
	for ; i < len(text) && isDigit(text[i]); i++ {
		unit /= 10
		ns += int64(text[i]-'0') * unit
	}
	return ns, text[i:], i > 1
}

// parseZone reads how far a zone is ahead of UTC.
func parseZone(text []byte) (ns int64, ok bool) {
	if text[0] == ' ' {
		text = text[1:]
	}
	switch string(text) {
	case "Z", "z", "UTC", "GMT":
		return 0, true
	}
	if len(text) < 3 || text[0] != '+' && text[0] != '-' {
		return 0, false
	}
	h, ok := twoDigits(text[1:])
	sign, text := text[0], text[3:]
	m, rest := 0, text
	if len(text) > 0 && text[0] == ':' {
		text = text[1:]
	}
	if len(text) >= 2 && isDigit(text[0]) {
		m, _ = twoDigits(text)
		ok = ok && isDigit(text[1])
		rest = text[2:]
	}
	if !ok || h > 23 || m > 59 || len(rest) > 0 && string(rest) != " UTC" && string(rest) != " GMT" {
		return 0, false
	}
	ns = int64(h*60+m) * int64(time.Minute)
	if sign == '-' {
		ns = -ns
	}
	return ns, true
}

// parseMonth is the number of the month of which text is the first three
// letters, in any case; 0 if it is of none.
func parseMonth(text []byte) int {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	if len(text) != 3 {
		return 0
	}
	for m := range 12 {
		n := names[3*m : 3*m+3]
		if text[0]|0x20 == n[0] && text[1]|0x20 == n[1] && text[2]|0x20 == n[2] {
			return m + 1
		}
	}
	return 0
}

func twoDigits(text []byte) (n int, ok bool) {
	if len(text) < 2 || !isDigit(text[0]) || !isDigit(text[1]) {
		return 0, false
	}
	return int(text[0]-'0')*10 + int(text[1]-'0'), true
}

// cutNumber reads the digits at the start of text; more than eighteen are not ok.
func cutNumber(text []byte) (n uint64, rest []byte, ok bool) {
	i := 0
	for ; i < len(text) && isDigit(text[i]); i++ {
		if i == 18 {
			return 0, text, false
		}
		n = n*10 + uint64(text[i]-'0')
	}
	return n, text[i:], i > 0
}

// parseUint reads a whole number of at most eighteen digits.
func parseUint(text []byte) (n uint64, ok bool) {
	n, rest, ok := cutNumber(text)
	return n, ok && len(rest) == 0
}
