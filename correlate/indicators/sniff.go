package indicators

import (
	"bytes"
	"net/netip"
	"strings"
)

// sniffLines is how many lines a format is told from.
const sniffLines = 200

// sniff tells a feed's format from its head.
func sniff(head []byte) (Format, csvShape) {
	trimmed := bytes.TrimSpace(head)
	if len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[' && isJSONArray(trimmed[1:])) {
		for _, sign := range []string{`"bundle"`, `"pattern"`, `"objects"`, `"spec_version"`} {
			if bytes.Contains(head, []byte(sign)) {
				return STIX, csvShape{}
			}
		}
		return MISP, csvShape{}
	}
	data, comments := headLines(head)
	switch {
	case len(data) == 0:
		return Empty, csvShape{}
	case isZone(data):
		return RPZ, csvShape{}
	case mostly(data, isHostsLine):
		return Hosts, csvShape{}
	}
	if shape, ok := csvOf(data, comments); ok {
		return CSV, shape
	}
	return List, csvShape{}
}

// isJSONArray tells [{ and [] from the [ of an address or a defanged name.
func isJSONArray(rest []byte) bool {
	rest = bytes.TrimSpace(rest)
	return len(rest) > 0 && (rest[0] == '{' || rest[0] == ']' && len(bytes.TrimSpace(rest[1:])) == 0)
}

// headLines splits the head into lines that carry something and comments. A
// line that is cut off by the head's end is left out, if it is not the only one.
func headLines(head []byte) (data, comments []string) {
	n := 0
	for line := range bytes.Lines(head) {
		if n++; n > sniffLines || n > 1 && line[len(line)-1] != '\n' && len(head) == maxLine {
			break
		}
		text := string(bytes.TrimSpace(line))
		switch {
		case text == "":
		case isComment(text):
			comments = append(comments, text)
		default:
			data = append(data, text)
		}
	}
	return data, comments
}

func isComment(line string) bool {
	return line[0] == '#' || line[0] == ';' || strings.HasPrefix(line, "//")
}

func mostly(lines []string, is func(string) bool) bool {
	n := 0
	for _, line := range lines {
		if is(line) {
			n++
		}
	}
	return n > len(lines)/2
}

// isHostsLine: an address and a name. An address and a number or a date are a
// list's.
func isHostsLine(line string) bool {
	fields := strings.Fields(cutComment(line))
	if len(fields) < 2 {
		return false
	}
	if _, err := netip.ParseAddr(fields[0]); err != nil {
		return false
	}
	var it item
	return hostsOwn[fields[1]] || it.readName(fields[1], itself) == taken
}

// isZone: a directive, or records with a type that triggers have.
func isZone(lines []string) bool {
	if first := strings.ToUpper(lines[0]); strings.HasPrefix(first, "$ORIGIN") || strings.HasPrefix(first, "$TTL") {
		return true
	}
	return mostly(lines[:1], isRecord) || mostly(lines, isRecord)
}

func isRecord(line string) bool {
	for i, field := range strings.Fields(line) {
		switch {
		case i > 0 && i < 4 && (strings.EqualFold(field, "SOA") || strings.EqualFold(field, "CNAME")):
			return true
		case i == 0 && (strings.EqualFold(field, "CNAME") || strings.IndexByte(field, ',') >= 0):
			return false
		}
	}
	return false
}
