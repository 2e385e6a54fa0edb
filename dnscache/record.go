package dnscache

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The store's keys. Names end with a zero byte, which no name holds; times are
// of a run's first answer, inverted, so that the newest comes first.
//
//	a ADDRESS NAME 0 TIME          a run of what any client had
//	c CLIENT                       a client is seen
//	m                              state: version, beginning, clock
//	n LABELS 0 CLIENT ADDRESS      the name has, or had, that address
//	o LABELS 0 CLIENT OUTCOME TIME a run of responses that had no address
//	p ADDRESS CLIENT NAME 0 TIME   a run of what one client had
//	s SHELF KEY                    what a Shelf keeps, for ever
//
// An OUTCOME is the question's type (or 0) and the RCODE, two bytes each. LABELS are the name's labels, top first, each ended by a byte 1, so that what
// is beneath a domain lies together.
const (
	kindOthers  = 'a'
	kindClient  = 'c'
	kindState   = 'm'
	kindName    = 'n'
	kindOutcome = 'o'
	kindPair    = 'p'
	kindShelf   = 's'
)

// formatVersion is that of keys and values; another one is refused.
const formatVersion = 1

var errRecord = errors.New("malformed record")

func appendIP(b []byte, p ip) []byte {
	b = binary.BigEndian.AppendUint64(b, p.hi)
	return binary.BigEndian.AppendUint64(b, p.lo)
}

func readIP(b []byte) ip {
	return ip{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// appendPrefix appends the part of a chain's keys that all its runs share.
func appendPrefix(b []byte, client, addr ip, others bool) []byte {
	if others {
		return appendIP(append(b, kindOthers), addr)
	}
	return appendIP(appendIP(append(b, kindPair), addr), client)
}

// appendRun appends the rest of a run's key.
func appendRun(b []byte, name string, first int64) []byte {
	b = append(append(b, name...), 0)
	return binary.BigEndian.AppendUint64(b, ^uint64(first))
}

const (
	othersPrefix = 1 + 16
	pairPrefix   = 1 + 32
)

// readRun splits the key of a run after its prefix. name aliases key.
func readRun(key []byte, prefix int) (name []byte, first int64, err error) {
	end := len(key) - 9
	if end <= prefix || key[end] != 0 {
		return nil, 0, errRecord
	}
	first = int64(^binary.BigEndian.Uint64(key[end+1:]))
	if first <= 0 {
		return nil, 0, errRecord
	}
	return key[prefix:end], first, nil
}

// run is a stored run of answers.
type run struct {
	first, last int64
	count       uint64
	ttl         uint32
	source      Source
	canon       []byte // aliases what was read
}

// appendValue appends the value of a run: what its key does not say.
func appendValue(b []byte, r *run) []byte {
	b = binary.AppendUvarint(b, uint64(r.last-r.first))
	b = binary.AppendUvarint(b, r.count)
	b = binary.AppendUvarint(b, uint64(r.ttl))
	return append(append(b, byte(r.source)), r.canon...)
}

// readValue fills in r but for its first time.
func (r *run) readValue(b []byte) error {
	var f [3]uint64
	for i := range f {
		x, n := binary.Uvarint(b)
		if n <= 0 {
			return errRecord
		}
		f[i], b = x, b[n:]
	}
	if len(b) == 0 || f[0] > maxRun || f[2] > MaxTTL && f[2] != UnknownTTL || len(b) > maxName+1 {
		return errRecord
	}
	r.last = addSat(r.first, int64(f[0]))
	r.count, r.ttl = f[1], uint32(f[2])
	r.source, r.canon = Source(b[0]), b[1:]
	return nil
}

// appendLabels appends a name's labels, top first, each ended by a byte 1. A dot
// after a backslash belongs to its label. The root has none.
func appendLabels(b []byte, name string) []byte {
	if name == "." {
		return b
	}
	for end := len(name); end > 0; {
		start := end
		for start > 0 && !labelDot(name, start-1) {
			start--
		}
		b = append(append(b, name[start:end]...), 1)
		end = start - 1
	}
	return b
}

// labelDot says whether name[i] is a dot between labels: one with an even
// number of backslashes before it.
func labelDot(name string, i int) bool {
	if name[i] != '.' {
		return false
	}
	even := true
	for i--; i >= 0 && name[i] == '\\'; i-- {
		even = !even
	}
	return even
}

// readLabels is appendLabels undone.
func readLabels(b []byte) string {
	if len(b) == 0 {
		return "."
	}
	name := make([]byte, 0, len(b))
	for end := len(b) - 1; end >= 0; {
		start := end
		for start > 0 && b[start-1] != 1 {
			start--
		}
		name = append(append(name, b[start:end]...), '.')
		end = start - 1
	}
	return string(name[:len(name)-1])
}

// appendNameKey appends a key of the name index.
func appendNameKey(b []byte, name string, client, addr ip) []byte {
	b = append(appendLabels(append(b, kindName), name), 0)
	return appendIP(appendIP(b, client), addr)
}

// readNameKey splits one.
func readNameKey(key []byte) (name string, client, addr ip, err error) {
	end := len(key) - 33
	if end < 1 || key[end] != 0 || end > 1 && key[end-1] != 1 {
		return "", ip{}, ip{}, errRecord
	}
	return readLabels(key[1:end]), readIP(key[end+1:]), readIP(key[end+17:]), nil
}

// nameKeyEnds is readNameKey without the name.
func nameKeyEnds(key []byte) (client, addr ip, ok bool) {
	end := len(key) - 33
	if end < 1 || key[end] != 0 || end > 1 && key[end-1] != 1 {
		return ip{}, ip{}, false
	}
	return readIP(key[end+1:]), readIP(key[end+17:]), true
}

// nameReader reads keys of the name index in their order: those of a name lie
// together, and its text is made once.
type nameReader struct {
	labels []byte
	name   string
}

// read is readNameKey.
func (r *nameReader) read(key []byte) (name string, client, addr ip, err error) {
	end := len(key) - 33
	if end < 1 || !bytes.Equal(r.labels, key[:end+1]) {
		if name, client, addr, err = readNameKey(key); err == nil {
			r.labels, r.name = append(r.labels[:0], key[:end+1]...), name
		}
		return name, client, addr, err
	}
	return r.name, readIP(key[end+1:]), readIP(key[end+17:]), nil
}

// outcomeTail is how many bytes of the key of an outcome come after the client.
const outcomeTail = 2 + 2 + 8

// appendOutcomeKey appends the key of a run of outcomes.
func appendOutcomeKey(b []byte, x *outcomeRun) []byte {
	b = appendIP(append(appendLabels(append(b, kindOutcome), x.name), 0), x.client)
	b = binary.BigEndian.AppendUint16(b, x.about)
	b = binary.BigEndian.AppendUint16(b, x.rcode)
	return binary.BigEndian.AppendUint64(b, ^uint64(x.run.first))
}

// readOutcomeKey splits one.
func readOutcomeKey(key []byte) (x outcomeRun, err error) {
	end := len(key) - outcomeTail - 17
	if end < 1 || key[end] != 0 || end > 1 && key[end-1] != 1 {
		return x, errRecord
	}
	tail := key[end+17:]
	x.name, x.client = readLabels(key[1:end]), readIP(key[end+1:])
	x.about, x.rcode = binary.BigEndian.Uint16(tail), binary.BigEndian.Uint16(tail[2:])
	if x.run.first = int64(^binary.BigEndian.Uint64(tail[4:])); x.run.first <= 0 {
		return x, errRecord
	}
	return x, nil
}

func appendClientKey(b []byte, p ip) []byte { return appendIP(append(b, kindClient), p) }

// state is what the store says of itself.
type state struct {
	began, newest, clock int64
}

func (st state) value() []byte {
	b := []byte{formatVersion}
	for _, x := range []int64{st.began, st.newest, st.clock} {
		b = binary.AppendVarint(b, x)
	}
	return b
}

func (st *state) read(b []byte) error {
	if len(b) == 0 {
		return errRecord
	}
	b = b[1:]
	for _, x := range []*int64{&st.began, &st.newest, &st.clock} {
		v, n := binary.Varint(b)
		if n <= 0 || v < 0 {
			return errRecord
		}
		*x, b = v, b[n:]
	}
	return nil
}
