// Package history is the question which names an address had, for whom and when, or
// where a name pointed: the command, its rows, and the daemon's answer.
package history
