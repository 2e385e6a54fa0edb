package watch

import (
	"net/netip"
	"strings"
	"time"

	"flowname/correlate"
	"flowname/correlate/findings"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
)

// answer looks at an answer that was filed.
func (r *reporter) answer(a *dnscache.Response) {
	if r == nil {
		return
	}
	if r.names != nil {
		r.nameAnswer(a)
	}
	if r.resolvers != nil && r.resolvers.Answer(a) {
		r.outsideAnswer(a)
	}
}

func (r *reporter) outsideAnswer(a *dnscache.Response) {
	if !r.desk.Admit(findings.OutsideResolver, a.Client, r.desk.AddrSubject(a.Server, uint16(findings.AskedDNS)), a.TimeNs) {
		return
	}
	r.desk.Report(&findings.Finding{
		Code: findings.OutsideResolver, TimeNs: a.TimeNs, Client: a.Client, Addr: a.Server, Name: string(a.Name),
		Evidence: findings.OutsideResolverEvidence{Protocol: findings.AskedDNS.String(), By: "answer"},
	})
}

func (r *reporter) nameAnswer(a *dnscache.Response) {
	var v findings.Verdict
	client := r.cache.Asker(a)
	shown := r.names.Answer(a, client, &v)
	for c := findings.NewDomain; shown != 0; c, shown = c+1, shown&^(1<<c) {
		if shown.Has(c) {
			r.tellAnswer(c, a, client, &v)
		}
	}
}

// tellAnswer tells what an answer shows.
func (r *reporter) tellAnswer(c findings.Code, a *dnscache.Response, client netip.Addr, v *findings.Verdict) {
	domain := v.Domain
	if domain == "" {
		domain = firstseen.Domain(string(a.Name))
	}
	subject := findings.NameSubject(r.desk, a.Name)
	switch c {
	case findings.NewDomain, findings.QueryBurst:
		subject = findings.NameSubject(r.desk, domain)
	default:
		client = netip.Addr{} // about the name, whoever asks
	}
	if !r.desk.Admit(c, client, subject, a.TimeNs) {
		return
	}
	f := &findings.Finding{Code: c, TimeNs: a.TimeNs, Client: a.Client, Addr: v.Addr, Name: string(a.Name), Domain: strings.Clone(domain)}
	f.Evidence = v.Evidence(c)
	r.desk.Report(f)
}

// flow looks at a decided flow of a joiner whose lookout is l.
func (r *reporter) flow(f *correlate.Flow, l *Lookout) {
	if r == nil {
		return
	}
	if r.resolvers != nil {
		r.outsideFlow(f, l)
	}
	if r.names != nil {
		r.nameFlow(f, l)
	}
	if r.reached != nil && l.clients != nil && r.reached.Unasked(f) {
		r.unaskedFlow(f, l)
	}
	if past := findings.Stale(f); past > 0 && r.desk.On(findings.StaleName) {
		r.staleFlow(f, past)
	}
}

// unaskedFlow is of a flow without a lookup of its client, which may ask where nobody
// sees it.
func (r *reporter) unaskedFlow(f *correlate.Flow, l *Lookout) {
	visible, how := l.clients.Established(f.Record.Src, f.StartNs)
	if !visible {
		return
	}
	f.Findings = append(f.Findings, r.desk.Text(findings.NoLookup))
	if r.desk.Admit(findings.NoLookup, f.Record.Src, r.desk.AddrSubject(f.Record.Dst, 0), f.StartNs) {
		r.desk.Report(findings.AtFlow(findings.NoLookup, f, r.reached.Evidence(f, how)))
	}
}

func (r *reporter) staleFlow(f *correlate.Flow, past time.Duration) {
	f.Findings = append(f.Findings, r.desk.Text(findings.StaleName))
	server, _, _ := f.Server()
	_, client, _ := f.Client()
	if r.desk.Admit(findings.StaleName, client, findings.NameSubject(r.desk, server.Candidates[0].Name), f.StartNs) {
		r.desk.Report(findings.AtFlow(findings.StaleName, f, findings.StaleEvidence(f, past)))
	}
}

// nameFlow marks a flow by what was found about its server's name.
func (r *reporter) nameFlow(f *correlate.Flow, l *Lookout) {
	server, _, _ := f.Server()
	if !server.Named {
		return
	}
	if server.YoungNs >= 0 {
		r.youngFlow(f, server)
	}
	shown := r.shownOf(l.known.of(server), f.StartNs)
	for c := findings.NameMoved; shown != 0 && c <= findings.ManyAddresses; c++ {
		if shown.Has(c) && r.desk.On(c) {
			f.Findings = append(f.Findings, r.desk.Text(c))
		}
	}
}

// youngFlow is of a flow to a young domain.
func (r *reporter) youngFlow(f *correlate.Flow, server *correlate.End) {
	_, client, _ := f.Client()
	if r.desk.On(findings.NewDomain) {
		f.Findings = append(f.Findings, r.desk.Text(findings.NewDomain))
		if r.desk.Admit(findings.NewDomain, client, findings.NameSubject(r.desk, server.Domain), f.StartNs) {
			r.desk.Report(findings.AtFlow(findings.NewDomain, f, r.names.FirstAsked(server.Domain, f.StartNs, server.YoungNs)))
		}
	}
	if r.desk.On(findings.QueryBurst) && r.names.Marked(r.names.ClientDomainKey(client, server.Domain), f.StartNs).Has(findings.QueryBurst) {
		f.Findings = append(f.Findings, r.desk.Text(findings.QueryBurst))
	}
}

// shownOf is what was found about a name before a flow.
func (r *reporter) shownOf(k *knownName, atNs int64) findings.Shown {
	if !r.names.AnyMarked() {
		return 0
	}
	if k.life == 0 {
		k.life = r.names.Key(k.name())
	}
	return r.names.Marked(k.life, atNs)
}

func (r *reporter) outsideFlow(f *correlate.Flow, l *Lookout) {
	asked := r.resolvers.Flow(f, f.Dst.Named && l.known.of(&f.Dst).doh)
	if asked == 0 {
		return
	}
	f.Findings = append(f.Findings, r.desk.Text(findings.OutsideResolver))
	if r.desk.Admit(findings.OutsideResolver, f.Record.Src, r.desk.AddrSubject(f.Record.Dst, uint16(asked)), f.StartNs) {
		r.desk.Report(findings.AtFlow(findings.OutsideResolver, f, r.resolvers.Evidence(f, asked)))
	}
}

// isDoH says whether a name is one of DNS over HTTPS; false where nobody asks.
func (r *reporter) isDoH(name string) bool {
	return r != nil && r.doh.Name(name)
}
