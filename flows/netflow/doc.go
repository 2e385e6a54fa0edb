// Package netflow turns NetFlow v5, NetFlow v9 (RFC 3954) and IPFIX (RFC 7011)
// messages into flow records.
//
// # Nouns
//
// A message is one datagram of an exporter. It has a header and, from v9 on,
// sets: of templates, of options templates, and of data. A template says which
// information elements, in which lengths, the records of the data sets with its
// id have. An observation domain (v9: source id) is where template ids have
// their meaning; here it is known by the exporter's address and port, the
// domain's id and the version. Options data is what an exporter tells about
// itself in records of its own; it never becomes a flow. What it says of the
// numbers in flows (samplers, applications, interfaces, routing tables) is
// looked up when a flow has such a number.
//
// # How a message is read
//
// A template record is measured, bounded and then parsed by goflow2; what it
// says is compiled once into a plan, which maps bytes to rows of one table of
// elements. Data is read straight from the datagram by the plan. A record is
// appended to the caller's slice and holds nothing of the datagram.
//
// Sets are read in their order, and data sets that came before their template a
// second time at the message's end: every set is read that can be, also when a
// template follows its data, and a template that changes within a message is
// right for the data on both sides of the change. What is wrong with a set, a
// template or a record costs that one only, and is counted. A data set whose
// template is not known waits, with its receive time and what its header said,
// and is read when the template comes (Config.MaxWaiting, MaxWaitNs); of an
// exporter that has changed its source port it is read at once, where that is no
// guess (borrow). A template of no
// fields withdraws, in IPFIX; a template whose records have no length is
// refused, so that each record takes at least one byte of its set.
//
// Zeros from where a record should begin to the end of its set are padding,
// however many, and so are zeros behind the last set: a record of nothing but
// zeros tells nothing. The count in a v9 header is not used, since exporters
// disagree on what it counts. A v5 message cut short gives its whole records,
// unless its count is one that no exporter sends (over 30). An IPFIX message is
// as long as its header says; another one may follow it.
//
// # Which element counts
//
// Elements that tell one thing in several ways have an order. Bytes and packets
// are the first of these that is not zero: delta counts, total counts, counts
// after the device (post), those of a flow's initiator, those of layer 2. Of two
// addresses the one that is not zero; an address before a prefix. Of two times
// the finer one. Numbers are read in any length from one to eight bytes. Elements
// not in the table, and those exported in a length that they cannot have, are
// skipped.
//
// # Shapes
//
// A record for both directions (RFC 5103 and CERT's older form, Cisco's initiator
// and responder, vendors' likes) becomes two, where both have counts: the second
// has the ends, interfaces, VLANs, AS numbers and prefixes swapped, the counts of
// its own, flags, times and TOS where they are told, no next hop, and the same
// texts. Lists in records (RFC 6313) are followed four deep for names, DNS, TCP
// flags and MAC addresses; what else is in them is skipped. Firewalls' and
// translators' events are flows like others, denied ones too, and say so.
//
// # Names and DNS
//
// A name of the server in the flow itself is [flows.Texts].HostName. The table of
// elements says for each vendor's element whether a real packet showed it. DNS in
// flow records that has a name, an address and a client becomes an [Answer]; the
// client is the end without port 53. So DNS on other ports is not taken, and none
// from exporters that tell names only (Ixia's elements 189 and 190). YAF 3 has
// element ids for addresses that are not in the table. nProbe tells the TTL
// of the first address, which is taken for all.
//
// # Times
//
// All times of flows are Unix nanoseconds and come from the message alone, never
// from a clock of this machine. StartErrorNs says how far a start can be off by its form:
//
//	milliseconds and finer, NTP format included           100 ms
//	uptimes, v5 header with nanoseconds                   100 ms
//	uptimes, IPFIX with systemInitTimeMilliseconds        100 ms
//	uptimes, v9, and v5 without nanoseconds               1 s, down to 100 ms (bootClock)
//	uptimes, IPFIX without their zero                     2 s (uptimeBound)
//	seconds, microseconds before the header's time        1 s
//	no time: the header's                                 1 s; the flow is at least that old
//
// Uptimes are compared modulo 2^32, as signed differences. Otherwise times are
// what the exporter says, also where the end is before the start or a start lies
// in the future. Zero, and what is beyond the year 2116, is not exported.
//
// # Sampling
//
// SamplingRate is the rate that the flow record itself has, or that options data
// told of the sampler or selector it names, or of the interface it was metered
// at, or v5's header, or the rate of all of the domain's flows: one told
// without a sampler and an interface, or that on which all samplers agree.
// Otherwise, and where an exporter says 0, it is 0: not known. Counts are never
// scaled. A packet interval (305) counts with its space (306) only.
//
// Options data is true in its observation domain; that of domain 0 also in the
// exporter's other domains, where they have no word of their own.
//
// # Ownership, bounds, what happens when full
//
// A Decoder has one owner and no locks. It keeps nothing of its caller's slices.
// It never logs, waits, or reads a clock, and after a template is known its data
// costs no allocation.
//
// All that is kept lies in states of observation domains, bounded by Config in
// number, templates, fields, options data and waiting data. When there are too
// many templates in a domain its least recently used one goes; when too many in
// all, or too many domains, a domain goes that has shown the least (standing): none
// that has delivered flows for an hour goes for one that was never heard before.
// An address that has very many loses of its own (Config.MaxDomainsPerAddress).
// All are counted. Options data is bounded likewise, but in a full domain new
// entries are refused, so that those in use stay, and so they are where all the
// others' domains that have some have shown more; what is told anew is replaced
// at once. With the defaults that is at most 8192 templates of at most 512 fields,
// under 13 kB each: 105 MB at the very worst, and some 6 MB for templates of usual
// size; at most 131072 entries of options data, under 300 bytes each, 40 MB, usually
// a tenth of that; 4096 states of under 1.5 kB, 6 MB; and 8 MB of waiting data.
// Records of one message are bounded as well, also those that had waited. What
// came by a connection is forgotten at its end, by Forget.
//
// Texts are made strings once and known by their bytes: the type texts says how.
// At most 32768 are known of each of three kinds, labels of at most 128 bytes and
// names of at most 1 kB: 100 MB at the very worst and 5 MB as usual. Of answers
// that nobody takes, 8192 wait.
//
// # The account
//
// For each observation domain an Account says what became of every byte that
// was received, by reason, and what the sequence numbers say was lost on the way
// (sequence). It is kept in data records: one for both directions is one there,
// and Reversed says how many there were. Accounts of domains that had to go
// are in Gone, those of connections that ended in Ended. AppendReports has them with what else
// is known of an exporter, and what it says itself. It costs under 2 ns a flow
// (BenchmarkLedger) and nothing is allocated.
//
// # What outlives a restart
//
// AppendState gives templates, clocks and what options data said of samplers,
// applications, interfaces and routing tables; Restore takes it back, by any
// Decoder and of several at once. Its form is in state.go. Accounts, what
// exporters said of their own work, and waiting data begin anew.
package netflow
