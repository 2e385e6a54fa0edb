package netflow

import "net/netip"

// Forget drops all that is known of the exporter at that address and port: of
// every domain and version, templates, options data, clock, and data that waits
// for its template. It is for the end of a connection, whose templates end with
// it (RFC 7011 section 8); so a Decoder of connections has no state to save.
// What it counted is in Ended. It costs a look at every state of the address.
func (d *Decoder) Forget(exporter netip.AddrPort) {
	exporter = netip.AddrPortFrom(exporter.Addr().Unmap(), exporter.Port())
	d.msg.domain = nil
	src := d.store.sources[exporter.Addr()]
	if src == nil {
		return
	}
	for dom := src.domains; dom != nil; {
		sister := dom.sister
		if dom.key.exporter == exporter {
			d.store.drop(dom, TemplateMissing, &d.store.ended)
			d.stats.TemplatesForgotten += uint64(len(dom.templates))
			d.stats.ExportersForgotten++
		}
		dom = sister
	}
}

// drop takes a domain out of the store, with its templates and options data and
// all that waits in it, which is refused for this reason. What it counted is added
// to sum. It can be read until the next one is made.
func (s *store) drop(dom *domain, why Reason, sum *Account) {
	s.dropWaits(dom, why)
	s.unlink(dom)
	s.leaveSource(dom)
	delete(s.domains, dom.key)
	if s.last == dom {
		s.last = nil
	}
	if slot := &s.quick[dom.key.slot()]; *slot == dom {
		*slot = nil
	}
	s.changes++
	s.templates -= len(dom.templates)
	s.options -= dom.options.len()
	dom.sequence.settle(&dom.account)
	sum.Add(&dom.account)
	s.spare = dom
}
