// Package timeline tells what became of a name over time: that it did not exist,
// was null-routed, live, moved, sinkholed. And of an address, which names it carried
// and when.
//
// # Nouns
//
// A [State] is what a name was by an answer: [Live], [Sinkholed], [Private],
// [NullRouted], [Empty], [Absent] or [Failed]; [StateOf] says which an address
// means. A [Phase] is a time in which a name was the same: its states and its set
// of addresses.
//
// # How phases are made
//
// IPv4 and IPv6 are asked for apart, so each family has its own course:
//
//   - Whatever was told, an address or a state without one, holds from its first
//     evidence to its last. It goes on over a gap in which nothing else was told
//     before caches could have the later evidence, or only what caches still had
//     from before the gap;
//     over one of less than the settle time, unless a client saw the name in
//     another state and, once caches could not have it any more, again in this one,
//     while nobody was told this; and over a
//     longer one, of up to 32 times the usual, where clients were told different things by turns: some kept this,
//     others kept something else across an end of the gap, and of those who kept
//     it there are more than four times as many as of those who saw it go or come.
//     Then their resolvers differ, and nothing changed.
//   - Where what holds changes, a new step begins, once something was told.
//   - What goes may still be told together with what comes for its TTL and
//     [correlate.Grace]: caches have it. That is no step; the new one begins with its
//     first evidence, and evidence of the old belongs to the old.
//   - A step of less than the settle time is none where somebody was told only a
//     part of what holds before or after it, in the same states; or more, between two
//     that are the same: then the more is part of both.
//   - Short steps in a row of one state are one, and rotate, where an address comes
//     again or they are at least six: round robin, fast flux. Steps that differ in
//     state do so only where they are six and something comes again.
//
// Then the families are put together. Changes of both within the settle time are
// one, and begin where the other family was asked together with the first. A
// family without addresses says nothing while the other has some: a name that has
// A and no AAAA is live.
//
// Failures are noise where an answer was given within the settle time before or
// after them, unless they went on for so long. Questions for services (HTTPS, SVCB)
// that are answered with nothing count only where there is nothing else.
//
// So clients whose resolvers differ do not flap: their name has one phase with the
// states of all of them. The first in the order of State is the phase's own, Also
// has the others; each address has its times and its count. Where each client asked
// only once, nobody can tell them from a name that changes, and time decides.
//
// The settle time is ten minutes. Where it is not given and there would be more
// than 32 phases, it is three times as long, and so on up to five hours: of a name
// of a content network that is seldom asked for a few phases are told, not
// thousands.
//
// # Cost
//
// The history is gone through twice, client by client, as dnscache.Runs gives it:
// once for the times, once to count; and once more between where clients were told
// different things by turns. So numbers of clients are exact, and no client
// is kept but the first of each phase. Of a name at most 262,144 addresses and about
// as many spans of time are kept; with more, spans are put together that are near
// to each other, first by a second. A client with more than a million runs is
// looked at in parts. See TestMonth for what a million clients take.
//
// Nothing here starts goroutines or reads the clock.
package timeline
