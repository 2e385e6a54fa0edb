// Package flowlog reads enriched flows back from the JSON lines that package
// export writes, and gives them the names that are known by now.
//
// A Reader parses one line after the other into a Flow: the record's times,
// ends and counts, and what the line says of names. Fields that it does not know
// stay in the line as they are, wherever they stand: of a line only the fields
// of names are ever changed, every other byte remains.
//
// # Which names are better
//
// A line was written by what was known then. AppendNamed compares that, end by
// end, with what is known now:
//
//   - An end gets the name of now where its basis outranks the line's, or where
//     the line has none.
//   - With the same basis it gets another name where that one's answer is nearer
//     to the flow's start, and more candidates where there are more.
//   - A name by basis others goes, for its candidates, where by now several names
//     are known of the address: it was a guess that did not hold.
//   - Else it stays. What the retention has thrown away since is not unlearned.
//
// The reason of a flow without names changes only to one that says more.
//
// # Concurrency
//
// A Reader is for one goroutine; a Flow is valid until the next line.
package flowlog
