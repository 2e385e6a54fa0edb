// Package hunt finds what a network had to do with indicators of compromise:
// who was answered which addresses for their names, and which flows went there
// while those were the names' addresses.
//
// # Nouns
//
// An Indicator is an entry of package indicators, of whatever feeds, of which
// evidence was found. An Answer is a row of the history. Flows are the sum of the
// flows between a client and an address that an indicator is about.
//
// # When an address is current
//
// An answer's address is current for its name from [Early] before it, which is how
// far the start of a flow can be off, to [correlate.Grace] past its TTL; for its
// client, where the evidence tells one. Another answer within that time changes
// nothing: the client may use either. Between two answers that are farther apart
// the address is not current, whatever the name had meanwhile. The history keeps
// answers by runs of four seconds at most, so that this is exact. A flow
// counts by its start: what began before the answer is not due to it, and later
// slices of a long connection have the connection's name in the log. Addresses
// that no host has (0.0.0.0, loopback) are never current: no flow goes there. An
// indicator that is an address is current always.
//
// # Asking the history
//
// A [Search] asks for each of some names and addresses, or, of many, goes through
// all names of the history once. It puts the runs of a name, client and address
// together as long as the address stays current. A Hunter tells these as one answer,
// and keeps their times apart.
//
// # What is said of flows
//
// An address has many names. So flows are kept apart by [How] they belong to the
// indicator, from their own name that matches it, to the client that never looked
// it up and reached its address while it was current for others. A client that
// never looked it up and has looked up another name for the address is not
// listed: it went there for that one. Such flows are counted only, as are flows
// to the addresses at times when they were not current.
//
// # Bounds
//
// A Hunter grows with evidence, not with histories and logs. It keeps at most
// [MaxEvidence] answers and as many sums; what comes on top is counted
// (LeftOut), and first times stay right. It keeps at most [MaxTimes] times in which
// addresses were current; what comes on top is taken together with another of the
// same address and counted (Widened). Of an address at most [MaxShared] names
// are listed.
//
// A Hunter is for one goroutine: all answers first, then the flows.
package hunt
