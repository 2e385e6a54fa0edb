// Package dnswire turns the bytes of a DNS response into evidence: which name,
// by which canonical name, has which addresses for how long.
//
// # Nouns
//
// A Parser reads responses into a dnscache.Response. ReadQuestion reads the
// header and the question of any message, for matching a response to its query.
// A wire name is a name as RFC 1035 section 3.1 writes it, labels with their
// lengths up to the root, here always without compression; AppendName makes
// presentation form of it.
//
// # What is believed
//
// The name is the question's. From it CNAME and DNAME records (RFC 6672) of the
// answer section are followed, in whatever order they stand, for at most 16
// steps; a loop ends where it would close. The owners met so are the chain. Of
// two CNAME records with one owner the first counts. A CNAME goes before a
// DNAME, since a server that sends a DNAME sends the CNAME it stands for; where
// it does not, the target is synthesised.
//
// Addresses come from A and AAAA records whose owner is on the chain, and from
// the ipv4hint and ipv6hint of SVCB and HTTPS records in ServiceMode (RFC 9460)
// with such an owner. Other records of the answer are counted as off the chain;
// those of the authority and additional sections are passed over, but for the
// extended RCODE in the OPT record's header. AliasMode names nothing: the
// addresses of its target come with an answer of their own.
//
// Questions of class IN and type A, AAAA, HTTPS, SVCB and ANY can name an
// address; hints count for the last three. Any other question names nothing,
// whatever stands in the answer, and so does a response whose RCODE is not
// NOERROR. For a question of a port (RFC 9460 section 2.3, _8443._https.name)
// the name stays the question's, prefix labels and all.
//
// An AAAA record with an IPv4-mapped address is unmapped. One that is
// synthesised by DNS64 (RFC 6052: 64:ff9b::/96 and the prefixes of Config)
// gives the IPv4 address in it as well. An address that stands in several
// records is one Addr with the longest of their TTLs.
//
// TTLs are in seconds. An address may be kept for the least TTL on its way: its
// own and those of the CNAME and DNAME records that lead to its owner. A TTL
// with its top bit set is 0 (RFC 2181 section 8); none is over dnscache.MaxTTL.
//
// # Hostile input
//
// Nothing in a message makes the parser panic, allocate without a bound or run
// long: a name is at most 255 octets and 127 jumps, a message at most 65,535
// octets. Of the answer at most 64 CNAME and DNAME records, 1024 others that
// carry addresses and 256 addresses are kept; what is beyond is counted and
// passed over. Compression pointers may point forward: the stub resolvers of
// hosts follow them, so such an answer did name its address. What is whole
// before the place where a message is cut is kept, and Parse says ErrTruncated
// if the answer section was cut. A bad record costs itself alone.
//
// # Ownership and concurrency
//
// A Parser is for one goroutine. What Parse puts into a Response aliases the
// parser's buffers until its next call. The message is only read, and nothing
// aliases it afterwards. Neither Parse nor ReadQuestion allocates; a parser takes
// about 50 kB.
package dnswire
