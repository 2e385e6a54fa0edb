package logs

import "flowname/dnscache"

var cloudflareGateway = Format{
	Name:       "cloudflare-gateway",
	Title:      "Cloudflare Gateway DNS (Logpush, dataset gateway_dns)",
	Capability: Answers,
	Configure: "In Cloudflare Zero Trust, Logs > Logpush, add a job for the dataset Gateway DNS with the fields Datetime, SrcIP, " +
		"QueryName, QueryType, RCode and ResolvedIPs, as JSON; any form of the time.",
	Caveat: "SrcIP is the address that Cloudflare saw: behind NAT the site's, so that all of its clients share the evidence. " +
		"No TTL.",
	sniff: sniffObjects(cloudflareTable, func(l *jsonLine) bool {
		return l.value(cloudflareSrcIP) != nil && l.value(cloudflareName) != nil &&
			(l.value(cloudflareIPs) != nil || l.value(cloudflareDecision) != nil)
	}),
	open: func(cfg Config) Parser {
		p := &cloudflareParser{cfg: cfg, line: jsonLine{table: cloudflareTable}}
		p.response.Source = dnscache.SourceCloudflare
		return p
	},
}

const (
	cloudflareTime = iota
	cloudflareSrcIP
	cloudflareDstIP
	cloudflareName
	cloudflareType
	cloudflareTypeName
	cloudflareRCode
	cloudflareIPs
	cloudflareDecision
)

var cloudflareTable = newJSONTable(
	[]string{"Datetime"}, []string{"SrcIP"}, []string{"DstIP"}, []string{"QueryName"}, []string{"QueryType"},
	[]string{"QueryTypeName"}, []string{"RCode"}, []string{"ResolvedIPs"}, []string{"ResolverDecision"},
)

type cloudflareParser struct {
	cfg  Config
	line jsonLine
	answer
}

func (p *cloudflareParser) Line(line []byte, to *Sink) Reason {
	return p.line.readObjects(line, p, to)
}

func (p *cloudflareParser) Flush(*Sink) {}

func (p *cloudflareParser) object(to *Sink) Reason {
	l, r := &p.line, &p.response
	if l.value(cloudflareSrcIP) == nil && l.value(cloudflareName) == nil {
		return NotTheFormat
	}
	p.begin()
	var ok bool
	if r.TimeNs, ok = parseAnyTime(l.text(cloudflareTime), p.cfg.location()); !ok {
		return BadTime
	}
	if r.Client, ok = parseAddr(l.text(cloudflareSrcIP)); !ok {
		return BadClient
	}
	if !p.question(l.text(cloudflareName)) {
		return BadName
	}
	r.Server, _ = parseAddr(l.text(cloudflareDstIP))
	if r.Type = parseType(l.text(cloudflareType)); r.Type == 0 {
		r.Type = parseType(l.text(cloudflareTypeName))
	}
	if l.value(cloudflareRCode) != nil {
		if r.RCode, ok = parseRCode(l.text(cloudflareRCode)); !ok {
			return BadSyntax
		}
	}
	if l.value(cloudflareIPs) == nil {
		r.QuestionOnly = true // the job does not have the field
	}
	ips := l.value(cloudflareIPs).elements()
	for {
		ip, ok := ips.next()
		if !ok {
			return p.give(to)
		}
		addr, ok := parseAddr(l.textOf(ip))
		if !ok {
			return BadAddress
		}
		if namesAddresses(r.Type) {
			p.address(addr)
		}
	}
}
