// Package hunt is the search for indicators of compromise in the history and in
// exported flows: the command, its report, and POST /api/v1/scan, by which it has the
// daemon look through its history. What is searched, and what a find is, is the
// matter of correlate/hunt.
package hunt
