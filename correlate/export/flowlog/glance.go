package flowlog

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
)

// A Glance is what a search needs of a line: who spoke with whom, when, how much,
// and by which names. It takes a fraction of the time of a Reader, because it
// passes over what it does not look for, and does not check it either.
type Glance struct {
	// StartNs and EndNs are by the clock that the flow was joined with.
	StartNs, EndNs int64
	Bytes, Packets uint64
	Sampled        bool // one packet of several was counted
	Src, Dst       netip.Addr
	SrcName        Called
	DstName        Called
}

// Called is the name of one end; its texts alias the line or the Glance and are
// valid until the next one.
type Called struct {
	Name, Basis []byte // empty: it has none
	text        []byte // for names with escapes
}

// Sure says that the other end itself is known to have gone by the name: a basis
// of others or client_later is a guess.
func (c *Called) Sure() bool {
	return len(c.Name) > 0 && string(c.Basis) != "others" && string(c.Basis) != "client_later"
}

// Read reads a line, with or without its end. The error wraps ErrSyntax or
// ErrNotFlow.
func (g *Glance) Read(line []byte) error {
	line = bytes.TrimSpace(line)
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return ErrSyntax
	}
	*g = Glance{SrcName: Called{text: g.SrcName.text[:0]}, DstName: Called{text: g.DstName.text[:0]}}
	var shiftMs int64
	typed := false
	for i := 1; ; {
		i = skipSpace(line, i)
		if i >= len(line) || line[i] != '"' {
			break
		}
		start := i + 1
		i = skipString(line, i)
		key := line[start : i-1]
		i = skipSpace(line, i) + 1 // the colon
		start = skipSpace(line, i)
		i = skipValue(line, start)
		if start >= i { // torn
			return ErrSyntax
		}
		value := line[start:i]
		if string(key) == "type" {
			typed = typeOf(unquoted(value)) != 0
		} else if !g.field(key, value, &shiftMs) {
			return fmt.Errorf("%w: %s", ErrNotFlow, key)
		}
		if i = skipSpace(line, i); i < len(line) && line[i] == ',' {
			i++
		}
	}
	if !typed || g.StartNs <= 0 {
		return fmt.Errorf("%w: no type or no time_flow_start_ns", ErrNotFlow)
	}
	g.StartNs += shiftMs * 1e6
	g.EndNs += shiftMs * 1e6
	return nil
}

// field takes a member of the line; false where it is not what it must be.
func (g *Glance) field(key, value []byte, shiftMs *int64) (ok bool) {
	switch string(key) {
	case "time_flow_start_ns":
		g.StartNs, ok = integer(value)
	case "time_flow_end_ns":
		g.EndNs, ok = integer(value)
	case "clock_offset_ms":
		*shiftMs, ok = integer(value)
	case "bytes":
		g.Bytes, ok = count(value)
	case "packets":
		g.Packets, ok = count(value)
	case "sampling_rate":
		var rate uint64
		rate, ok = count(value)
		g.Sampled = rate > 1
	case "src_addr":
		g.Src, ok = address(unquoted(value))
	case "dst_addr":
		g.Dst, ok = address(unquoted(value))
	case "src_name":
		ok = g.SrcName.name(value)
	case "dst_name":
		ok = g.DstName.name(value)
	case "src_name_basis":
		g.SrcName.Basis, ok = unquoted(value), true
	case "dst_name_basis":
		g.DstName.Basis, ok = unquoted(value), true
	default:
		return true
	}
	return ok
}

// name takes a name. Of JSON's escapes the two that can stand in a name in
// presentation form are undone.
func (c *Called) name(value []byte) bool {
	c.Name = unquoted(value)
	for _, b := range c.Name {
		if b < ' ' { // no JSON (RFC 8259 section 7), and nothing for a terminal
			return false
		}
	}
	if bytes.IndexByte(c.Name, '\\') < 0 {
		return len(value) >= 2 && value[0] == '"'
	}
	c.text = c.text[:0]
	for i := 0; i < len(c.Name); i++ {
		if c.Name[i] == '\\' && i+1 < len(c.Name) {
			i++
		}
		c.text = append(c.text, c.Name[i])
	}
	c.Name = c.text
	return true
}

func unquoted(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}

// count reads a number without a sign, as counters are written.
func count(value []byte) (n uint64, ok bool) {
	if len(value) == 0 || len(value) > 19 {
		n, err := strconv.ParseUint(string(value), 10, 64)
		return n, err == nil
	}
	for _, c := range value {
		if c-'0' >= 10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

func integer(value []byte) (int64, bool) {
	negative := len(value) > 0 && value[0] == '-'
	if negative {
		value = value[1:]
	}
	n, ok := count(value)
	if n > 1<<62 {
		return 0, false
	}
	if negative {
		return -int64(n), ok
	}
	return int64(n), ok
}

// address reads an address; the zero Addr is of flows without one. IPv4 is read
// here, without the string that package netip wants.
func address(text []byte) (netip.Addr, bool) {
	if len(text) == 0 {
		return netip.Addr{}, true
	}
	var b [4]byte
	part, value, digits := 0, 0, 0
	for _, c := range text {
		switch {
		case c-'0' < 10 && digits < 3:
			value, digits = value*10+int(c-'0'), digits+1
			continue
		case c == '.' && digits > 0 && value < 256 && part < 3:
			b[part] = byte(value)
			part, value, digits = part+1, 0, 0
			continue
		}
		addr, err := netip.ParseAddr(string(text))
		return addr.Unmap().WithZone(""), err == nil
	}
	if part != 3 || digits == 0 || value > 255 {
		return netip.Addr{}, false
	}
	b[3] = byte(value)
	return netip.AddrFrom4(b), true
}
