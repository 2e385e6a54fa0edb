// Package evidence turns what shows who resolved what into responses and
// connections that a cache can file.
//
// A File reads one file of it, whatever kind that is: a capture, a stream of dnstap
// or PowerDNS's messages, a log. Its pieces are copies, which the caller owns. An
// Intake does the same for messages that a live source brings. Flags and Config say
// what the sources do not say of themselves.
package evidence
