package netflow

import (
	"net/netip"

	"flowname/flows"
)

// extras is what records of some templates tell beyond a plain flow, for what
// is decided when the record was read. Its slices are parts of the message.
type extras struct {
	// Sampling: the N of one in N; or taken packets of taken and passed; or
	// sampleSize of population; or a probability. sampler is whose they are.
	interval, taken, passed, sampleSize, population uint64
	probability                                     float64
	sampler                                         uint64
	hasSampler, hasRate, hasPassed                  bool

	hasInVRF, hasOutVRF bool
	inVRF, outVRF       uint32

	appID          []byte
	app, appText   []byte // name, and description
	ifName, ifText []byte
	vrfName        []byte
	host, user     []byte
	reverse        reverse
	// Counts by inside and outside, and which end is inside.
	incoming, outgoing uint64
	local              end
	told               ExporterStats
	dns                dnsFields
	lists              []list
	client, server     netip.Addr // Cisco's ends of a connection
	cPort, sPort       uint16
	reverseAgo         int64 // ns from the flow's start to its first answer
	hasReverseAgo      bool
	reverseStart       instant
	reverseStartForm   timeForm
	reverseEnd         instant
	reverseEndForm     timeForm
}

// reset empties x and keeps the space of its lists.
func (x *extras) reset() {
	*x = extras{lists: x.lists[:0], dns: dnsFields{addrs: x.dns.addrs[:0]}}
}

// setText sets a text that is not set yet, unless it is empty.
func setText(p *[]byte, b []byte) {
	if len(*p) == 0 {
		if b = unpad(b); !isDash(b) {
			*p = b
		}
	}
}

// forgetMessage drops what aliases the caller's message.
func (d *Decoder) forgetMessage() {
	d.usedExtras = false
	for i := range d.usedDepth {
		d.nested[i].x.reset()
		clear(d.nested[i].x.lists[:cap(d.nested[i].x.lists)])
	}
	d.draft.x.reset()
	clear(d.draft.x.lists[:cap(d.draft.x.lists)])
	d.usedDepth = 0
}

// finishExtras completes a flow record with what its own elements tell beyond a
// plain flow.
func (d *Decoder) finishExtras() {
	d.usedExtras = true
	f := &d.draft
	r, x := f.Record, &f.x
	if rate := x.rate(); rate != 0 {
		r.SamplingRate = rate
	}
	d.rrs = d.rrs[:0]
	if len(x.lists) > 0 {
		d.walk(f, 0)
	}
	d.gather(x)
	f.fillEnds()
	if x.incoming|x.outgoing != 0 {
		f.countSides()
	}
	cleanTranslation(r)
	r.AppName = d.labels.string(x.app)
	r.User = d.labels.string(x.user)
	r.InVRFName = d.labels.string(x.vrfName)
	if len(x.host) > 0 {
		if r.HostName = d.hosts.string(x.host); r.HostName == "" {
			d.stats.HostNamesRefused++
		} else {
			d.stats.HostNames++
		}
	}
	if len(d.rrs) > 0 {
		d.answer(r)
	}
}

// fillEnds takes Cisco's client and server of a connection for the ends of a
// flow that has no others.
func (d *draft) fillEnds() {
	x := &d.x
	if !x.client.IsValid() && !x.server.IsValid() || d.Src.IsValid() || d.Dst.IsValid() {
		return
	}
	d.Src, d.Dst = x.client, x.server
	if d.SrcPort == 0 && d.DstPort == 0 {
		d.SrcPort, d.DstPort = x.cPort, x.sPort
	}
	d.setEtherType()
}

// cleanTranslation drops translations to nothing and to the same.
func cleanTranslation(r *flows.Record) {
	if untranslated(r.XlateSrc, r.Src, r.XlateSrcPort, r.SrcPort) {
		r.XlateSrc, r.XlateSrcPort = netip.Addr{}, 0
	}
	if untranslated(r.XlateDst, r.Dst, r.XlateDstPort, r.DstPort) {
		r.XlateDst, r.XlateDstPort = netip.Addr{}, 0
	}
}

func untranslated(xlate, addr netip.Addr, xlatePort, port uint16) bool {
	return !xlate.IsValid() || xlate.IsUnspecified() || xlate == addr && (xlatePort == 0 || xlatePort == port)
}
