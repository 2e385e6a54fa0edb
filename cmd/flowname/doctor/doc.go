// Package doctor is the command that reads a daemon's ledger and says what its
// exporters send, what is lost, and what to change.
//
// What it says comes from tables of rules: a measure of a row, a threshold, and a
// sentence of what is seen and what to do.
package doctor
