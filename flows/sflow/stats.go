package sflow

// Stats counts what a Decoder has met since it was made. Nothing is dropped
// without raising one of these.
type Stats struct {
	Datagrams uint64 // whose header could be read
	Records   uint64 // flow records appended, one a flow sample

	CounterSamples uint64 // compact and expanded; they are never flows
	DropSamples    uint64 // discarded packets, told apart from sampled ones
	UnknownSamples uint64 // of formats and enterprises not read here
	BadSamples     uint64 // that run over their datagram, or end within their header
	RefusedSamples uint64 // flow samples behind the first Config.MaxSamples

	UnknownRecords uint64 // sample records of formats and enterprises not read here
	BadRecords     uint64 // sample records cut short, malformed or missing

	UnknownProtocols uint64 // sampled headers of a link that is not read here
	RepeatedHeaders  uint64 // sampled headers behind the first of a sample
	TruncatedHeaders uint64 // sampled headers that end before all could be read
	DeepHeaders      uint64 // sampled headers with more tags, labels or extensions than are read
	BadHeaders       uint64 // sampled headers with an impossible IP header

	UnknownVersions    uint64 // datagrams that are not of version 5
	TruncatedDatagrams uint64 // shorter than their header, or with fewer samples than it says
	BadAddresses       uint64 // of a type that is neither unknown, IPv4 nor IPv6
	PaddingBytes       uint64 // behind the last sample, behind a sample's last record

	AgentsEvicted  uint64 // whose account was added to Gone to make room
	SourcesRefused uint64 // flow samples of data sources that there was no room to follow
}
