// Package logs reads the evidence in DNS logs, in the logs of devices and in
// those of endpoints: one Format for each kind of log.
//
// # Nouns
//
// A Format describes one kind of log: its name, what it can carry (Capability),
// how to switch it on at the other side, how it is told from its first lines. A
// Parser reads the lines of one file or stream in that format. A Reader has a
// Format's Parser and the counters; a line goes in, evidence comes out.
//
// # Evidence
//
// What a line tells is either a dnscache.Response (somebody was answered, or,
// with QuestionOnly, asked) or a dnscache.Connection (somebody saw a connection
// and knew its name). A line that may be evidence of something else than it says
// is refused: a wrong name is worse than none.
//
// # Refusals
//
// A line is used, passed over (it is of the log, and tells nothing that names a
// flow: a comment, another event) or refused with a Reason. Each is counted. A
// line that is too long, torn, or has another number of columns than its format
// says is refused whole, never read shifted. No line, whatever is in it, panics,
// costs more memory than the stated bounds or ends the reading of its file.
//
// # Time
//
// Nothing here reads a clock. Logs whose times lack a zone are read in
// Config.Location, and those that lack the year get it from Config.ReferenceNs:
// the latest year that does not put the line more than a day after it.
//
// # Ownership and concurrency
//
// A Reader is for one goroutine. What it emits is valid during the call, and
// aliases the line and the parser's buffers.
package logs
