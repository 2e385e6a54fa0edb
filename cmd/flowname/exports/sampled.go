package exports

import (
	"net/netip"

	"flowname/cmd/flowname/evidence"
	"flowname/dnscache"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/sensor"
	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
	"flowname/flows"
	"flowname/flows/sflow"
)

// lowPorts are those that programs which only ask do not ask from; a response
// to one of them goes between servers.
const lowPorts = 1024

// SampledStats counts the DNS responses in sampled headers.
type SampledStats struct {
	Filed       uint64 // taken as evidence
	NotBelieved uint64 // left out, because they are not to be believed
	LowPorts    uint64 // left out, because a server asked
	Malformed   uint64 // left out, because they can not be read to their end

	Sensor sensor.Stats // what else was in the headers
}

// A sampledDNS finds DNS responses in sampled headers.
//
// A sampled response hardly ever has a sampled query, and were there one it
// would prove nothing: whoever can send sFlow to this host, which takes one
// datagram from any address, can make up both. So none is believed unless the
// configuration accepts responses without a query (--accept-unmatched); else
// they are counted. What is believed is marked as sampled, in the history too.
// It has to be UDP and whole: a header is mostly the first 128 bytes of a packet,
// into which short answers fit; one that is cut is passed over, and so is TCP,
// where a sample is a piece of a stream. It has to come from a DNS port to a
// port of 1024 or more.
//
// A sample comes up to a second behind its packet, and the answers of a client
// that were not sampled are missing: names by sampled answers alone are fewer
// and more often of the basis client_later or others.
type sampledDNS struct {
	believe bool
	file    func(*dnscache.Response) // copies what it keeps

	packets  *packet.Decoder
	packet   packet.Packet
	sensor   *sensor.Sensor
	yield    func(*sensor.Message) // message, made once
	parser   *dnswire.Parser
	response dnscache.Response
	timeNs   int64 // of the datagram being read
	stats    SampledStats
}

func newSampledDNS(config evidence.Config, file func(*dnscache.Response)) *sampledDNS {
	s := &sampledDNS{
		believe: config.Sensor.AcceptUnmatched,
		file:    file,
		packets: packet.NewDecoder(packet.Config{OpenTunnels: !config.Sensor.NoTunnels}),
		parser:  dnswire.NewParser(config.Wire),
	}
	config.Sensor.AcceptUnmatched, config.Sensor.Queries = true, false
	s.sensor = sensor.New(config.Sensor)
	s.yield = s.message
	return s
}

// header takes a sampled header.
func (s *sampledDNS) header(link uint32, header []byte, length int) {
	frame := capture.Frame{TimeNs: s.timeNs, Link: capture.LinkType(link), Data: header, OrigLen: length}
	if s.packets.Decode(frame, &s.packet) && s.packet.Proto == packet.UDP {
		s.sensor.Packet(&s.packet, s.yield)
	}
}

func (s *sampledDNS) message(m *sensor.Message) {
	switch {
	case m.Client.Port() < lowPorts:
		s.stats.LowPorts++
		return
	case !s.believe:
		s.stats.NotBelieved++
		return
	case s.parser.Parse(&s.response, m.Wire) != nil:
		s.stats.Malformed++
		return
	}
	m.Fill(&s.response)
	s.response.Source = dnscache.SourceSFlow
	s.file(&s.response)
	s.stats.Filed++
}

func (s *sampledDNS) account() SampledStats {
	stats := s.stats
	stats.Sensor = s.sensor.Stats()
	stats.Sensor.Decoder = s.packets.Stats() // the sensor's own is not used
	return stats
}

// A SampleDecoder turns sFlow datagrams into records and evidence. It has one
// owner.
type SampleDecoder struct {
	decoder *sflow.Decoder
	dns     *sampledDNS
	header  func(link uint32, header []byte, length int) // dns.header, made once
}

// NewSampleDecoder makes a SampleDecoder that gives its evidence to file, which
// copies what it keeps.
func NewSampleDecoder(config evidence.Config, file func(*dnscache.Response)) *SampleDecoder {
	dns := newSampledDNS(config, file)
	return &SampleDecoder{decoder: sflow.NewDecoder(sflow.Config{}), dns: dns, header: dns.header}
}

// Stats are those of the samples.
func (d *SampleDecoder) Stats() sflow.Stats { return d.decoder.Stats() }

// DNSStats are those of the DNS in them, and of its messages.
func (d *SampleDecoder) DNSStats() (SampledStats, dnswire.Stats) {
	return d.dns.account(), d.dns.parser.Stats()
}

// AppendReports appends what is known of each agent.
func (d *SampleDecoder) AppendReports(dst []sflow.Report) []sflow.Report {
	return d.decoder.AppendReports(dst)
}

// Gone is the account of agents that had to make room.
func (d *SampleDecoder) Gone() sflow.Account { return d.decoder.Gone() }

// AppendRecords files the evidence of a datagram and appends its records.
func (d *SampleDecoder) AppendRecords(dst []flows.Record, msg []byte, from netip.AddrPort, receivedNs int64) ([]flows.Record, error) {
	d.dns.timeNs = receivedNs
	return d.decoder.AppendRecords(dst, msg, from, receivedNs, d.header)
}
