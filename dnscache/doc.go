// Package dnscache remembers which client got which address for which name, and
// when, and answers for any moment of the past.
//
// # Nouns
//
// A Response is the evidence of one DNS response. Each of its addresses is an
// answer, filed twice: in the chain of (client, address), which AppendClient
// reads, and in the chain of the address alone, which AppendOthers reads. A chain
// is a list of versions in order of event time; a version is a run of answers
// with one name.
//
// A run is at most four seconds long. In a client's chain it also ends where
// another name comes between, so that of two runs the nearer one is always that
// of the nearer answer; in an address's chain, where the names of many clients
// mix, only the name's own order counts. Of a run its first and last time are
// known, and how many answers it had; a look-up uses whichever of the two times
// is nearer. An answer at the very time of a run's first or last is that answer
// again (the A and the HTTPS response of one moment, the same capture loaded
// twice) and changes nothing. Answers may come in any order.
//
// # Other evidence
//
// Not every source tells who was answered what. What it tells besides is a fact,
// filed as a version like any answer, under an address that no packet has
// (100:0:0:1::/64, see facts.go): index, store, retention, warm start and eviction
// need not know. The history does not show these addresses, and evidence that
// claims one is refused (Reserved).
//
// A question is a Response with QuestionOnly: the client asked for the name, and
// that is all. AppendAsked makes evidence of it where anybody's answers say which
// addresses the name had near then: one from a TTL and 5 minutes before the question
// to a minute after it. The names it looks at are those of AppendOthers, so that of an
// address with more than MaxMatches names the newest count. In the history a
// question is a row without an address.
//
// A Connection is what a handshake or an agent told of one connection. AppendMade
// finds it for the flow with its ends, as far as the source told them: made at most 10
// seconds after the flow's start and, where both ports are known, at most 30 minutes
// before, else 10 seconds. Its name is also filed for the server, where it is for
// other clients what another's answer is, and for the client's shadow, an address
// that no host has, so that the history has it and AppendClient does not: its client
// did not resolve it. In the history connections are rows of their own.
//
// A response without addresses that says so (NXDOMAIN, no such records, an error)
// is an outcome: Runs gives it, with who asked, when and how often; nothing else
// does, and no look-up of a flow meets it. What a question for another type than
// addresses was refused, and an answer that the source had a part of only (Partial),
// say nothing about addresses and are no outcomes. Outcomes have tables and keys of
// their own, so that made-up names that do not exist cost answers nothing: neither
// their place in the index, nor the queue for the disk, the filter, the start or
// the name index.
//
// Runs hold evidence of one class: DNS, handshakes, or agents and devices.
//
// A question's client, and an answer's, is who asked, unless that is a forwarder or an
// address that was masked (Config.Forwarders, IsHost): then the evidence is for
// any client, or for the one whose whole address the forwarder told. Packets are not
// masked.
//
// # Time
//
// Three clocks. Event time is the evidence's own, Unix nanoseconds: look-ups,
// History and the index's window go by it. Filing time is when evidence was filed;
// the retention goes by it, so that a capture of 2018 loaded today is there
// tomorrow. The package reads neither: both are arguments. Badger, beneath,
// compares filing time plus retention with the wall clock.
//
// The event clock of the index follows what is filed. A jump of more than an hour
// is only followed when 64 answers more come from there than from here: one answer
// dated 2106 ages nothing, a loaded capture moves the clock. Anyway age decides
// about memory only, never about what is answered.
//
// # Index
//
// The index is 64 shards by a keyed hash of the answered address, each with an
// RWMutex; a look-up takes one of them for reading and copies nothing. Addresses,
// pairs, versions and names are numbers in pointer-free slabs, found by open
// addressing. A name is kept once; its bytes are never overwritten, so the strings
// of a Match stay valid for ever. A million (client, address, version) with
// realistic sharing takes 79 MB (TestMemory), a look-up that hits 0.2-0.5 us, one
// that misses 0.1 us, without allocation (BenchmarkLookup). A Batch of look-ups
// takes each shard's lock once and waits for memory for many of them together.
//
// Every chain says from when on it answers alone. A chain is complete when the
// store can not have more of it; when versions are trimmed, the newest trimmed-to
// version of each name is marked as that name's floor, and the chain answers for
// starts at or after its newest floor: there, what is missing is older than what
// is kept of the same name, or than MaxMatches other names. A look-up that the
// index can not answer alone reads Badger, joins both, and leaves what it read in
// the index: the next look-up is spared it, also when there was nothing. So with a
// store what is answered never depends on what was evicted (TestModel), and the
// index's settings are about speed.
//
// A Bloom filter over the store's chains and clients, at most 32 MB, spares most
// reads of what was never there. It is filled from the name index at the start; a
// history with more than 67 million clients and (name, client, address) is opened
// without one.
//
// # Full
//
// A chain keeps 64 versions. MaxVersions bounds the index: the longest unused of a
// sample of chains makes room, a step with each answer. Chains that were neither
// filed into nor asked for in a window leave as well, where there is a store to
// read them back from. Versions that wait to be written stay; at most MaxPending
// wait, and what comes on top is in the index but will not be on disk (Dropped).
// More than 1024 waiting versions of one chain are refused (ChainFull). Clients
// have a bound of their own. In memory only, what the bound evicts is gone, and
// with the same Seed the same input evicts the same.
//
// The index keeps the runs of outcomes that were filed last, an eighth of
// MaxVersions; of what has to be written none makes room, and more is dropped. The
// store takes at most 65,536 runs of them from one client in an hour of filing, and
// from all together in an hour as many as answers were filed since the hour before,
// and a million: it grows by them no more than by answers. OutcomesDropped counts
// the rest.
//
// Names over 1100 bytes or not in presentation form, times up to 1970 and invalid or
// reserved addresses are refused and counted. Of a process's path at most 900 bytes
// stay, the last ones. Times in the future are taken: skewed clocks
// are normal, and History shows them. Sinkholes, loopback and 0.0.0.0 are answers
// like all others.
//
// # Store
//
// Badger in managed mode, with the evidence's time in the key and the time of
// writing as Badger's version. (The evidence's time as the version works, but
// compaction throws away every version below one that expired, and with a
// retention that counts from filing, the newest is not always the last to
// expire.) See record.go for the keys. A growing run is written again under its
// key; the latest writing wins, and Maintain lets compaction drop the others. All
// runs live for the retention; entries of the name index a week longer, because
// they are renewed once an hour of event time only.
//
// What has expired is dropped when its neighbours are compacted, which happens where new
// evidence comes. Where none comes, Badger is made to find the tables of the last level in
// which nothing lives, or nearly nothing, and writes one each ten seconds anew (see
// expiry.go): about 50 MB a minute go, and while something lives in a table it is left
// alone. TableBytes and ExpiredBytes tell what there is. In the levels above, a
// tenth of a large history and 150 MB of a small one, what expired waits for new evidence.
//
// Flush writes what is pending; cmd calls it each half second, so that the end of
// the process, by kill -9 too, costs less than a second. Writes are not synced: a
// loss of power can cost what the kernel had not written. Before a late answer is
// written whose chain is not complete, its key is read, so that evidence filed
// again never makes a run shorter.
//
// Badger gets three memtables of 32 MB, one being written, and a block cache
// (64 MB unless configured). Its tables have 8 MB in all levels, because compaction
// has up to a dozen in memory, uncompressed. An as-of read takes about 0.1 ms, half of
// it for a block that is not in the cache. A start reads the name index, two million
// entries a second, in which it sees which chains were current in the last window, and
// then those, until the index is full: with ten million versions in a million rows
// 4.1 s, where the scan of all keys took 10.4-11.8 s. Damaged tables are found before Badger opens them,
// because it ends the process over them; see ErrCorrupt, ErrLocked, ErrNoHistory.
//
// What is not in memory is read from the disk by pages of 4 KB: the kernel is told that
// look-ups read here and there, else it reads 128 KB around each page, which were
// nearly all of the slow look-ups. When a history is opened, the levels above the last,
// in all of which each look-up reads, and the name index are asked for in advance,
// as far as 512 MB go (64 MB for a single question).
//
// # Layouts
//
// Bytes on disk and processor time for a version, two million of them by
// BenchmarkLayout in one run on a busy machine; "again" is ten answers in a row of
// one client, address and name, "new" is all different ones:
//
//	                                  again           new
//	as it is                       26.5 B 6.2 us   48.5 B  9.9 us
//	addresses in 5 or 17 bytes     24.7   5.3      48.0    8.5
//	names by number                24.1   5.5      46.7   10.2
//	both                           22.8   5.4      45.5    9.2
//	client before address          25.8   5.3      52.9    8.9
//	without a                      14.8   2.7      31.3    7.7
//	without n                      25.2   5.4      35.4    6.8
//	ten runs in one growing value   6.9   4.5      48.8    9.3
//	one run an hour                 5.2   3.3      48.3   10.7
//
// Compression does what a dictionary of names or short addresses would: they gain a
// tenth. Clients before addresses cost what others had. Without a, what others
// had is to be gathered from all clients of an address, of which there may be a
// million; without n, a name can not be asked for. One run an hour gives other
// answers, because the time of an answer is lost. A growing value is what would
// gain most and keeps every time, but who writes it must know all runs in it: it
// asks of the index to keep them, or of a flush to read them.
//
// What won: keys handed over in order (0.6 of the time of an answer), ZSTD in blocks of
// 8 KB instead of Snappy in 4 KB (0.67 of the bytes), memtables of 32 MB instead
// of 16 (0.75 of the time where all is new), tables and a base level four and six
// times as large as Badger's (0.78 of the time and 0.77 of what is written, at four
// million answers). What compaction costs grows with the history: of ten million
// answers each takes about twice the time that it takes of one.
//
// A hundred million versions, in ten million rows of ten, filed as fast as half of a
// machine of two processors could (flowload history, 42 minutes at low priority beside
// other work): 26 us of all processors an answer, compaction included; 38.9 bytes a
// version; 16.0 times what is on disk was written, 9.8 GB of memory at most, half of
// it pages of the tables, most of the rest the tables that compaction makes. All
// pages forgotten, a name at a time takes 0.31 ms, 0.83 the slowest in a hundred,
// the first row of an address 0.19 and 0.54 ms, of a name 0.46 and 2.0 ms. A start takes
// 28 s, with the four million versions that the index has room for; a look-up that then
// reads Badger 0.22 and 0.62 ms. While compaction still worked off what had been filed,
// name at a time took 2.1 and 7.7 ms, and the start 2 minutes 19 s.
//
// # Concurrency
//
// All methods may be called by several goroutines at once, but for Close. File,
// Saw and look-ups take a shard's lock for less than a microsecond, File up to
// some more when it trims; none waits for the disk but a look-up that reads
// Badger, and it holds no lock meanwhile. Locks are taken in the order shard,
// names. The package starts no goroutines; Badger does, until Close.
package dnscache
