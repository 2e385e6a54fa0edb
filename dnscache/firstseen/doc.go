// Package firstseen knows when names and their registrable domains were first seen
// in this network, and by whom.
//
// # Nouns
//
// A domain is a registrable domain (Domain), a name a full one. The Book has for
// each domain, for each name, and for each client and domain the time of the
// earliest evidence, in seconds. It lies on a Shelf, apart from the retention, for
// years; without one it is in memory. Evidence may come in any order: an earlier
// time takes the place of a later one.
//
// # What counts
//
// Any outcome of any question counts for the domain and for the client of it,
// NXDOMAIN and SERVFAIL too: somebody here knew of it. A name counts when it had an
// address, or where the source tells questions only. A connection whose handshake or
// agent tells its name counts like an answer with an address; whose are noted is
// for the caller to say, because strangers make connections too, and choose the
// names. Names beneath arpa are nobody's. What names or masks many clients
// (Cache.Asker) is no client.
//
// # Floods
//
// Names that are made up must not fill the book. Of domains that nobody was given
// an address of, MaxAbsent are taken for each hour of event time; of names, 1000 for
// each domain and day, counted in a table in which domains can displace each
// other. What is held back so is counted, and taken when it is seen another day or,
// a domain, when it has an address: then it is first seen later than it was. Config
// bounds how many domains, names and pairs there are in all. Held back and full are
// counters (Stats).
//
// # Speed
//
// Note is on the path of all DNS. What it has met before it knows by hashes, in a
// memory of fixed size, without a lock or an allocation: 120 ns where names are few,
// 350 ns with 200,000 (BenchmarkNote, on a busy machine). The rest it copies to a queue, which has a bound and
// counts what it had no room for; that is known only when it is seen again. Settle takes
// the queue to the shelf, 9 us for a name that is known and 16 us for a new one with its pair
// (BenchmarkSettle): called each 100 ms, the end of the process costs less than a second. What the memory
// has displaced is read from the shelf again, at most, so the book never depends on it.
//
// # Young
//
// What was first seen in the warm-up, which begins with the earliest evidence of
// all, may be old: it is never young. Nor is what was first seen longer than
// Config.Young ago. Age answers from a table of the domains that were first seen
// lately, which is read back from the shelf's index by time when Settle is first
// told the time. For a domain that waits in the queue it reads the shelf itself,
// so that the first flow after the first answer is as young as its second. The
// table has room for a million domains; those first seen longest ago make room.
//
// # Keys of the shelf
//
//	d LABELS               a domain
//	m                      of the book itself
//	n LABELS               a name
//	p HASH CLIENT          the client has asked for the domain with this hash
//	t TIME DOMAIN          the domains by time, without a value
//
// LABELS are those of dnscache.AppendLabels, values and TIME seconds, 4 bytes, big
// endian. The hash is keyed by a secret of the book: whoever makes up domains can not
// aim at another's. A client has 4 or 16 bytes. On disk a pair takes 17 bytes, a name
// of 25 letters 19, a domain of 17 letters 22 with its place in time (TestDiskSize, a
// million of each).
package firstseen
