// Package correlate joins flows to names: to each end of a flow it gives the
// name that the other end had resolved for it when the flow began, the evidence
// for that, and where there is no name, the reason.
//
// # Rules
//
// Let C be one end and A the other, s the flow's start and d the error that s
// can have by the form it was exported in ([flows.Record.StartErrorNs]).
//
// What is nearer to the connection outranks what is farther, and what is farther
// stays behind it as a candidate, with its own basis and source:
//
//  1. The server's name in the flow record itself: exporter.
//  2. A name that was read in this connection's handshake (tls), then one that an
//     agent or a device told of it (endpoint): the evidence's ends are the flow's,
//     and it was made near s, see dnscache.
//  3. Of C's answers for A at or before s+d the nearest to s: client, or
//     client_expired where its TTL and [Grace] had passed at s. C's other names for A
//     are candidates.
//  4. A name that C asked for at or before s+d, and that A had near then by anybody's
//     answers, nearest question first: client_query, or client_expired where the
//     answer's TTL and [Grace] had passed since the question. client_query goes
//     before the first answer that is not client.
//  5. C's first answer for A after s+d: client_later.
//  6. Where C has no evidence of these kinds, and the answers and connections that
//     others had for A before s+d give one name only, it is that one: others. Where
//     they give several, none of them is: the end stays unnamed, and they are its
//     candidates (ambiguous). They stand behind what the rules 1 and 2 gave too.
//  7. Else there is no name, and [Reason] says why.
//
// A connection that was seen is evidence for its own flow. For other flows, of the
// same client too, it is what others had. Its process goes onto the end that it is
// at, with or without a name.
//
// C and A are also looked for under what NAT made of them, where the flow record
// says so, C first: which of the two the inside knows differs by exporter.
//
// A wrong name is worse than none, so nothing is guessed beyond these rules.
//
// # Connections
//
// Exporters cut a long connection into slices at their active timeout, and
// tell its two directions apart. A slice is looked up as of the start of its
// connection, and the first name that any slice of it was given stays with it.
// The memory of connections is a table of a fixed size without pointers; a
// forgotten connection's next slice is a connection of its own.
//
// Names are looked up for many flows of a batch at once, as of the starts that
// their connections have then; a flow whose connection turns out to be another
// when its turn comes is looked up again.
//
// # Waiting
//
// A flow that rules 5 to 7 would decide waits up to Config.Wait for an answer
// that is on its way to the cache still: resolvers deliver their logs in
// batches, and exporters are sometimes faster. The waiting room is a ring
// of Config.WaitRoom flows; when it is full the flow that has waited longest
// leaves early, decided by what is known then, and is counted.
//
// # Clocks
//
// With Config.FixClocks the clock of each exporter's observation domain is measured
// two ways. By names: half of all flows begin within 7 ms of the answer that named
// them and hardly one before it, so where most flows of an exporter begin the same
// time off, its clock is; 32 of them make a lot, and two lots in a row have to agree
// within half a second. By headers: [flows.Record.ClockOffsetNs], which the decoder
// measures against the receive time; it is believed after 16 flows where a quarter
// of them are off by as much, and so corrects where flows are too few or names too
// spread for the other way. Headers alone are not believed: of a recording that is
// sent again all is as late, and its answers with it.
//
// Offsets of [LeastSkew] and more are added to the start and the end of flows before
// anything else is done with them ([flows.Record.ShiftNs]), also of those that wait;
// of clocks that are behind by less, starts are taken to be as much less sure.
//
// # Time, ownership, concurrency
//
// A [Correlator] reads no clock: its callers say what time it is, wall-clock time
// in the daemon and packet time in a replay, so that a replay of the same files
// gives the same flows. It belongs to one goroutine; several of them share the cache,
// which is safe for that. A [Flow] is valid during the call that hands it
// out and refers to the caller's record or to the waiting room's copy of it.
package correlate
