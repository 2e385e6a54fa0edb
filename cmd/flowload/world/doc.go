// Package world is a made-up network of which every truth is known: who asked
// for what when, which flows followed, and which name each of them must get.
//
// # Nouns
//
// An answer is one DNS response: a client learns that a name has an address. A
// pair is a client and an address that it asks for; it is answered once in each
// turn, of a period each, with another name in each turn. A flow is one
// direction of a connection, with a number of its own. Its want is what a
// collector must say of it.
//
// Servers stand in groups of four, which share eight names. Which of them an
// address has depends on the client and on the turn: so one address has several
// names at a time, for different clients; a client's name for an address
// changes; and a name moves from server to server. One group in eight is of
// servers with a single name each, for good.
//
// # Time
//
// Answers come evenly: number i at StartNs + i*Period/Pairs. Flows are exported
// evenly from the end of the first turn to the end of the turn after the last.
// A flow begins two seconds or more after the answer that names it, and two
// seconds or more before the next one of its pair, so that also a start that an
// exporter tells to the second leads to the right one. It is exported within
// about a second of its start.
//
// # What makes the truth exact
//
// Everything is computed from Config and a number, nothing is drawn or kept: a
// world of any size takes no memory, and whoever has its Config can check what
// became of any flow of it. A flow carries its number as its count of bytes. Two
// flows have one 5-tuple only where they have one name, or begin so far apart
// that they are two connections by any rule: the source port's low bits are the
// turn's.
//
// # Kinds
//
// Most flows have a name by their client's own answer; three in ten of these
// are told in the direction from the server. Config.Other says how many are of
// the other kinds, in equal parts: named by others' answers only, ambiguous,
// never answered, of a client that asks nobody, to a multicast address, begun
// before all answers.
//
// A World has no state: all methods may be called by several goroutines at once.
package world
