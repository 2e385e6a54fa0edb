// Package exports reads what exporters send beyond what flows/netflow and
// flows/sflow do: captures of it, and the DNS that rides in it, in flow records and
// in sampled headers.
//
// An export tells records and evidence. What is evidence, and what of it is to be
// believed, is decided here for files and sockets alike.
package exports
