package netflow

import (
	"cmp"
	"encoding/binary"
	"math"

	"flowname/flows"
)

// An optionData is what an exporter told, in options data, of the numbers in its
// flow records: one observation domain's samplers, applications, interfaces and
// routing tables. Entries stay until they are told anew or the domain goes.
type optionData struct {
	// samplers and interfaces have rates (one packet in so many) by sampler or
	// selector id and by interface; general is the rate of neither, 0 for none.
	samplers   map[uint64]uint64
	interfaces map[uint32]uint64
	general    uint64
	// rates counts the entries of the former two by their rate.
	rates map[uint64]int

	apps              map[appID]string
	ifNames, vrfNames map[uint32]string
}

func (o *optionData) len() int {
	if o == nil {
		return 0
	}
	return len(o.samplers) + len(o.interfaces) + len(o.apps) + len(o.ifNames) + len(o.vrfNames)
}

// An appID is an application id (RFC 6759): a classification engine and what it
// calls the application, for engine 20 within an enterprise. The selector is a
// number in as many bytes as the exporter likes.
type appID struct {
	engine   uint8
	pen      uint32
	selector uint64
}

const enginePEN = 20 // PANA-L7-PEN

func parseAppID(b []byte) (appID, bool) {
	if len(b) < 2 {
		return appID{}, false
	}
	id := appID{engine: b[0]}
	b = b[1:]
	if id.engine == enginePEN && len(b) > 4 {
		id.pen, b = binary.BigEndian.Uint32(b), b[4:]
	}
	if len(b) > 8 {
		return appID{}, false
	}
	id.selector = bigEndian(b)
	return id, true
}

// several reports samplers or interfaces of different rates, and none of all.
func (o *optionData) several() bool {
	return o != nil && o.general == 0 && len(o.rates) > 1
}

// onlyRate is the rate of all flows: the general one, or that on which all
// samplers agree.
func (o *optionData) onlyRate() uint64 {
	if o == nil {
		return 0
	}
	if o.general == 0 && len(o.rates) == 1 {
		for rate := range o.rates {
			return rate
		}
	}
	return o.general
}

// optionTables are the options data that flows of a message are looked up in:
// that of their own domain, then that of the exporter's domain 0, which stands
// for the exporter as a whole (RFC 7011 section 3.1).
type optionTables struct{ own, common *optionData }

func (t *optionTables) any() bool { return t.own != nil || t.common != nil }

func (t *optionTables) onlyRate() uint64 {
	if rate := t.own.onlyRate(); rate != 0 {
		return rate
	}
	return t.common.onlyRate()
}

// several reports rates that differ, where onlyRate knows none.
func (t *optionTables) several() bool {
	return t.onlyRate() == 0 && (t.own.several() || t.common.several())
}

func (t *optionTables) samplerRate(id uint64) (rate uint64) {
	if t.own != nil {
		rate = t.own.samplers[id]
	}
	if rate == 0 && t.common != nil {
		rate = t.common.samplers[id]
	}
	return rate
}

func (t *optionTables) interfaceRate(iface uint32) (rate uint64) {
	if t.own != nil {
		rate = t.own.interfaces[iface]
	}
	if rate == 0 && t.common != nil {
		rate = t.common.interfaces[iface]
	}
	return rate
}

func (t *optionTables) app(id appID) (name string) {
	if t.own != nil {
		name = t.own.apps[id]
	}
	if name == "" && t.common != nil {
		name = t.common.apps[id]
	}
	return name
}

func (t *optionTables) ifName(iface uint32) (name string) {
	if t.own != nil {
		name = t.own.ifNames[iface]
	}
	if name == "" && t.common != nil {
		name = t.common.ifNames[iface]
	}
	return name
}

func (t *optionTables) vrfName(vrf uint32) (name string) {
	if t.own != nil {
		name = t.own.vrfNames[vrf]
	}
	if name == "" && t.common != nil {
		name = t.common.vrfNames[vrf]
	}
	return name
}

// common is the options data of the domain 0 of dom's exporter, if it is not
// dom itself. Looking for it does not count as use.
func (s *store) common(dom *domain) *optionData {
	if dom.key.id == 0 {
		return nil
	}
	if dom.commonAt != s.changes {
		key := dom.key
		key.id = 0
		dom.common, dom.commonAt = s.domains[key], s.changes
	}
	if dom.common == nil {
		return nil
	}
	return dom.common.options
}

// lookUp puts into the flow record what options data told of its numbers.
// What the record itself told stays.
func (d *Decoder) lookUp(extra bool) {
	r, t := d.draft.Record, &d.msg.tables
	d.lookUpRate(extra)
	if r.InIf != 0 {
		r.InIfName = t.ifName(r.InIf)
	}
	if r.OutIf != 0 {
		r.OutIfName = t.ifName(r.OutIf)
	}
	if !extra {
		return
	}
	x := &d.draft.x
	if id, ok := parseAppID(x.appID); ok && r.AppName == "" {
		r.AppName = t.app(id)
	}
	if x.hasInVRF && r.InVRFName == "" {
		r.InVRFName = t.vrfName(x.inVRF)
	}
	if x.hasOutVRF {
		r.OutVRFName = t.vrfName(x.outVRF)
	}
}

// lookUpRate binds a sampler to the flow: by its id, else by the interface that
// the flow was metered at. Otherwise the rate of all flows stands.
func (d *Decoder) lookUpRate(extra bool) {
	r, t, x := d.draft.Record, &d.msg.tables, &d.draft.x
	if extra && x.rate() != 0 {
		return
	}
	var rate uint64
	if extra && x.hasSampler {
		rate = t.samplerRate(x.sampler)
	}
	if rate == 0 {
		iface := r.InIf
		if r.Direction == 1 {
			iface = r.OutIf
		}
		rate = t.interfaceRate(iface)
	}
	if rate != 0 {
		r.SamplingRate = rate
	}
}

// rate is the N of one packet in N that a record's own elements tell; 0 where
// they tell none, or one of zero, which exporters send for "not known".
func (x *extras) rate() uint64 {
	switch {
	case x.interval != 0:
		return x.interval
	case x.taken != 0 && x.hasPassed && x.taken <= math.MaxUint32 && x.passed <= math.MaxUint32:
		return (x.taken + x.passed) / x.taken
	case x.sampleSize != 0 && x.population >= x.sampleSize:
		return x.population / x.sampleSize
	case x.probability > 0 && x.probability <= 1 && 1/x.probability < math.MaxUint32:
		return uint64(math.Round(1 / x.probability))
	}
	return 0
}

// learn takes in an options data record. It never becomes a flow record.
func (d *Decoder) learn(t *template) {
	d.stats.OptionsRecords++
	f, dom := &d.draft, d.msg.domain
	d.stats.BadTimes += uint64(f.badTimes)
	if f.initMs != 0 {
		dom.initMs = f.initMs
	}
	if !t.plan.extra {
		return
	}
	d.usedExtras = true
	x := &f.x
	x.told.addTo(&dom.exporter)
	if x.hasRate {
		d.learnRate(f.Record, x)
	}
	if id, ok := parseAppID(x.appID); ok {
		if name := d.firstLabel(x.app, x.appText); name != "" {
			tell(d, &d.optionData().apps, id, name)
		}
	}
	if iface := cmp.Or(f.InIf, f.OutIf); iface != 0 {
		if name := d.firstLabel(x.ifName, x.ifText); name != "" {
			tell(d, &d.optionData().ifNames, iface, name)
		}
	}
	if x.hasInVRF || x.hasOutVRF {
		if name := d.labels.string(x.vrfName); name != "" {
			tell(d, &d.optionData().vrfNames, cmp.Or(x.inVRF, x.outVRF), name)
		}
	}
}

// optionData is that of the message's domain, made if need be.
func (d *Decoder) optionData() *optionData {
	dom := d.msg.domain
	if dom.options == nil {
		dom.options = &optionData{}
		d.msg.tables = optionTables{dom.options, d.store.common(dom)}
	}
	return dom.options
}

// learnRate files a rate under the sampler and the interface that the record
// has. A rate of zero takes back what was told before.
func (d *Decoder) learnRate(r *flows.Record, x *extras) {
	o, rate := d.optionData(), x.rate()
	if x.hasSampler {
		d.tellSampler(x.sampler, rate)
	}
	if r.InIf != 0 {
		d.tellInterface(r.InIf, rate)
	}
	if !x.hasSampler && r.InIf == 0 {
		o.general = rate
	}
	d.msg.base.SamplingRate = d.msg.tables.onlyRate()
}

func (d *Decoder) tellSampler(id, rate uint64) {
	o := d.msg.domain.options
	had := o.samplers[id]
	tell(d, &o.samplers, id, rate)
	o.recount(had, o.samplers[id])
}

func (d *Decoder) tellInterface(iface uint32, rate uint64) {
	o := d.msg.domain.options
	had := o.interfaces[iface]
	tell(d, &o.interfaces, iface, rate)
	o.recount(had, o.interfaces[iface])
}

// recount keeps rates when an entry's rate has changed.
func (o *optionData) recount(had, has uint64) {
	if had == has {
		return
	}
	if o.rates == nil {
		o.rates = make(map[uint64]int)
	}
	if o.rates[had]--; o.rates[had] <= 0 {
		delete(o.rates, had)
	}
	if has != 0 {
		o.rates[has]++
	}
}

// tell files one entry of the domain's options data in one of its tables. What
// is told anew is replaced at once, and with a zero value removed. A new entry
// beyond the domain's bound is refused; beyond the bound of all, domains go that
// have shown no more than this one.
func tell[K comparable, V comparable](d *Decoder, table *map[K]V, k K, v V) {
	var none V
	had := (*table)[k]
	switch {
	case had == v:
		return
	case v == none:
		delete(*table, k)
		d.store.options--
		d.msg.optionsFull = false
		return
	case had == none:
		if d.msg.optionsFull || !d.store.roomForOption(d.msg.domain) {
			d.msg.optionsFull = true // the search is not repeated for each record
			d.stats.OptionEntriesRefused++
			return
		}
		d.store.options++
	}
	d.stats.OptionEntries++
	if *table == nil {
		*table = make(map[K]V)
	}
	(*table)[k] = v
}

// roomForOption makes room for an entry of dom: domains of its standing or a
// lower one go that have some. It reports whether there is room.
func (s *store) roomForOption(dom *domain) bool {
	if dom.options.len() >= s.cfg.MaxOptionEntriesPerDomain {
		return false
	}
	for s.options >= s.cfg.MaxOptionEntries {
		v := s.victim(func(other *domain) bool { return other == dom || other.options.len() == 0 })
		if v == nil || v.standing > dom.standing {
			return false
		}
		s.evictDomain(v)
	}
	return true
}

// firstLabel is the first of two texts that is not empty.
func (d *Decoder) firstLabel(a, b []byte) string {
	if s := d.labels.string(a); s != "" {
		return s
	}
	return d.labels.string(b)
}
