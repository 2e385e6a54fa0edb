// Package visibility tells for each client what share of its flows carries a name of
// its own, how its DNS is seen, and why it is not: what makes "no name" readable.
//
// # Which flows count
//
// Not every flow has a lookup before it. Those count that one could be expected of:
// TCP, and UDP to port 443 (QUIC), where the server is out in the Internet or has a
// name. Of TCP those do not count that got nowhere, by their flags: never acknowledged, or
// a reset alone; nor does what a firewall denied. DNS itself, NTP, games, calls, VPNs
// and whatever else by UDP is counted as not counting. Both directions of a
// connection count, as they are exported. ICMP, multicast and the like are not
// looked at.
//
// The client of a flow is the end that [correlate.Flow.Client] says; where only that
// end has a name, the other. It is counted if it is one of this network's by
// [correlate.Inside], by its address inside of a NAT where the record tells it. Of
// addresses that are neither private nor configured, but ask, only flows that count
// make an entry: they may be strangers who ask this network's own name servers.
//
// # Lately
//
// Whether a client is visible is a question of now. Beside its sums since it was
// first seen an entry has counts that are halved every 12 hours of its flows' time,
// and the share of its last 30 flows or so, as a running mean. A flow's time is when
// its record was received.
//
// # Bounds
//
// A client takes 128 bytes and 11 to 22 in the index (TestMemory). Tables share a [Room]
// of so many clients. When it is used up, a client comes in with its second flow
// within some ten thousand others' that came to the door too, and in its place goes, of
// 16 that were drawn, the one with the fewest flows lately, those with names of their own
// counting 256 times; of equal ones the longest unseen. So addresses that are made up
// push out each other. The strangers that were asked about last are remembered for a minute.
//
// # Concurrency and speed
//
// A [Table] belongs to whoever calls it; there is one for each joiner, so that no
// flow waits for another. Flows are taken down as notes first, 32 of them, and then
// counted together, so that their entries come from memory at the same time. Rows of
// several tables are added up by [Merge]. [Table.Established] goes by its own table, and
// so by what one joiner's exporters say of the client; it and all that reads count
// the notes first. What was kept over a restart is put into the first table.
//
// A flow takes 32 ns of a client that was just there, 41 ns of one of 10,000 and 100 ns
// of one of a million that are all as likely, 62 ns where four of each come in a row
// (BenchmarkFlow).
//
// Nothing here reads a clock, and with the same seed and flows all is the same.
package visibility
