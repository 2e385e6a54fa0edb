package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

// message builds an IPFIX message of so many bytes, filled with fill.
func message(size int, fill byte) []byte {
	b := bytes.Repeat([]byte{fill}, size)
	binary.BigEndian.PutUint16(b, version)
	binary.BigEndian.PutUint16(b[2:], uint16(size))
	return b
}

// cut gives a stream to a framer in the pieces that end at the given places and
// returns copies of the messages, what was left and the error.
func cut(stream []byte, ends ...int) (msgs [][]byte, left int, err error) {
	f := newFramer()
	at := 0
	for _, end := range append(ends, len(stream)) {
		for at < end {
			n := copy(f.room(), stream[at:end])
			f.filled(n)
			at += n
			for {
				var m []byte
				if m, err = f.next(); m == nil {
					break
				}
				msgs = append(msgs, bytes.Clone(m))
			}
			if err != nil {
				return msgs, f.pending() + len(stream) - at, err
			}
		}
	}
	return msgs, f.pending(), nil
}

// However a stream is cut into reads, the messages are the same.
func TestFramerAtEveryBoundary(t *testing.T) {
	want := [][]byte{message(16, 1), message(40, 2), message(17, 3), message(300, 4), message(16, 5)}
	stream := slices.Concat(want...)
	for i := range len(stream) + 1 {
		for j := i; j <= len(stream); j++ {
			got, left, err := cut(stream, i, j)
			if err != nil || left != 0 || !slices.EqualFunc(got, want, bytes.Equal) {
				t.Fatalf("cut at %d and %d: %d messages, %d bytes left, %v; want the %d sent", i, j, len(got), left, err, len(want))
			}
		}
	}
	every := make([]int, len(stream))
	for i := range every {
		every[i] = i
	}
	if got, left, err := cut(stream, every...); err != nil || left != 0 || !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("byte by byte: %d messages, %d bytes left, %v", len(got), left, err)
	}
}

func TestFramerLongestMessages(t *testing.T) {
	want := [][]byte{message(65535, 1), message(16, 2), message(65535, 3), message(65535, 4)}
	got, left, err := cut(slices.Concat(want...))
	if err != nil || left != 0 || !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d messages, %d bytes left, %v", len(got), left, err)
	}
}

func TestFramerRefuses(t *testing.T) {
	good := message(20, 7)
	for name, c := range map[string]struct {
		stream []byte
		msgs   int
		left   int
		err    error
	}{
		"nothing":                  {nil, 0, 0, nil},
		"half a version":           {[]byte{0}, 0, 1, nil},
		"a version":                {[]byte{0, 10}, 0, 2, nil},
		"half a length":            {[]byte{0, 10, 0}, 0, 3, nil},
		"no byte of the rest":      {good[:4], 0, 4, nil},
		"all but one byte":         {good[:19], 0, 19, nil},
		"NetFlow v9":               {[]byte{0, 9}, 0, 2, ErrVersion},
		"a browser":                {[]byte("GET / HTTP/1.1\r\n"), 0, 16, ErrVersion},
		"TLS on the plain port":    {[]byte{22, 3, 1, 2, 0}, 0, 5, ErrVersion},
		"length 0":                 {[]byte{0, 10, 0, 0, 1, 2}, 0, 6, ErrLength},
		"length 15":                {[]byte{0, 10, 0, 15}, 0, 4, ErrLength},
		"length 16":                {message(16, 0), 1, 0, nil},
		"zeros behind a message":   {append(bytes.Clone(good), 0, 0, 0), 1, 3, ErrVersion},
		"garbage between messages": {slices.Concat(good, good, []byte{1}, good), 2, 21, ErrVersion},
	} {
		msgs, left, err := cut(c.stream)
		if len(msgs) != c.msgs || left != c.left || !errors.Is(err, c.err) {
			t.Errorf("%s: %d messages, %d bytes left, %v; want %d, %d, %v", name, len(msgs), left, err, c.msgs, c.left, c.err)
		}
	}
}

// FuzzFramer looks for streams that are read in another way when they come in
// other pieces, and for bytes that are neither given nor left.
func FuzzFramer(f *testing.F) {
	f.Add(slices.Concat(message(16, 1), message(40, 2)), uint16(3), uint16(17))
	f.Add([]byte("GET / HTTP/1.1\r\n"), uint16(1), uint16(2))
	f.Add([]byte{0, 10, 0, 15}, uint16(0), uint16(3))
	f.Add(message(65535, 9), uint16(4), uint16(65534))
	f.Fuzz(func(t *testing.T, stream []byte, i, j uint16) {
		a, b := min(int(i), len(stream)), min(int(j), len(stream))
		got, left, err := cut(stream, min(a, b), max(a, b))
		want, wantLeft, wantErr := cut(stream)
		if !slices.EqualFunc(got, want, bytes.Equal) || left != wantLeft || (err == nil) != (wantErr == nil) {
			t.Fatalf("cut at %d and %d: %d messages, %d left, %v; whole: %d, %d, %v",
				a, b, len(got), left, err, len(want), wantLeft, wantErr)
		}
		if sum := len(slices.Concat(got...)) + left; sum != len(stream) {
			t.Fatalf("%d bytes given or left of %d", sum, len(stream))
		}
	})
}
