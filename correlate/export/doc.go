// Package export writes enriched flows: one JSON object a line, to a file or a
// stream.
//
// The fields that come from the exporter have the names, meaning and forms of
// goflow2's JSON output, so that what reads that reads this. What flowname adds
// is there only where it is known. Numbers are counts as exported, times are
// Unix nanoseconds.
//
// An [Encoder] appends lines to the caller's buffer and allocates nothing else.
// [File] is a sink of whole lines: it never leaves a torn one, not when it is
// reopened for rotation and not when it is closed.
package export
