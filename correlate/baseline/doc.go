// Package baseline knows what is usual: for each day, the registrable domains that
// were asked for by most clients, most often, and that moved most bytes and flows. What
// is new against that is a responder's first question.
//
// # Nouns
//
// A Book counts. Look-ups come to it by See, each response and each question that was
// filed; flows by a Counter, which each joiner has for itself. It has a Day for each
// day in UTC of the evidence's own time. A Span is what several days have together, and
// its Top the list. An Archive is a Book's days for reading.
//
// Domains are those of dnscache.Domain; the names of addresses (in-addr.arpa, ip6.arpa)
// and names without one count for nobody. A client is dnscache.Asker's: what a
// forwarder asks is a look-up by nobody known. Bytes are what the caller says, which
// is to be scaled by the sampling rate; flows are records as exported. What two
// exporters tell of one connection, or files that are read twice, counts twice.
//
// # A day
//
// It tracks at most Config.Domains, 18,000, each with its counts and its clients: six
// by themselves, more as a HyperLogLog of 2048 registers, within 2.3 % for two of three
// domains and 7 % for nearly all. Small networks have room for all of their
// domains, and everything but clients after a restart is exact.
//
// When there is no more room a quarter goes: those whose best rank, by any of the four
// measures, is worst. They, and what comes new, count on in a filter: 262,144 cells by
// a hash of the domain, each with four sums (Filtered Space-Saving, Homem and Carvalho
// 2010, with what a cell has by chance taken off). A domain whose cell has more than
// the best that was forgotten comes in, with what the cell had. So of every list:
//
//   - what it says a domain has is at most Row.Over too much, and at most
//     Summary.Missing too little;
//   - a domain that it does not have has at most Summary.Missing.
//
// Missing is an eighth more than the most that a forgotten domain had, which is what it
// needs to come in again, and mean and four standard deviations of a cell: chance can
// exceed it for one of thousands of cells. It is zero until something was forgotten. A flood of made-up domains raises it by a cell's share: a day
// of 75,000 a second hides what has fewer than 26,000 look-ups.
//
// What is asked for by many but seldom must not be pushed out by what few ask for
// often, so clients have a measure of their own. Each pair of client and domain counts
// once: pairs are remembered by their hashes, 1.5 million, and then those whose hash
// ends in one zero bit, two and so on, which stand for 2, 4 ... (distinct sampling,
// Gibbons 2001). While all are remembered, clients are counted and not estimated;
// then the sets are asked, and what is said of errors is an estimate too.
//
// Over 1.7 million pairs and as many flows of 316,000 domains by Zipf's law, each list
// has at least 99 % of the true first 5,000 (TestTop); with pairs for a tenth, 98 % by
// clients.
//
// # Costs
//
// A day takes 60 MB at 10 million clients and 3 million pairs (TestMemory), of which
// 38 are HyperLogLogs, and at most 66; two days count in the hour after midnight. A
// response takes 0.14 to 0.17 µs of a machine that others used too with up to 200,000
// names and a million clients, and 0.25 µs with two million names and ten million, where
// nearly all pairs are new and many names are not among the recent (BenchmarkSee). A flow
// takes 0.006 µs by Zipf's law, and 0.02 where 25,000 domains take turns: a Counter
// has 32,768 places, in 1 MB (BenchmarkCount). Neither allocates unless a domain comes in. The book
// is held for 25 ms while a large day is copied for Save or Between, and 10 ms by a sweep. Responses wait in stripes, at most 2048 in each, and are
// counted 256 at a time, so that what they read of memory is read together: one by
// one was more than twice as much.
//
// # Libraries
//
// HyperLogLog is axiomhq/hyperloglog v0.3.0 (2026): dense sketches take an element in
// 4 ns without allocation, and what is read back is checked. Its sparse form allocates
// with each twenty elements, known ones too, 0.9 µs each, and its Estimate takes 62 µs;
// so small sets and estimates are made here (clients.go). No kept library of heavy hitters
// could be had whose summaries can be stored and merged, take weights, and count by four
// measures at a time; that is here, 300 lines.
//
// # Time
//
// Three days are open at once, and the longest unused is closed for a fourth. With Tick,
// days close an hour after their end, and what is of days to come is not believed. What
// comes for a closed day is late. A day that nothing is known of can be opened whatever
// its age, so that old evidence makes baselines too, while it is not older than all
// that are kept; it is closed when for a Tick nothing came.
//
// Hashes have a key that nobody outside knows, and which the days on a shelf share, so
// that days can be merged. With a Seed and an empty shelf the same evidence, in the same
// order and by one goroutine, gives the same bytes.
//
// # Stored
//
// Save writes the open days, Tick the closed ones; see keep.go and codec.go for what is
// on the shelf. A process that is killed loses what it counted since. A day that goes on
// in another process has its counts and sets, but not which pairs it had counted: from
// then on its clients are estimates. The newest Config.Days are kept; without a shelf
// eight, in at most 64 MB.
//
// Stored days are checked as if a stranger had written them. One that can not be read
// is reported (Span.Unread) and costs no other.
package baseline
