package logs

import (
	"bytes"
	"time"
)

// Dates of the debug log are those of the server's locale: 11/23/2026 5:17:06 PM,
// 23/11/2026 17:17:06, 23.11.2026 17:17:06, 2026-11-23 17:17:06, and in old
// releases 20261123 17:17:06. Where a slash stands between two numbers up to
// twelve, day and month could be either. Then counts what an earlier line showed,
// else the clock: month first with AM and PM, day first without; and not the one
// that would be later than the log was written.

// A dateOrder is what a log's dates have shown.
type dateOrder uint8

const (
	orderUnknown dateOrder = iota
	orderDayFirst
	orderMonthFirst
)

// cutTime reads date and time at the start of text.
func (p *windowsDebugParser) cutTime(text []byte) (ns int64, rest []byte, ok bool) {
	word, rest := cutWord(text)
	d, order, ok := parseLocaleDate(word)
	if !ok {
		return 0, text, false
	}
	clock, half, rest, ok := cutLocaleClock(rest)
	if !ok {
		return 0, text, false
	}
	swapped := date{d.year, d.day, d.month}
	switch {
	case order != orderUnknown:
		p.order = order
	case p.order == orderMonthFirst, p.order == orderUnknown && half:
		d, swapped = swapped, d
	}
	ns = d.at(clock, p.cfg.location())
	if limit := p.cfg.ReferenceNs + dayNs; order == orderUnknown && p.order == orderUnknown && p.cfg.ReferenceNs > 0 && ns > limit {
		if other := swapped.at(clock, p.cfg.location()); other <= limit {
			ns = other
		}
	}
	return ns, rest, true
}

// parseLocaleDate reads a date. If the order is unknown, it is given with the day
// first, and the month could be the day.
func parseLocaleDate(word []byte) (d date, order dateOrder, ok bool) {
	if n, ok := parseUint(word); ok && len(word) == 8 {
		d = date{int(n / 10000), int(n / 100 % 100), int(n % 100)}
		return d, orderDayFirst, d.valid()
	}
	a, b, c, sep, ok := cutThree(word)
	if !ok {
		return d, orderUnknown, false
	}
	switch {
	case a > 31: // the year first
		d = date{a, b, c}
		return d, orderDayFirst, d.valid()
	case c < 100:
		c += 2000
	}
	d = date{c, b, a}
	switch {
	case sep != '/':
		if !d.valid() {
			d = date{c, a, b}
		}
		return d, orderDayFirst, d.valid()
	case a > 12:
		return d, orderDayFirst, d.valid()
	case b > 12:
		d = date{c, a, b}
		return d, orderMonthFirst, d.valid()
	}
	return d, orderUnknown, d.valid() && date{c, a, b}.valid()
}

// cutThree reads three numbers with the same separator between them.
func cutThree(word []byte) (a, b, c int, sep byte, ok bool) {
	x, rest, ok1 := cutNumber(word)
	if len(rest) == 0 {
		return 0, 0, 0, 0, false
	}
	sep = rest[0]
	y, rest, ok2 := cutNumber(rest[1:])
	if len(rest) == 0 || rest[0] != sep || sep != '/' && sep != '.' && sep != '-' {
		return 0, 0, 0, 0, false
	}
	z, rest, ok3 := cutNumber(rest[1:])
	return int(min(x, 9999)), int(min(y, 9999)), int(min(z, 9999)), sep, ok1 && ok2 && ok3 && len(rest) == 0
}

// cutLocaleClock reads 17:17:06, 17.17.06 or 5:17:06 PM; half says that it was the
// last.
func cutLocaleClock(text []byte) (ns int64, half bool, rest []byte, ok bool) {
	word, rest := cutWord(text)
	var n [3]uint64
	for i := range n {
		if i > 0 {
			if len(word) == 0 || word[0] != ':' && word[0] != '.' {
				return 0, false, text, false
			}
			word = word[1:]
		}
		if n[i], word, ok = cutNumber(word); !ok {
			return 0, false, text, false
		}
	}
	if len(word) > 0 || n[0] > 23 || n[1] > 59 || n[2] > 60 {
		return 0, false, text, false
	}
	word, behind := cutWord(rest)
	word = bytes.TrimRight(word, ".")
	pm := equalFold(word, "PM") || equalFold(word, "P.M")
	if half = pm || equalFold(word, "AM") || equalFold(word, "A.M"); half {
		if rest = behind; n[0] == 0 || n[0] > 12 {
			return 0, false, text, false
		}
		if n[0] %= 12; pm {
			n[0] += 12
		}
	}
	return int64(n[0]*3600+n[1]*60+n[2]) * int64(time.Second), half, rest, true
}

// AppendState implements Stateful: the order of dates, and the lines of the block
// that is not over.
func (p *windowsDebugParser) AppendState(dst []byte) []byte {
	dst = append(dst, 'w', '0'+byte(p.order), '\n')
	if p.held {
		dst = append(dst, p.block...)
	}
	return dst
}

// Restore implements Stateful.
func (p *windowsDebugParser) Restore(state []byte) error {
	if len(state) < 3 || len(state) > maxWindowsBlock+MaxLine || state[0] != 'w' || state[1] > '0'+byte(orderMonthFirst) || state[1] < '0' || state[2] != '\n' {
		return errState
	}
	fresh := &windowsDebugParser{cfg: p.cfg, records: records{appendName: appendLengthName}, order: dateOrder(state[1] - '0')}
	nowhere := discard()
	for line := range bytes.Lines(state[3:]) {
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) == 0 {
			return errState
		}
		fresh.Line(line, nowhere)
	}
	if len(state) > 3 && !fresh.held {
		return errState
	}
	*p = *fresh
	return nil
}
