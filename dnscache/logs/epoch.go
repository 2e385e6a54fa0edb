package logs

import "time"

// parseEpochDigits reads a time since 1970 whose unit its length tells, as
// devices change it between versions: ten digits are seconds, thirteen
// milliseconds, sixteen microseconds, nineteen nanoseconds. Seconds may have
// decimals.
func parseEpochDigits(text []byte) (ns int64, ok bool) {
	switch len(text) {
	case 13:
		if ns, ok = parseEpochIn(text, time.Millisecond); ok {
			return ns, true
		}
	case 16:
		if ns, ok = parseEpochIn(text, time.Microsecond); ok {
			return ns, true
		}
	case 19:
		sec, ok1 := parseUint(text[:10])
		frac, ok2 := parseUint(text[10:])
		if ok1 && ok2 && sec < maxEpoch {
			return int64(sec)*int64(time.Second) + int64(frac), true
		}
	}
	return parseEpoch(text)
}

// parseAnyTime reads a time since 1970 or a date with a clock.
func parseAnyTime(text []byte, loc *time.Location) (ns int64, ok bool) {
	if len(text) > 4 && isDigit(text[4]) {
		return parseEpochDigits(text)
	}
	return parseDateTime(text, loc)
}
