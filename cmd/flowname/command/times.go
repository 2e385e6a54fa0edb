package command

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timeForms are the forms of a time on the command line; those without a zone
// are UTC.
var timeForms = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04",
	"2006-01-02 15:04",
	"2006-01-02",
}

// ParseTime reads a time as Unix nanoseconds: one of timeForms, Unix seconds
// with or without a fraction, "now", or a duration before now such as -2h.
func ParseTime(text string, now time.Time) (int64, error) {
	if text == "now" {
		return now.UnixNano(), nil
	}
	if strings.HasPrefix(text, "-") {
		if d, err := time.ParseDuration(text); err == nil {
			return now.Add(d).UnixNano(), nil
		}
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return t.UnixNano(), nil
		}
	}
	if ns, ok := parseUnix(text); ok {
		return ns, nil
	}
	return 0, fmt.Errorf("%q is not a time: use RFC 3339 (2026-11-23T17:00:00Z), \"2026-11-23 17:00\" in UTC, Unix seconds, or -2h", text)
}

// parseUnix reads Unix seconds exactly, which a float64 would not.
func parseUnix(text string) (int64, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || s < 0 || s > 1<<33 || len(fraction) > 9 {
		return 0, false
	}
	ns, err := strconv.ParseUint(fraction+strings.Repeat("0", 9-len(fraction)), 10, 32)
	if err != nil {
		return 0, false
	}
	return s*1e9 + int64(ns), true
}
