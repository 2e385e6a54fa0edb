package netflow

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
)

// The fields of options data in a saved state: each entry is its key and what
// was told of it, in the order of the keys, so that the same data gives the same
// bytes.

// appendRates appends the general rate, the number of samplers, and the rates
// by sampler and by interface.
func appendRates(dst []byte, dom *domain) []byte {
	o := dom.options
	if o == nil || o.general == 0 && len(o.samplers)+len(o.interfaces) == 0 {
		return nil
	}
	dst = binary.AppendUvarint(dst, o.general)
	dst = binary.AppendUvarint(dst, uint64(len(o.samplers)))
	for _, id := range slices.Sorted(maps.Keys(o.samplers)) {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, id), o.samplers[id])
	}
	for _, iface := range slices.Sorted(maps.Keys(o.interfaces)) {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(iface)), o.interfaces[iface])
	}
	return dst
}

func readRates(r *stateReader, dom *domain) {
	o := dom.optionsToRead()
	o.general = r.uint()
	for samplers := r.uint(); len(r.b) > 0 && !r.failed; {
		if id, rate := r.uint(), r.uint(); samplers > 0 {
			put(&o.samplers, id, rate)
			samplers--
		} else {
			put(&o.interfaces, uint32(id), rate)
		}
	}
}

func appendApps(dst []byte, dom *domain) []byte {
	if dom.options == nil {
		return nil
	}
	byID := func(a, b appID) int {
		return cmp.Or(cmp.Compare(a.engine, b.engine), cmp.Compare(a.pen, b.pen), cmp.Compare(a.selector, b.selector))
	}
	for _, id := range slices.SortedFunc(maps.Keys(dom.options.apps), byID) {
		dst = binary.AppendUvarint(append(dst, id.engine), uint64(id.pen))
		dst = binary.AppendUvarint(dst, id.selector)
		dst = appendBytes(dst, []byte(dom.options.apps[id]))
	}
	return dst
}

func readApps(r *stateReader, dom *domain) {
	for o := dom.optionsToRead(); len(r.b) > 0 && !r.failed; {
		id := appID{engine: r.byte(), pen: uint32(r.uint()), selector: r.uint()}
		put(&o.apps, id, r.text())
	}
}

func appendIfNames(dst []byte, dom *domain) []byte {
	if dom.options == nil {
		return nil
	}
	return appendNames(dst, dom.options.ifNames)
}

func readIfNames(r *stateReader, dom *domain) { r.names(&dom.optionsToRead().ifNames) }

func appendVRFNames(dst []byte, dom *domain) []byte {
	if dom.options == nil {
		return nil
	}
	return appendNames(dst, dom.options.vrfNames)
}

func readVRFNames(r *stateReader, dom *domain) { r.names(&dom.optionsToRead().vrfNames) }

func appendNames(dst []byte, names map[uint32]string) []byte {
	for _, id := range slices.Sorted(maps.Keys(names)) {
		dst = appendBytes(binary.AppendUvarint(dst, uint64(id)), []byte(names[id]))
	}
	return dst
}

func (r *stateReader) names(names *map[uint32]string) {
	for len(r.b) > 0 && !r.failed {
		id := uint32(r.uint())
		put(names, id, r.text())
	}
}

// text reads a length and that many bytes.
func (r *stateReader) text() string {
	b, n := takeBytes(r.b)
	if n == 0 {
		r.failed, r.b = true, nil
		return ""
	}
	r.b = r.b[n:]
	return string(b)
}

// optionsToRead are the options data of a domain that is read from a state.
func (dom *domain) optionsToRead() *optionData {
	if dom.options == nil {
		dom.options = &optionData{}
	}
	return dom.options
}

func put[K comparable, V any](table *map[K]V, k K, v V) {
	if *table == nil {
		*table = make(map[K]V)
	}
	(*table)[k] = v
}

// adoptOptions tells dom what a state has of its options data, within this
// Decoder's bounds.
func (d *Decoder) adoptOptions(dom *domain, saved *optionData) {
	if saved == nil {
		return
	}
	d.msg = message{domain: dom}
	o := d.optionData()
	o.general = saved.general
	for id, rate := range saved.samplers {
		d.tellSampler(id, rate)
	}
	for iface, rate := range saved.interfaces {
		d.tellInterface(iface, rate)
	}
	for id, name := range saved.apps {
		tell(d, &o.apps, id, d.labels.string([]byte(name)))
	}
	for iface, name := range saved.ifNames {
		tell(d, &o.ifNames, iface, d.labels.string([]byte(name)))
	}
	for vrf, name := range saved.vrfNames {
		tell(d, &o.vrfNames, vrf, d.labels.string([]byte(name)))
	}
	d.msg = message{}
}
