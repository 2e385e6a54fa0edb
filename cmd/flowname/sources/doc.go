// Package sources is where a running daemon sees DNS: packets of an interface,
// resolvers that report by dnstap or PowerDNS's protocol, logs that are followed,
// piped or sent by syslog.
//
// Sources are opened whole or not at all. Each brings its evidence from goroutines of
// its own, which are spawned by who runs them and end with its context. A source that
// breaks for a while, as a resolver's connection does, is logged; one that can not go
// on is an error of its task.
package sources
