package logs

// formats is the table of all formats. Where two could take the same line, the
// stricter one stands first.
var formats = []*Format{
	&zeekFormat,
	&suricataFormat,
	&passiveDNSFormat,
	&cofFormat,
	&umbrellaFormat,
	&bindFormat,
	&unboundFormat,
	&coreDNSFormat,
	&dnsmasqFormat,
	&infobloxFormat,
	&adGuardFormat,
	&windowsAnalyticFormat,
	&windowsDebugFormat,
	&paloAlto,
	&paloAltoDNS,
	&fortiGate,
	&cloudflareGateway,
	&route53,
	&carbonBlackEDR,
	&carbonBlackCloud,
	&sysmon,
}
