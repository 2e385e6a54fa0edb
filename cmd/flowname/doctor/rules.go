package doctor

import (
	"fmt"
	"math"
	"slices"
	"time"

	"flowname/cmd/flowname/ledger"
	"flowname/cmd/flowname/table"
)

// A finding is something that the doctor has to say.
type finding struct {
	Code      string  `json:"code"`
	Measured  float64 `json:"measured"`
	Threshold float64 `json:"threshold"`
	Unit      string  `json:"unit"`
	Text      string  `json:"text"`
}

// A rule makes a finding of rows: where measure gives a value over the
// threshold, say with the value and the threshold as texts is the sentence.
// Sentences say what is seen, then what to do.
type rule[T any] struct {
	code      string
	unit      string
	threshold float64
	measure   func(*T) (value float64, known bool)
	say       string // %[1]s is the value, %[2]s the threshold
}

// applied is what rules find.
func applied[T any](rules []rule[T], row *T) []finding {
	var found []finding
	for _, r := range rules {
		v, known := r.measure(row)
		if !known || v <= r.threshold {
			continue
		}
		found = append(found, finding{
			Code: r.code, Measured: v, Threshold: r.threshold, Unit: r.unit,
			Text: fmt.Sprintf(r.say+"%.0[1]s%.0[2]s", amount(v, r.unit), amount(r.threshold, r.unit)),
		})
	}
	return found
}

// amount writes a value with its unit for people.
func amount(v float64, unit string) string {
	switch unit {
	case "s":
		if v >= 2*86400 {
			return fmt.Sprintf("%.4g days", v/86400)
		}
		return time.Duration(v * 1e9).Round(time.Millisecond).String()
	case "%":
		return fmt.Sprintf("%.3g %%", v)
	case "":
		return table.Grouped(uint64(v))
	}
	return fmt.Sprintf("%.4g %s", v, unit)
}

// What to change on routers, in their own words.
const (
	setClock = "Set it by NTP (Cisco \"ntp server ADDRESS\"; Junos \"set system ntp server ADDRESS\"; RouterOS \"/system ntp client set enabled=yes servers=ADDRESS\"): " +
		"names are found by the time at which a flow began."
	sendTemplates = "Let it send its templates every minute (Cisco, in the flow exporter: \"template data timeout 60\"; " +
		"Junos, in the template: \"template-refresh-rate seconds 60\"; RouterOS, at the target: \"v9-template-timeout=1m\")"
	sendSampling = "If it samples, let it say so (Cisco, in the flow exporter: \"option sampler-table\"; " +
		"Junos, in the template: \"option-refresh-rate seconds 60\"; others: samplingInterval in the template); if it does not, all is well."
	setFlowTimes = "Its flow times are in a wrong time zone or by another clock: let it export them as UTC or by system uptime. " +
		"Where all exporters show this, the clock of the DNS source is wrong: set that by NTP."
)

// exporterRules are for each exporter and domain.
var exporterRules = []rule[ledger.Exporter]{
	{"not_allowed", "", 0, func(e *ledger.Exporter) (float64, bool) { return refusedOf(e, "not_allowed"), true },
		"%[1]s of its messages were refused: it is not in --exporter. Add it there, or stop it from exporting to here."},
	{"bad_version", "", 0, func(e *ledger.Exporter) (float64, bool) { return refusedOf(e, "bad_version"), true },
		"%[1]s of its messages are neither NetFlow v5, v9 nor IPFIX. Let it export one of these to this port, or stop it."},
	{"silent", "s", 300, func(e *ledger.Exporter) (float64, bool) { return e.SilentS, e.Flows > 0 },
		"Nothing has come from it for %[1]s (more than %[2]s). Check that it runs, that it exports to this collector, and the way between."},
	{"no_template", "", 0, func(e *ledger.Exporter) (float64, bool) { return withoutTemplate(e), e.Templates == 0 },
		"%[1]s data sets came and no template to read them by. " + sendTemplates + ". Until one comes its data waits, for at most 40 minutes, and is read then."},
	{"template_missing", "", 0, func(e *ledger.Exporter) (float64, bool) { return lostWaiting(e), e.Templates > 0 },
		"%[1]s data sets were given up because their templates did not come in time. " + sendTemplates + "."},
	{"template_refresh", "s", 600, func(e *ledger.Exporter) (float64, bool) { return known(e.TemplateRefreshS) },
		"It repeats its templates only every %[1]s (more than %[2]s). After a loss its data can not be read until the next. " + sendTemplates + "."},
	{"template_once", "s", 1800, func(e *ledger.Exporter) (float64, bool) {
		return lifeS(e), e.Templates > 0 && e.TemplateRefreshS == nil
	},
		"In %[1]s it has sent each template once only. After a loss its data can not be read until the next. " + sendTemplates + "."},
	{"wrong_clock_behind", "s", 5, func(e *ledger.Exporter) (float64, bool) { v, ok := known(e.ClockOffsetMs); return v / 1000, ok },
		"Its clock is %[1]s behind the collector's (more than %[2]s). " + setClock},
	{"wrong_clock_ahead", "s", 5, func(e *ledger.Exporter) (float64, bool) { v, ok := known(e.ClockOffsetMs); return -v / 1000, ok },
		"Its clock is %[1]s ahead of the collector's (more than %[2]s). " + setClock},
	{"flow_times_behind", "s", 2, func(e *ledger.Exporter) (float64, bool) {
		v, ok := known(e.NamesOffsetMs)
		return v / 1000, ok && headersAreRight(e)
	},
		"Its flows begin %[1]s before the answers that name them (more than %[2]s), though the times of its messages are right. " + setFlowTimes},
	{"flow_times_ahead", "s", 2, func(e *ledger.Exporter) (float64, bool) {
		v, ok := known(e.NamesOffsetMs)
		return -v / 1000, ok && headersAreRight(e)
	},
		"Its flows begin %[1]s after the answers that name them (more than %[2]s), though the times of its messages are right. " + setFlowTimes},
	{"clock_drift", "ppm", 100, func(e *ledger.Exporter) (float64, bool) { v, ok := known(e.ClockDriftPPM); return math.Abs(v), ok },
		"Its clock runs away from the collector's by %[1]s (more than %[2]s, which is 9 seconds a day). " + setClock},
	{"coarse_times", "s", 0.999, func(e *ledger.Exporter) (float64, bool) {
		return e.StartErrorMs / 1000, e.Flows > 0 && e.Messages >= 100
	},
		"The start of its flows is known to %[1]s only (%[2]s or less is wanted). Let it export times in milliseconds: elements 152 and 153 (Cisco, in the flow record: \"collect timestamp absolute first\" and \"last\"), or IPFIX in place of v5 and v9."},
	{"no_sampling", "", 999, func(e *ledger.Exporter) (float64, bool) {
		return float64(e.Flows), e.SamplingRate == 0 && !e.SamplingSeveral
	}, "Nothing in its %[1]s flows or options data says a sampling rate. " + sendSampling},
	{"sampling_several", "", 0, func(e *ledger.Exporter) (float64, bool) { return 1, e.SamplingSeveral },
		"It tells of samplers with different rates: none of them is known to be that of a flow. Export the sampler's id or rate with each flow."},
	{"loss_on_the_way", "%", 0.1, lossPercent,
		"%[1]s of what it sent was lost on the way (more than %[2]s), by its sequence numbers. Where the collector says above that its kernel dropped datagrams, that is the cause: begin there. Else look at the interfaces between and at the exporter's own queue (Cisco \"show flow exporter statistics\"; Junos \"show services accounting errors\")."},
	{"counts_wrongly", "", 0, func(e *ledger.Exporter) (float64, bool) { return 1, e.CountsDecided && !e.CountsRight && followed(e) },
		"Its sequence numbers do not count what its protocol says; \"numbers\" above tells what they do count, and loss is measured by that. Nothing has to be done; a newer firmware may be right."},
	{"counts_nothing", "", 0, func(e *ledger.Exporter) (float64, bool) { return 1, e.CountsDecided && !followed(e) },
		"Its sequence numbers can not be followed: they stand still or change by chance. Loss on the way can not be seen; a newer firmware may be right."},
	{"malformed", "%", 0.1, malformedPercent,
		"%[1]s of its bytes can not be read (more than %[2]s). Look at \"refused\" for what is wrong; a newer firmware, or a lower MTU of its exports, may help."},
	{"restarts", "", 3, func(e *ledger.Exporter) (float64, bool) { return float64(e.Restarts), true },
		"It has started anew %[1]s times (more than %[2]s): its uptime fell or its numbers began again. Look into its log for why (Cisco \"show version\"; Junos \"show chassis routing-engine\"; RouterOS \"/log print\")."},
	{"said_not_sent", "", 0, func(e *ledger.Exporter) (float64, bool) {
		if e.Said == nil {
			return 0, false
		}
		return float64(e.Said.NotSentFlows + e.Said.NotSentPackets), true
	}, "It says itself that it could not send flows: %[1]s of flows and packets. Raise its flow cache or export rate limit, or sample more."},
	{"said_ignored", "", 0, func(e *ledger.Exporter) (float64, bool) {
		if e.Said == nil {
			return 0, false
		}
		return float64(e.Said.IgnoredPackets), true
	}, "It says itself that it did not meter %[1]s packets. Raise its flow cache, or sample more."},
}

// collectorRules are for the collector as a whole.
var collectorRules = []rule[ledger.Collector]{
	{"kernel_drops", "", 0, func(c *ledger.Collector) (float64, bool) { return float64(c.KernelDrops), true },
		"The kernel dropped %[1]s datagrams because the receive buffer was full. Raise it (sysctl net.core.rmem_max, --receive-buffer), or give the collector more --sockets and processors."},
	{"sflow_kernel_drops", "", 0, func(c *ledger.Collector) (float64, bool) { return float64(c.SampleKernelDrops), true },
		"The kernel dropped %[1]s datagrams of sFlow because the receive buffer was full. Raise it (sysctl net.core.rmem_max, --receive-buffer), or give the collector more --sockets and processors."},
	{"sflow_not_allowed", "", 0, func(c *ledger.Collector) (float64, bool) { return float64(c.SamplesNotAllowed.Count), true },
		"%[1]s of sFlow's datagrams were refused: who sent them is not in --exporter. Add those that are yours; tcpdump shows who they are."},
	{"sflow_forgotten", "", 0, func(c *ledger.Collector) (float64, bool) { return float64(c.SamplesForgotten.Count), true },
		"Agents with %[1]s datagrams of sFlow were forgotten to make room for others: there are more than the collector keeps. If these are not yours, name yours with --exporter."},
	{"small_buffer", "", 0, func(c *ledger.Collector) (float64, bool) { return 1, c.BufferWarning != "" },
		"The receive buffer is smaller than wanted: raise sysctl net.core.rmem_max; bursts beyond the buffer are lost."},
	{"lost_lines", "", 0, func(c *ledger.Collector) (float64, bool) { return float64(c.LostLines), true },
		"%[1]s flows could not be written to the output. Look at the collector's log, and for room on the disk."},
	{"forgotten", "", 0, func(c *ledger.Collector) (float64, bool) { return float64(c.Forgotten.Messages), true },
		"Exporters with %[1]s messages were forgotten to make room for others: there are more than the collector keeps. If these are not yours, name yours with --exporter."},
	{"waiting_room_full", "", 0, func(c *ledger.Collector) (float64, bool) {
		return float64(c.Account.Refused["waiting_room_full"].Count), true
	}, "%[1]s data sets had no room to wait for their templates. They are of the exporters below with \"refused waiting_room_full\": each of these should send its templates every minute."},
	{"connections_not_allowed", "", 0, func(c *ledger.Collector) (float64, bool) { return connectionsRefused(c, "not_allowed"), true },
		"%[1]s connections were refused: who made them is not in --exporter. The log names them; add those that are yours."},
	{"connections_too_many", "", 0, func(c *ledger.Collector) (float64, bool) {
		return connectionsRefused(c, "too_many", "too_many_of_address"), true
	}, "%[1]s connections were refused because too many stand (256 in all, 32 of one address). The log names who made them; stop who leaves connections open, and let only exporters connect (--exporter)."},
	{"connections_certificate", "", 0, func(c *ledger.Collector) (float64, bool) { return connectionsRefused(c, "certificate"), true },
		"%[1]s connections showed no certificate of the authority in --tls-client-ca, or one that is over. The log names them; renew the exporter's certificate, or add its authority to the file and send the daemon SIGHUP."},
	{"connections_no_tls", "", 0, func(c *ledger.Collector) (float64, bool) { return connectionsRefused(c, "no_tls"), true },
		"%[1]s connections to --netflow-tls did not agree on TLS 1.2 or newer within 10 seconds. The log names them and says why; an exporter that speaks plain TCP belongs to --netflow-tcp."},
	{"connections_broke", "", 0, func(c *ledger.Collector) (float64, bool) {
		return connectionsRefused(c, "bad_version", "bad_length", "slow", "silent", "cut_short", "broken"), true
	}, "%[1]s connections ended in another way than by the exporter between two messages. The log names them and says why."},
}

// connectionsRefused adds up reasons.
func connectionsRefused(c *ledger.Collector, reasons ...string) float64 {
	var sum uint64
	for _, why := range reasons {
		sum += c.RefusedConnections[why]
	}
	return float64(sum)
}

func known(v *float64) (float64, bool) {
	if v == nil {
		return 0, false
	}
	return *v, true
}

// headersAreRight tells whether the times of its messages are.
func headersAreRight(e *ledger.Exporter) bool {
	off, ok := known(e.ClockOffsetMs)
	return ok && math.Abs(off) < 5000
}

func refusedOf(e *ledger.Exporter, why string) float64 { return float64(e.Refused[why].Count) }

// lostWaiting are the data sets that were given up for want of a template.
func lostWaiting(e *ledger.Exporter) float64 {
	return refusedOf(e, "template_missing") + refusedOf(e, "waiting_room_full")
}

func withoutTemplate(e *ledger.Exporter) float64 { return float64(e.Waiting.Count) + lostWaiting(e) }

func lifeS(e *ledger.Exporter) float64 { return e.LastSeen.Sub(e.FirstSeen).Seconds() }

// followed tells whether loss can be seen in its sequence numbers.
func followed(e *ledger.Exporter) bool { return e.Counts != "nothing" && e.Counts != "by chance" }

// lossPercent is what was lost of all that was sent, in what is counted.
func lossPercent(e *ledger.Exporter) (float64, bool) {
	came := e.DataRecords
	switch e.Counts {
	case "messages":
		came = e.Messages
	case "data records", "data and template records":
		came += e.OptionsRecords
	}
	return 100 * float64(e.Lost) / float64(max(e.Lost+came, 1)), followed(e)
}

// malformed are the reasons that speak of a wrong message.
var malformed = []string{"cut_short", "bad_set", "reserved_set", "bad_template", "bad_record", "too_many_records"}

func malformedPercent(e *ledger.Exporter) (float64, bool) {
	var bytes uint64
	for why, t := range e.Refused {
		if slices.Contains(malformed, why) {
			bytes += t.Bytes
		}
	}
	return 100 * float64(bytes) / float64(max(e.Bytes, 1)), true
}
