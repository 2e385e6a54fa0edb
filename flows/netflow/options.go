package netflow

// A samplingRate is what options data said of an exporter's sampling, as far as
// it can be said of all its flows.
type samplingRate struct {
	rate    uint64 // one in rate; 0 not known
	sampler uint64 // whose
	iface   uint32 // of which interface
	several bool   // samplers that differ: none is true of every flow
}

// hear takes in a rate that options data tells. The same sampler may change its
// rate; of samplers with different ones none stands for all flows.
func (s *samplingRate) hear(rate, sampler uint64, iface uint32) {
	same := s.sampler == sampler && s.iface == iface
	switch {
	case rate == 0 || s.several:
	case s.rate == 0 || same:
		*s = samplingRate{rate: rate, sampler: sampler, iface: iface}
	case s.rate != rate:
		*s = samplingRate{several: true}
	}
}

// rate is the sampling rate that the record's own elements tell, 0 for none.
func (d *draft) rate() uint64 {
	if d.taken > 0 && d.taken <= 1<<32 && d.passed <= 1<<32 {
		return (d.taken + d.passed) / d.taken
	}
	return d.interval
}

// learn takes from an options data record what concerns the domain's flows. It
// never becomes a flow record.
func (d *Decoder) learn() {
	d.stats.OptionsRecords++
	f, dom := &d.draft, d.msg.domain
	d.stats.BadTimes += uint64(f.badTimes)
	if f.initMs != 0 {
		dom.initMs = f.initMs
	}
	dom.sampling.hear(f.rate(), f.sampler, f.InIf)
	d.msg.base.SamplingRate = dom.sampling.rate
}
