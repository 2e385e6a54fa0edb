package indicators

import "strings"

// columnNames are what headers call the column of indicators, the best first:
// what is watched for stands before what is only told of it.
var columnNames = []string{
	"indicator", "ioc_value", "ioc", "indicator_value", "observable", "url", "domain", "domain_name", "domainname", "fqdn",
	"hostname", "host", "dst_ip", "dest_ip", "ip_address", "ipaddress", "ip", "address", "network", "cidr", "value", "name",
}

// A csvShape says where the lines of a CSV file have their indicator.
type csvShape struct {
	comma  byte
	column int
	header string // the header as it stands in the file; empty if it has none
}

// csvOf finds the shape of lines that have the same separator all over; ok is
// false where they have none.
func csvOf(data, comments []string) (shape csvShape, ok bool) {
	for _, comma := range []byte{',', ';', '\t', '|'} {
		if !mostly(data, func(line string) bool { return len(splitCSV(line, comma)) > 1 }) {
			continue
		}
		shape := csvShape{comma: comma}
		names := data[0]
		if isIndicatorLine(names, comma) {
			if names = ""; len(comments) > 0 { // the last comment may be the header
				names = strings.TrimLeft(comments[len(comments)-1], "#;/ ")
			}
		} else {
			shape.header = names
		}
		counts := countColumns(data, comma)
		if shape.column = columnOf(names, comma, counts); shape.column < 0 {
			shape.column = busiest(counts)
		}
		if shape.column >= 0 {
			return shape, true
		}
	}
	return csvShape{}, false
}

// columnOf is the column that a header calls the indicator's, if there are
// indicators in it; -1 for none.
func columnOf(header string, comma byte, counts []int) int {
	fields := splitCSV(header, comma)
	for _, name := range columnNames {
		for i, field := range fields {
			if i < len(counts) && counts[i] > 0 && strings.EqualFold(strings.ReplaceAll(field, " ", "_"), name) {
				return i
			}
		}
	}
	return -1
}

func isIndicatorLine(line string, comma byte) bool {
	return busiest(countColumns([]string{line}, comma)) >= 0
}

// countColumns counts the indicators of each column.
func countColumns(data []string, comma byte) (counts []int) {
	var it item
	for _, line := range data {
		for i, field := range splitCSV(line, comma) {
			if i == len(counts) {
				counts = append(counts, 0)
			}
			if it.read(field, itself) == taken {
				counts[i]++
			}
		}
	}
	return counts
}

// busiest is the column with most indicators, the leftmost of equals; -1 where
// none has any.
func busiest(counts []int) int {
	best := -1
	for i, n := range counts {
		if n > 0 && (best < 0 || n > counts[best]) {
			best = i
		}
	}
	return best
}

// readCSV reads a line of a CSV file. A quoted field does not go on in the next
// line: one lost quote must not swallow the rest of the file.
func (r *reading) readCSV(line string, shape *csvShape) {
	if line == "" || isComment(line) || line == shape.header {
		return
	}
	fields := splitCSV(line, shape.comma)
	if shape.column >= len(fields) || fields[shape.column] == "" {
		r.refuse(NoColumn, line)
		return
	}
	r.take(fields[shape.column], withBeneath)
}

// splitCSV splits a line into its fields, without the quotes around them.
func splitCSV(line string, comma byte) (fields []string) {
	for {
		line = strings.TrimLeft(line, " ")
		if !strings.HasPrefix(line, `"`) {
			field, rest, more := strings.Cut(line, string(comma))
			fields = append(fields, strings.TrimSpace(field))
			if !more {
				return fields
			}
			line = rest
			continue
		}
		end := 1
		for end < len(line) && (line[end] != '"' || strings.HasPrefix(line[end+1:], `"`)) {
			if line[end] == '"' {
				end++
			}
			end++
		}
		fields = append(fields, strings.ReplaceAll(line[1:min(end, len(line))], `""`, `"`))
		_, rest, more := strings.Cut(line[min(end+1, len(line)):], string(comma))
		if !more {
			return fields
		}
		line = rest
	}
}
