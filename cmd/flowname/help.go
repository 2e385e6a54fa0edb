package main

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// examples are printed at the end of a command's help.
var examples = map[string]string{
	"run": `Examples:
  flowname run --capture eth1 --asn GeoLite2-ASN.mmdb --out /var/log/flowname/flows.jsonl
      Watch DNS on eth1, receive NetFlow and IPFIX on UDP port 2055.
  flowname run --dnstap unix:/run/flowname/dnstap.sock --netflow 192.0.2.1:2055
      Take DNS from a resolver's dnstap, flows on one address.
  flowname run --dns-log /var/log/dnsmasq.log --dns-log zeek:/opt/zeek/logs/current --syslog 192.0.2.1:514
      Follow a resolver's log and Zeek's, through rotations; take firewalls' DNS logs by syslog.
  flowname run --netflow-tls :4740 --tls-cert c.pem --tls-key k.pem --tls-client-ca exporters.pem
      Take IPFIX by TLS too, from exporters whose certificates that authority has signed.
  flowname run --capture eth1 --resolver 10.0.0.53 --findings findings.jsonl
      Tell what is noteworthy, such as clients that ask other resolvers.
  flowname run --config /etc/flowname.yaml
      Every flag has its key: netflow, netflow-tcp, netflow-tls, sflow, dnstap, powerdns, dns-log, syslog, capture, dns, data, asn, geo, out, http, wait, ...

Signals: TERM and INT drain and end, a second one ends at once; HUP reopens --out and --findings and re-reads the databases, the
TLS files and the users.
`,
	"replay": `Examples:
  flowname replay --dns dns.pcap --flows netflow.pcap > flows.jsonl
      Name the flows of captured export packets by the DNS of another capture.
  flowname replay --dns unbound.dnstap --flows r1.pcap.gz --flows r2.pcap.zst --data ./history --out flows.jsonl
      Keep the history too, for 'flowname history'.
`,
	"history": `Examples:
  flowname history 104.16.9.7
      Every name this address was resolved by, by which client, when.
  flowname history 104.16.9.7 --client 10.1.2.3 --at 2026-11-23T17:00:00Z
      The name it had for this client then.
  flowname history '*.example.com' --from 2026-11-01 --format json
      Every address of the names beneath example.com since then.
  flowname history 104.16.9.7 --data ./flowname-data
      The same with no daemon running.

Times: RFC 3339, "2026-11-23 17:00:00" or "2026-11-23" in UTC, Unix seconds, or =-2h for two hours ago (--from=-2h).
`,
	"timeline": `Examples:
  flowname timeline c2.example
      Its phases in order: absent, null_routed, sinkholed, live ..., with addresses, networks and clients.
  flowname timeline 203.0.113.31
      Which names this address carried, for how many clients, when; and when they came back.
  flowname timeline c2.example --data ./flowname-data --sinkholes sinkholes.txt --asn GeoLite2-ASN.mmdb --from 2026-11-01
      The same with no daemon running.
  flowname timeline cdn.example --settle 1h --format json
      Addresses that take turns within the hour are one phase; an object a phase for programs.

Where clients are told different things at a time there is one phase with all of it. It ends with 0 also where nothing
is known. Times are as for 'flowname history'.
`,
	"first-seen": `Examples:
  flowname first-seen www.vendor.example
      When the name and its registrable domain were first seen in this network.
  flowname first-seen vendor.example --client 10.1.2.3
      When this client first saw the domain; --clients lists all of them.
  flowname first-seen --since=-24h
      The domains that are new since yesterday, the newest last.
  flowname first-seen '*.vendor.example' --format json --data ./flowname-data
      All names beneath it, with no daemon running.

Times are as for 'flowname history'. What was first seen in the warm-up may have been there before.
`,
	"hunt": `Examples:
  flowname hunt --iocs iocs.txt
      Who was answered for these names, or had these addresses; asks the running daemon.
  flowname hunt --iocs misp.json --iocs feed.rpz --logs 'flows-*.jsonl*' --data ./flowname-data --from 2026-11-01
      The flows that went there while it was current, too; no daemon running.
  flowname hunt --iocs stix.json.gz --logs flows.jsonl --format json --out found.jsonl
      The same for programs: per indicator a line of kind "indicator", then its "answer", "flows" and "shared" lines; at
      last one "summary".

A plain name of a list also means all beneath it; README says what names of other formats mean, and how flows belong to them.
It ends with 0 when all could be looked through, whatever was found. Times are as for 'flowname history'.
`,
	"clients": `Examples:
  flowname clients
      The 50 clients with most flows; asks the running daemon.
  flowname clients --status unseen,outside_resolver --sort unnamed
      Those whose DNS is not seen or goes elsewhere, most flows without a name of their own first.
  flowname clients 10.1.2.3
      Why the flows of this client have no names.
  flowname clients 10.1.0.0/16 -n 0 --data ./flowname-data --format json
      All clients of a network for programs; no daemon running.

Statuses: own, partial, outside_resolver, doh, behind_forwarder, unseen, few_flows, resolver; README says what each means and
what to do. The last line, on stderr or of kind "network", is all clients together. It ends with 0 whatever was found.
`,
	"top": `Examples:
  flowname top
      The 5,000 registrable domains that most clients have asked for today; asks the running daemon.
  flowname top --since yesterday
      What is new among them since yesterday, and what has gone.
  flowname top --by bytes --from 2026-11-01 --to 2026-11-30 -n 100 --format json
      The 100 domains that moved most bytes in November, for programs.
  flowname top --day 2026-11-23 --since 2026-11-16 --data ./flowname-data
      The same weekday a week before; no daemon running.

Days are in UTC, by the times of the evidence: 2026-11-23, today, yesterday. It ends with 0 whatever was found.
`,
	"backfill": `Examples:
  flowname backfill flows.jsonl.1.gz > flows-named.jsonl
      Ask the running daemon, whose evidence may have come hours after the flows.
  flowname backfill flows.jsonl --data ./flowname-data --out flows-named.jsonl
      The same with no daemon running.
  flowname backfill flows.jsonl --dns umbrella.csv.gz --dns dns.pcap > flows-named.jsonl
      Names by these files alone.

Of a line only the fields of names change, and only where the new name rests on nearer evidence.
`,
	"doctor": `Examples:
  flowname doctor
      What each exporter sends, how its clock and its templates are, what was lost
      and why; and what to change on the router.
  flowname doctor --server http://192.0.2.1:8470 --format json
      The same for programs: a line for the collector, then one for each exporter.

It ends with 0 when the daemon could be asked, whatever was found.
`,
	"check": `Examples:
  flowname check dns.pcap unbound.dnstap /var/log/fortigate.log.gz
      What each is, how much of it is used, and why the rest is not, with examples.
  flowname check --log-zone Europe/Berlin --forwarder 10.0.0.53 paloalto:threat.log
      The same with the zone of its times, a resolver that asks for others, and a format that is given.

It ends with 1 when nothing can be used of one of the files. Times and shares are those of the evidence.
`,
	"formats": `Examples:
  flowname formats
      Every kind of file and log that --dns takes, what it carries, what to configure at its source.
  flowname formats fortigate sysmon
      Only these.
`,
	"demo": `Example:
  flowname demo
`,
}

// helpWithExamples prints kong's help, then the command's examples.
func helpWithExamples(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	if node := ctx.Selected(); node != nil {
		if text := examples[node.Name]; text != "" {
			fmt.Fprintf(ctx.Stdout, "\n%s", text)
		}
	}
	return nil
}
