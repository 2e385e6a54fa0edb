// Package timeline is the question what became of a name over time, phase by phase,
// or which names an address carried: the command, its rows, and the daemon's
// answer. What a phase is, is the matter of correlate/timeline.
package timeline
