package netflow

import (
	"encoding/binary"
	"net/netip"

	"flowname/flows"
)

// Config bounds what a Decoder keeps. A zero field means its default.
type Config struct {
	// MaxTemplates is how many templates are kept in all. Default 8192.
	MaxTemplates int
	// MaxTemplatesPerDomain is how many one observation domain of one exporter
	// can have. Default 1024, and never more than MaxTemplates.
	MaxTemplatesPerDomain int
	// MaxFields is how many fields a template can have; one with more is
	// refused. Default 512.
	MaxFields int
	// MaxExporters is how many states (exporter address and port, version,
	// domain) are kept: templates, clock, sampling rate. Default 4096.
	MaxExporters int
	// MaxDomainsPerAddress is how many of these one address can have: observation
	// domains of all exporters behind it, each port and version for itself. One
	// with more loses its own. Default 512, and never more than MaxExporters.
	MaxDomainsPerAddress int
	// MaxRecords is how many data records are read from one datagram, so that a
	// one-byte template cannot turn it into 65,000 records; and after how many
	// records of sets that had waited for it no more of them are begun with it.
	// Default 8192.
	MaxRecords int
	// MaxOptionEntries is how many samplers, applications, interfaces and
	// routing tables are kept in all; MaxOptionEntriesPerDomain how many of one
	// observation domain. Default 131072 and 16384.
	MaxOptionEntries, MaxOptionEntriesPerDomain int
	// MaxTexts is how many texts are known at a time, of each of three kinds:
	// names of servers, names in DNS, all others. Default 16384.
	MaxTexts int

	// MaxWaiting is how many bytes of data sets wait for their templates in
	// all, MaxWaitingPerDomain of one domain, each set with some 200 bytes for
	// itself. Default 8 MiB, and an eighth of MaxWaiting.
	MaxWaiting, MaxWaitingPerDomain int
	// MaxWaitNs is how long they wait. Default 40 minutes: there are exporters
	// that send their templates every 30 minutes.
	MaxWaitNs int64

	// Sessions says that messages come by connections, each an address and port,
	// whose templates are of it alone: none is borrowed by another port.
	Sessions bool
	// Allow is who may export; empty means everyone.
	Allow []netip.Prefix
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.MaxTemplates, 8192)
	def(&c.MaxTemplatesPerDomain, 1024)
	def(&c.MaxFields, 512)
	def(&c.MaxExporters, 4096)
	def(&c.MaxDomainsPerAddress, 512)
	def(&c.MaxRecords, 8192)
	def(&c.MaxOptionEntries, 1<<17)
	def(&c.MaxOptionEntriesPerDomain, 1<<14)
	def(&c.MaxTexts, 1<<14)
	def(&c.MaxWaiting, 8<<20)
	def(&c.MaxWaitingPerDomain, c.MaxWaiting/8)
	if c.MaxWaitNs <= 0 {
		c.MaxWaitNs = defaultMaxWaitNs
	}
	c.MaxDomainsPerAddress = min(c.MaxDomainsPerAddress, c.MaxExporters)
	c.MaxTemplatesPerDomain = min(c.MaxTemplatesPerDomain, c.MaxTemplates)
	c.MaxOptionEntriesPerDomain = min(c.MaxOptionEntriesPerDomain, c.MaxOptionEntries)
	return c
}

const defaultMaxWaitNs = 40 * 60 * 1e9

// A Decoder turns export messages into flow records. It has one owner: its
// methods must not be called concurrently.
type Decoder struct {
	cfg   Config
	stats Stats
	store store

	labels, hosts, names texts // texts of records: words, servers, DNS
	answers              []Answer

	// The rest belongs to the message being read, kept here so that a message
	// costs no allocation.
	msg      message
	draft    draft
	deferred []dataSet
	nested   [maxDepth]draft // records inside of the one being read
	rrs      []resource      // DNS in it

	usedExtras bool // draft.x aliases the message,
	usedDepth  int  // and so many of nested
}

// NewDecoder returns a Decoder with no templates.
func NewDecoder(cfg Config) *Decoder {
	d := &Decoder{cfg: cfg.withDefaults()}
	d.store = newStore(&d.cfg, &d.stats)
	d.labels = newTexts(appendLabel, maxLabel, d.cfg.MaxTexts, &d.stats)
	d.hosts = newTexts(appendHostName, maxNameLen+len(".:65535"), d.cfg.MaxTexts, &d.stats)
	d.names = newTexts(appendDNSName, maxNameLen+len("."), d.cfg.MaxTexts, &d.stats)
	return d
}

// Stats returns the counts so far.
func (d *Decoder) Stats() Stats { return d.stats }

// AppendRecords decodes one datagram and appends its flow records to dst, which
// it returns. The records hold nothing of msg. Whatever is wrong with a part of
// the message, the good parts are appended all the same; the error is the first
// fault, an *Error, and Stats counts every one.
//
// The receive time is noted in the records and in the account of the exporter;
// no flow's time is computed from it.
func (d *Decoder) AppendRecords(dst []flows.Record, msg []byte, exporter netip.AddrPort, receivedNs int64) ([]flows.Record, error) {
	addr := exporter.Addr().Unmap()
	m := &d.msg
	*m = message{}
	m.exporter = netip.AddrPortFrom(addr, exporter.Port())
	m.base.Exporter, m.base.ReceivedNs = addr, receivedNs
	m.room = d.cfg.MaxRecords
	had := len(dst)
	if d.store.waiting.cost > 0 {
		d.store.expireWaits(receivedNs)
	}
	if len(d.cfg.Allow) > 0 && !d.allows(addr) {
		d.stats.MessagesRefused++
		d.fail(0, 0, ErrExporter)
		d.refuseMessage(NotAllowed, len(msg))
		return dst, d.msg.err
	}
	if len(msg) < 2 {
		d.stats.TruncatedMessages++
		d.fail(0, 0, ErrTruncated)
		d.refuseMessage(CutShort, len(msg))
		return dst, d.msg.err
	}
	d.msg.version = binary.BigEndian.Uint16(msg)
	switch d.msg.version {
	case 5:
		dst = d.appendV5(dst, msg)
	case 9:
		dst = d.appendV9(dst, msg)
	case 10:
		dst = d.appendIPFIX(dst, msg)
	default:
		d.stats.UnknownVersions++
		d.fail(0, 0, ErrVersion)
		d.refuseMessage(BadVersion, len(msg))
	}
	d.stats.Records += uint64(len(dst) - had)
	d.draft.Record = nil // it points into the caller's slice
	if d.usedExtras {
		d.forgetMessage()
	}
	return dst, d.msg.err
}

func (d *Decoder) allows(addr netip.Addr) bool {
	for _, p := range d.cfg.Allow {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// fail notes the message's first fault. The counting is the caller's.
func (d *Decoder) fail(set uint16, offset int, err error) {
	if d.msg.err == nil {
		d.msg.err = &Error{
			Version: d.msg.version, Domain: d.msg.base.ObservationDomain,
			Set: set, Offset: offset, Err: err,
		}
	}
}

// Version reports the version of an export message, 5, 9 or 10, when msg begins
// with a header of it that fits the bytes there are: lengths and counts in
// bounds, and the first set's header possible. It tells export messages from
// other payloads of a capture; a decoder would read some that it rejects.
func Version(msg []byte) (uint16, bool) {
	if len(msg) < 4 {
		return 0, false
	}
	version, size := binary.BigEndian.Uint16(msg), int(binary.BigEndian.Uint16(msg[2:]))
	switch version {
	case 5: // here the second number is the count of records
		return known(5, size > 0 && len(msg) >= v5HeaderLen+size*v5RecordLen)
	case 9:
		return known(9, len(msg) > v9HeaderLen && plausibleSet(msg[v9HeaderLen:], 0, 1))
	case 10:
		if size < ipfixHeaderLen || size > len(msg) {
			return 0, false
		}
		return known(10, size == ipfixHeaderLen || plausibleSet(msg[ipfixHeaderLen:size], 2, 3))
	}
	return 0, false
}

func known(version uint16, ok bool) (uint16, bool) {
	if !ok {
		return 0, false
	}
	return version, true
}

func plausibleSet(b []byte, templates, options uint16) bool {
	if len(b) < setHeaderLen {
		return false
	}
	id, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	return (id == templates || id == options || id >= minDataSet) && size >= setHeaderLen && size <= len(b)
}
