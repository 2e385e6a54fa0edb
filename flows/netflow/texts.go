package netflow

import (
	"bytes"
	"unicode/utf8"
)

const (
	// maxLabel bounds a text of a record in bytes.
	maxLabel = 128
	// maxRawText bounds what a text is made of. What is longer is no name, and
	// of a label the rest is not looked at.
	maxRawText = 512
)

// texts makes strings of the texts in records and knows those it has made, so
// that a text that comes again costs no allocation. It knows the latest max of
// them for sure, and at most twice as many: when the young ones are max, they
// become the old ones, and the old ones, but for those that came again, are
// forgotten. Who has such a string keeps it.
type texts struct {
	young, old map[string]string
	max        int
	longest    int                          // raw texts that are longer are counted: they are cut, or none
	form       func(dst, raw []byte) []byte // empty for what is none
	stats      *Stats
	buf        []byte
}

func newTexts(form func(dst, raw []byte) []byte, longest, limit int, stats *Stats) texts {
	return texts{form: form, longest: longest, max: limit, stats: stats}
}

// string gives the text of raw, which may be a part of a message.
func (t *texts) string(raw []byte) string {
	if raw = unpad(raw); len(raw) == 0 {
		return ""
	}
	raw = raw[:min(len(raw), maxRawText+1)]
	if s, ok := t.young[string(raw)]; ok {
		return s
	}
	s, known := t.old[string(raw)]
	key := string(raw)
	if !known {
		if len(raw) > t.longest {
			t.stats.TextsTooLong++
		}
		t.buf = t.form(t.buf[:0], raw)
		s = key
		if string(t.buf) != key {
			s = string(t.buf)
		}
	}
	if len(t.young) >= t.max {
		t.stats.TextsForgotten += uint64(len(t.old))
		t.old, t.young = t.young, nil
	}
	if t.young == nil {
		t.young = make(map[string]string)
	}
	t.young[key] = s
	return s
}

// unpad cuts a text at the first zero byte, with which exporters fill fields of
// a fixed length, and spaces from both ends.
func unpad(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// isDash is for the text that some exporters send where they have none.
func isDash(b []byte) bool { return len(b) == 1 && b[0] == '-' }

// appendLabel appends a text for people: valid UTF-8, without control
// characters (each becomes U+FFFD, as does what is not UTF-8), at most maxLabel
// bytes, cut between characters.
func appendLabel(dst, raw []byte) []byte {
	if isDash(raw) {
		return dst
	}
	start := len(dst)
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		raw = raw[size:]
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			r = utf8.RuneError
		}
		if len(dst)-start+utf8.RuneLen(r) > maxLabel {
			break
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
