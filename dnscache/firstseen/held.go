package firstseen

// held counts what is entered, so that no flood fills the book. Its tables are
// small: what falls on the same place begins its count anew.
type held struct {
	hours [1 << 8]struct{ hour, n uint32 }
	names [1 << 16]struct {
		domain uint32
		day, n uint16
	}
}

// namesADay is how many names of a domain are entered for each day.
const namesADay = 1000

// absent says whether one more domain without an address may be entered for the
// hour.
func (h *held) absent(sec uint32, most int) bool {
	hour := sec / 3600
	e := &h.hours[hour%uint32(len(h.hours))]
	if e.hour != hour {
		e.hour, e.n = hour, 0
	}
	if int(e.n) >= most {
		return false
	}
	e.n++
	return true
}

// name says whether one more name of a domain may be entered for the day.
func (h *held) name(domain uint64, sec uint32) bool {
	day := uint16(sec / 86400)
	e := &h.names[domain%uint64(len(h.names))]
	if tag := uint32(domain >> 32); e.domain != tag || e.day != day {
		e.domain, e.day, e.n = tag, day, 0
	}
	if e.n >= namesADay {
		return false
	}
	e.n++
	return true
}
