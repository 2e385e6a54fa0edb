// Package feeds keeps lists of indicators current while flows and answers are held
// against them.
//
// # Nouns
//
// A [Feed] is a file under a name; package indicators says which formats are read and
// what an entry matches. [Lists] are what all feeds have at a time, and never change.
// A [Reader] has the current ones and takes files that were replaced: the new
// lists are made aside and published whole. [Marks] say which feeds have something.
//
// # Reloading
//
// Changed says whether a file is another one than the one in use, and has not changed
// since it was asked last: who writes a feed in place is awaited. A file is best
// written beside the old one and renamed over it. What can not be read to its end,
// changes while it is read or has no entry leaves the old list in use, and is
// tried again when it changes again.
//
// # Speed
//
// A filter for all feeds together answers for nearly all names and addresses that no
// feed has: 16 bits for each name in one read of memory, for each label that the
// name ends with; a bit for each /24 of IPv4; and the first 48 bits of IPv6. What
// passes is looked up in each feed's set. Before that who knows a name's registrable
// domain can ask for it: 16 bits for the domain of each entry, in one read of memory
// that can be begun ahead. Nothing is allocated.
//
// # Size
//
// A name of 20 bytes takes 40 bytes, the filters included, an address 30 and the 2 MB of
// the bits (TestSize); while a feed is read anew it is there twice. There are at most 64
// feeds.
//
// # Concurrency
//
// Lists are for any number of goroutines. So is a Reader; one Reload waits for another.
package feeds
