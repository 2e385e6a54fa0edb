package netflow

import "math"

// optionElements are those of samplers and of options data: what numbers in
// flows mean, and what an exporter tells of itself.
var optionElements = []element{
	// samplingInterval and samplerRandomInterval; algorithms and modes (35, 49,
	// 304) change nothing about the rate.
	{id: 34, number: func(d *draft, v uint64) { d.x.interval, d.x.hasRate = v, true }},
	{id: 50, number: func(d *draft, v uint64) { d.x.interval, d.x.hasRate = v, true }},
	{id: 48, number: func(d *draft, v uint64) { d.x.sampler, d.x.hasSampler = v, true }},
	{id: 302, number: func(d *draft, v uint64) { d.x.sampler, d.x.hasSampler = v, true }},
	{id: 305, number: func(d *draft, v uint64) { d.x.taken, d.x.hasRate = v, true }},
	{id: 306, number: func(d *draft, v uint64) { d.x.passed, d.x.hasPassed = v, true }},
	{id: 309, number: func(d *draft, v uint64) { d.x.sampleSize, d.x.hasRate = v, true }},
	{id: 310, number: func(d *draft, v uint64) { d.x.population = v }},
	{id: 311, text: true, octets: func(d *draft, b []byte) { d.x.probability, d.x.hasRate = float(b), true }},

	{id: 36, options: true, number: func(d *draft, v uint64) { d.x.told.ActiveTimeout = uint32(v) }},
	{id: 37, options: true, number: func(d *draft, v uint64) { d.x.told.IdleTimeout = uint32(v) }},
	{id: 40, options: true, number: func(d *draft, v uint64) { d.x.told.ExportedOctets = v }},
	{id: 41, options: true, number: func(d *draft, v uint64) { d.x.told.ExportedMessages = v }},
	{id: 42, options: true, number: func(d *draft, v uint64) { d.x.told.ExportedFlows = v }},
	{id: 164, options: true, number: func(d *draft, v uint64) { d.x.told.IgnoredPackets = v }},
	{id: 166, options: true, number: func(d *draft, v uint64) { d.x.told.NotSentFlows = v }},
	{id: 167, options: true, number: func(d *draft, v uint64) { d.x.told.NotSentPackets = v }},

	// Interfaces' names in flow records do not say of which interface.
	{id: 82, options: true, text: true, octets: func(d *draft, b []byte) { setText(&d.x.ifName, b) }},
	{id: 83, options: true, text: true, octets: func(d *draft, b []byte) { setText(&d.x.ifText, b) }},

	{id: 94, options: true, text: true, octets: func(d *draft, b []byte) { setText(&d.x.appText, b) }},
	{id: 95, text: true, octets: func(d *draft, b []byte) { d.x.appID = b }},
	{id: 96, text: true, octets: func(d *draft, b []byte) { setText(&d.x.app, b) }},

	{id: 234, number: func(d *draft, v uint64) { d.x.inVRF, d.x.hasInVRF = uint32(v), true }},
	{id: 235, number: func(d *draft, v uint64) { d.x.outVRF, d.x.hasOutVRF = uint32(v), true }},
	{id: 236, text: true, octets: func(d *draft, b []byte) { setText(&d.x.vrfName, b) }},
}

// float reads a float64, or the float32 it may be sent as (RFC 7011 section
// 6.2).
func float(b []byte) float64 {
	switch len(b) {
	case 4:
		return float64(math.Float32frombits(uint32(bigEndian(b))))
	case 8:
		return math.Float64frombits(bigEndian(b))
	}
	return 0
}
