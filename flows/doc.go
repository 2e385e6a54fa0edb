// Package flows holds the flow record that every decoder fills and everything
// after it reads.
//
// The wire has three forms of a flow and vendors have hundreds; a Record is the
// one working form. It is a plain struct of values: a decoder appends records
// to a slice that its caller owns and may reuse, and nothing in a record
// aliases the datagram it came from.
//
// The packages beneath: netflow turns NetFlow v5, v9 and IPFIX messages into
// records, sflow the samples of sFlow v5, listen receives the datagrams. Neither this package nor those know
// names, addresses' owners or output formats.
package flows
