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
// itself in records of its own; it never becomes a flow.
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
// template or a record costs that one only, and is counted. A template of no
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
// # Times
//
// All times are Unix nanoseconds and come from the message alone, never from a
// clock of this machine. StartErrorNs says how far a start can be off by its form:
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
// SamplingRate is the rate the flow record itself has, or v5's header, or the
// one rate that options data told for all of the domain's flows. It is 0 where
// there are several samplers that differ.
//
// # Ownership, bounds, what happens when full
//
// A Decoder has one owner and no locks. It keeps nothing of its caller's slices.
// It never logs, waits, or reads a clock, and after a template is known its data
// costs no allocation.
//
// All that is kept lies in states of observation domains, bounded by Config in
// number, templates and fields. A state begins with a template (v5: with a
// header that has no nanoseconds), never with data, so that a flood of data from
// made-up addresses takes no memory. When there are too many templates in a
// domain its least recently used one goes, when too many in all or too many
// domains the domain that was silent for longest; both are counted. With the
// defaults that is at most 8192 templates of at most 512 fields, under 8 kB each:
// 64 MB at the very worst, and some 4 MB for templates of usual size. Records of
// one message are bounded as well. What came by a connection is forgotten at its
// end, by Forget.
package netflow
