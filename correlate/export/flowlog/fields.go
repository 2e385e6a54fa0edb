package flowlog

// A field is a member of a line's object as it stands there: from the key's
// first quote to the value's end.
type field struct {
	key []byte // without quotes
	raw []byte
}

// fieldsOf splits a valid JSON object into its members. The fields alias the
// line.
func fieldsOf(dst []field, line []byte) []field {
	i := skipSpace(line, 0) + 1 // the brace
	for {
		i = skipSpace(line, i)
		if i >= len(line) || line[i] != '"' {
			return dst
		}
		start := i
		i = skipString(line, i)
		key := line[start+1 : i-1]
		i = skipSpace(line, i) + 1 // the colon
		i = skipValue(line, skipSpace(line, i))
		dst = append(dst, field{key: key, raw: line[start:i]})
		if i = skipSpace(line, i); i < len(line) && line[i] == ',' {
			i++
		}
	}
}

func skipSpace(line []byte, i int) int {
	for i < len(line) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r' || line[i] == '\n') {
		i++
	}
	return i
}

// skipString is behind the string that begins at i.
func skipString(line []byte, i int) int {
	for i++; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(line)
}

// skipValue is behind the value that begins at i.
func skipValue(line []byte, i int) int {
	depth := 0
	for i < len(line) {
		switch line[i] {
		case '"':
			i = skipString(line, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of the object that the value is in
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}
