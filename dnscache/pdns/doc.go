// Package pdns answers passive DNS queries in the two forms that programs exist
// for: the Common Output Format (draft-dulaunoy-dnsop-passive-dns-cof) as CIRCL
// serves it, and the lookup part of Farsight's DNSDB API, version 2.
//
// # Nouns
//
// A Record says that a name had an address, from when to when, and how often that
// was answered: the history's rows without their clients. Who asked is nobody's
// business who asks from outside. Only DNS answers become records: questions do
// not, nor what endpoints and TLS handshakes tell.
//
// # What is not there
//
// The cache knows addresses. So the types are A and AAAA; a CNAME that was
// followed is not kept as a record of its own, the address is the asked name's. A
// question about other rdata is answered with an error that says so, and not
// with an emptiness that could be taken for knowledge. DNSDB groups rdata that
// came together into one RRset; here each address is one of its own.
//
// # Bounds
//
// A query gathers MaxRecords at most, for they must be sorted before the first is
// written: by name, type and rdata, so that a limit and an offset or cursor go
// through all of them. Where there are more, the answer says that it was cut.
//
// # Concurrency
//
// A Handler may serve any number of requests at once. It reads no clock but
// Config.Now, and has no credentials of its own: whoever mounts it sees to them.
package pdns
