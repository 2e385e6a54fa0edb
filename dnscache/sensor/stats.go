package sensor

import "flowname/dnscache/sensor/packet"

// Stats counts what became of packets, queries and responses. Every response on
// a DNS port raises exactly one of the counters from Matched to BadQuestion.
type Stats struct {
	Decoder packet.Stats

	Datagrams uint64 // UDP datagrams from or to a DNS port
	Segments  uint64 // TCP segments from or to a DNS port
	NotDNS    uint64 // packets of other ports
	MDNS      uint64 // packets of port 5353, left out
	LLMNR     uint64 // packets of port 5355, left out
	NetBIOS   uint64 // packets of port 137, left out

	Queries           uint64 // queries filed
	QueriesRepeated   uint64 // queries sent again while they waited
	QueriesUnanswered uint64 // queries never answered
	QueriesEvicted    uint64 // queries forgotten, still young, because the table was full

	Matched       uint64 // responses given
	Unmatched     uint64 // responses to which no query was seen
	Late          uint64 // responses whose query is older, or newer, than QueryAge
	Duplicate     uint64 // responses equal to the one given before
	Conflict      uint64 // second responses that differ from the one given
	CaseMismatch  uint64 // responses that change the letter case of the question
	WrongQuestion uint64 // responses with the id of a query but another question
	Short         uint64 // messages under twelve bytes
	WrongWay      uint64 // queries from, or responses to, the server's port only
	NotQuery      uint64 // messages of another opcode: update, notify
	NoQuestion    uint64 // messages without a question
	ManyQuestions uint64 // messages with several questions
	BadQuestion   uint64 // messages whose question can not be read

	TruncatedReplies uint64 // responses with the TC bit, whatever became of them

	Streams           uint64 // TCP directions followed
	StreamsEvicted    uint64 // directions given up because too many or too many bytes
	StreamsIdle       uint64 // directions given up for their silence
	StreamRepeats     uint64 // segments with nothing new
	StreamHoles       uint64 // holes that were not filled
	StreamUnsynced    uint64 // segments passed over in search of the start of a message
	StreamBadLength   uint64 // length prefixes too small for a message
	StreamIncomplete  uint64 // messages cut by a hole or the end of their stream
	StreamImplausible uint64 // places lost where a message was expected and none began
}
