// Package findings tells what is noteworthy about flows and answers: a client that
// asks a resolver of its own choice, a name that was null-routed and is live now, and
// so on. Each kind has a [Code] with a stable meaning; README says of each what
// makes false ones.
//
// # Nouns
//
// Rules say whether a code holds: [Resolvers] of flows and answers, [Names] of names
// by their answers over time. A flow carries a code whenever it holds for it. The
// [Desk] is what people read: it takes each finding once for its code, client and
// subject in [Repeat] of event time, no more than [PerCode] of a code and [InAll] in
// a minute, keeps the newest for the API and makes lines of them for a file.
//
// # Time
//
// Nothing here reads a clock. Rules and repetition go by the evidence's and the
// flow's own time, the limits by what [Desk.Pass] was told: the time of day in the
// daemon, the input's in a replay. With the same input and seed all is the same.
//
// # Bounds
//
// The desk remembers [seenEntries] findings to know repetitions; where they are more, the
// oldest of four is forgotten, counted, and may be told twice. It keeps [Recent] findings
// and at most [maxLines] bytes of lines that nobody has taken yet; lines over that are
// lost and counted. What the limits hold back is counted and not remembered: if
// it happens again it is told then.
//
// # Restarts
//
// What was told lies on a shelf beside the history, hashes and times, at most a
// megabyte, and the desk of the next process remembers it. [Desk.Save] writes the
// sets that have changed, and of these only what has been written as lines: whoever
// calls it each few seconds has a kill repeat what was told in the last of them, and
// lose nothing. Without lines there is no record that would outlast the process, and
// the next one tells all again.
//
// # Concurrency
//
// A [Desk] may be used by several goroutines at once. Rules are constant, but for
// [Names], which says so itself.
package findings
