package netflow

import "net/netip"

// Forget drops all that is known of the exporter at that address and port: of
// every domain and version, templates, options data and clock. It is for the
// end of a connection, whose templates end with it (RFC 7011 section 8). It
// costs a look at every state there is.
func (d *Decoder) Forget(exporter netip.AddrPort) {
	exporter = netip.AddrPortFrom(exporter.Addr().Unmap(), exporter.Port())
	d.msg.domain = nil
	for dom := d.store.recent; dom != nil; {
		older := dom.older
		if dom.key.exporter == exporter {
			d.store.drop(dom)
			d.stats.TemplatesForgotten += uint64(len(dom.templates))
			d.stats.ExportersForgotten++
		}
		dom = older
	}
}

// drop takes a domain out of the store, with its templates and options data.
func (s *store) drop(dom *domain) {
	s.unlink(dom)
	delete(s.domains, dom.key)
	s.changes++
	s.templates -= len(dom.templates)
	s.options -= dom.options.len()
}
