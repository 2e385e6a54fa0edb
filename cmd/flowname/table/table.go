// Package table is how reports for people are laid out: numbers and times in
// columns, and texts beside them.
package table

import (
	"fmt"
	"io"
	"strings"
)

// TimeForm is the form of times in tables.
const TimeForm = "2006-01-02 15:04:05.000"

// Block is after how many rows the columns are laid out anew, so that a
// long table needs no more memory than a short one.
const Block = 1000

// Grouped writes a number with its thousands apart.
func Grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Percent writes a share; of nothing there is none.
func Percent(part, whole uint64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

// WriteWrapped writes a text of one paragraph with a heading before it.
func WriteWrapped(w io.Writer, heading, text string) {
	const width = 100
	line := fmt.Sprintf("  %-10s", heading)
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && len(line)+1+len(word) > width {
			fmt.Fprintln(w, line)
			line, empty = strings.Repeat(" ", 12), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	fmt.Fprintln(w, line)
}
