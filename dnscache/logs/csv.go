package logs

import "bytes"

// maxCSVColumns is how many columns a line may have. Firewalls write 120.
const maxCSVColumns = 512

// A csvLine splits the lines of one stream into columns (RFC 4180), each line by
// itself: a quote that is not closed tears its own line and swallows no other.
// Blanks before an opening quote are dropped, as some writers put one behind
// each comma. It does not allocate in the steady state.
type csvLine struct {
	// columns are valid until the next read and as long as the line is.
	columns [][]byte
	scratch []byte // columns with doubled quotes
}

// read splits a line.
func (c *csvLine) read(line []byte) Reason {
	c.columns, c.scratch = c.columns[:0], c.scratch[:0]
	for {
		if len(c.columns) == maxCSVColumns {
			return BadColumns
		}
		column, rest, reason := c.cut(line)
		if reason != Used {
			return reason
		}
		c.columns = append(c.columns, column)
		if len(rest) == 0 {
			return Used
		}
		line = rest[1:] // behind the comma
	}
}

// cut takes the first column off a line. The rest is empty or starts with a comma.
func (c *csvLine) cut(line []byte) (column, rest []byte, reason Reason) {
	quoted := bytes.TrimLeft(line, " ")
	if len(quoted) == 0 || quoted[0] != '"' {
		end := bytes.IndexByte(line, ',')
		if end < 0 {
			end = len(line)
		}
		if bytes.IndexByte(line[:end], '"') >= 0 {
			return nil, nil, BadSyntax
		}
		return line[:end], line[end:], Used
	}
	line = quoted[1:]
	start, doubled := len(c.scratch), false
	for {
		end := bytes.IndexByte(line, '"')
		switch {
		case end < 0:
			return nil, nil, Torn
		case end+1 < len(line) && line[end+1] == '"':
			c.scratch = append(c.scratch, line[:end+1]...)
			doubled, line = true, line[end+2:]
			continue
		case end+1 < len(line) && line[end+1] != ',':
			return nil, nil, BadSyntax
		}
		column, rest = line[:end], line[end+1:]
		if doubled {
			c.scratch = append(c.scratch, column...)
			column = c.scratch[start:len(c.scratch):len(c.scratch)]
		}
		return column, rest, Used
	}
}
