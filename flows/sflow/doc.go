// Package sflow decodes sFlow version 5 datagrams into flow records.
//
// # Nouns
//
// An agent (a switch, a host) sends datagrams. A datagram holds samples. A flow
// sample is one packet out of SamplingRate that passed a data source (a port,
// mostly); it holds flow records: the first bytes of the packet (the sampled
// header), or fields the agent read off it, and what the agent knows beside
// (route, AS path, VLANs). What the specification calls flow records is named
// sample records here, so that a flow record is always a flows.Record: what one
// flow sample becomes. Counter samples and drop samples are no flows; they are
// counted and skipped. The specification is "sFlow Version 5" of sflow.org with
// its companion "Standard sFlow data formats".
//
// # What a record holds
//
// The meaning of fields is goflow2's, so that a reader of its output can read
// ours. One record a flow sample, always: also where it has no addresses.
//
//   - Exporter is the datagram's agent address, not the sender's: agents behind
//     a relay and switches with several addresses keep one identity. Where the
//     agent states none (type unknown, 0.0.0.0, ::), it is the sender's.
//   - ObservationDomain is the sub-agent id, which goflow2 leaves out;
//     SequenceNum the datagram's, which counts datagrams of that sub-agent.
//   - Packets is 1 and Bytes the length of the packet's frame, or where the agent
//     tells no frame, of its IP packet. Neither is scaled by SamplingRate.
//   - StartNs and EndNs are the time of receipt: sFlow has no absolute time. An
//     agent must send a sample within a second, so StartErrorNs is one second.
//   - InIf is an ifIndex; 0 is unknown, 0x3fffffff the device itself. OutIf is
//     the same, or has in its two upper bits 01, packet discarded, with the
//     reason below, or 10, several interfaces, with their number below (0 is
//     unknown). This is the form of compact samples. Expanded samples are
//     brought to it, for a bare reason or number would pass for an ifIndex;
//     their ifIndexes stay whole, so one of 2^30 and more has upper bits too.
//     A discarded packet is certain by ForwardingStatus: it is 128 (dropped)
//     or, with the reason, above.
//   - Direction is 1 where the sample was taken at the interface by which the
//     packet left.
//   - VLAN is the id in the innermost 802.1Q tag of the sampled header; SrcVLAN
//     and DstVLAN are the extended switch record's.
//   - Proto is the upper layer's: IPv6 extension headers are walked. Fragments
//     but the first have no ports.
//   - DstAS is the last of the extended gateway record's AS path, SrcAS its
//     source AS; without them, the agent's own AS.
//
// The sampled header outranks the sample records with fields of the same
// packet: Ethernet frame, IPv4, IPv6. These are read where no header gave MAC
// addresses, or IP addresses.
//
// # The account
//
// For each agent, sub-agent and sender's address an Account says what became of
// every byte that was received, by reason, and what did not come: datagrams by
// their sequence numbers, flow samples by the numbers of their data source, and
// those that the agent itself says it could not make. Agents that had to go to
// make room are in Gone. AppendReports has the accounts with what else is known.
//
// # Limits
//
// A Decoder keeps nothing between datagrams but its counters and accounts, which
// decide nothing about records, and allocates nothing but an error for a bad
// datagram, an agent and a data source. Agents are bounded by Config.MaxAgents,
// at under 600 bytes each, and data sources by Config.MaxSources, at under 100
// bytes: 16 MB with the defaults. When there are too many agents one goes that was
// silent for longest, of those that have not sent flows for a minute if there are
// any; data sources without room are not followed. Both are counted. Counts from the wire only end loops,
// each turn of which takes at least eight bytes of the datagram. Sampled
// headers are read to 4 VLAN tags, 16 MPLS labels and 8 IPv6 extension headers;
// tunnels are not opened.
//
// What is cut short, by the datagram's end or by the end of the sampled header,
// is read as far as it is whole. A bad sample, or a bad sample record, costs
// nothing of its neighbours.
package sflow
