// Package indicators reads files of indicators of compromise and looks names
// and addresses up in them.
//
// # Nouns
//
// A feed is one such file. An entry is a name, or an address or prefix, that a
// feed gives. A [Builder] reads feeds and makes a [Set] of them; a Set never
// changes, so that a new one can be built aside and published in its place.
//
// # What an entry matches
//
// Tools differ on whether bad.example also means www.bad.example. Here it is
// what the feed's format says, and where the format says nothing, it does:
//
//	plain list, CSV      the name and all beneath it
//	MISP domain          the name and all beneath it
//	MISP hostname        the name only
//	hosts file           the name only
//	RPZ, STIX pattern    the name only: they have wildcards for the other
//	the host of a URL    the name only, and marked: the host is not the page
//	*.bad.example        all beneath the name, but not the name
//	.bad.example         the name and all beneath it
//
// A public suffix (github.io, co.uk) never matches beneath unless a wildcard
// says so: what is beneath it belongs to others. An address is a prefix of its
// full length. Prefixes shorter than /8 (IPv6: /16), and addresses that no host
// has (unspecified, loopback, multicast, link-local), are refused: an entry
// 0.0.0.0/0 would accuse everybody.
//
// # Formats
//
// The format of a feed is told from its content, packed with gzip or zstd or
// not: see [Format]. Defanged forms (hxxp://, evil[.]example, evil(dot)example)
// are read as what they stand for, and names in other scripts as their A-labels
// (RFC 5891). Names have the presentation form of dnscache.Response.Name.
//
// What can not be read is counted by [Reason], the first lines are given in the
// [Report], and their neighbours are read. What is torn ends the feed with an
// error; what came before it stays.
//
// Indicators are taken however old: a hunt asks for the past. Those that their
// feed took back (STIX revoked, MISP deleted), that MISP marks as no means of
// detection (to_ids false), and what an RPZ lets pass are not taken.
//
// # Size
//
// Of a name its text, 8 bytes and a slot of the table are kept, of a prefix 24
// bytes and a slot; slots are 4 bytes, at most three of four are full. A million
// names of 20 bytes take 36 MB (TestBytesAnEntry). A look-up hashes each of a
// name's parents once, or an address once for each length of prefix that there
// is; it allocates nothing. A Set holds at most 2^26 names, as many prefixes,
// and 4096 feeds; lines are at most 64 KB, texts in JSON 1 MB.
//
// # Concurrency
//
// A Builder is for one goroutine. A Set is for any number.
package indicators
