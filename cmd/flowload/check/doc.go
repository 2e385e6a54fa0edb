// Package check verifies a collector's output against the world that its flows
// are of: each line's addresses, times, name, evidence or reason, and places; and
// that each flow came once.
//
// The lines are read by a scanner of their own, not by what wrote them. It takes
// one object a line, whose values may be nested, and does not unescape: nothing
// in a world needs it. What a line says beyond what is checked is not looked at.
//
// A Checker keeps a bit a flow. It belongs to one goroutine. It is as slow as a
// microsecond a line, without allocation where the line is right.
package check
