package sflow

import (
	"errors"
	"fmt"
)

// What can be wrong with a datagram. Callers test with errors.Is; the error
// they get is an *Error that says where.
var (
	ErrVersion   = errors.New("not sFlow version 5")
	ErrTruncated = errors.New("cut short")
	ErrAddress   = errors.New("unknown type of address")
	ErrSample    = errors.New("sample runs over its datagram")
	ErrRecord    = errors.New("sample record runs over its sample")
	ErrTooMany   = errors.New("more flow samples than one datagram may hold")
)

// An Error says what was wrong and where in the datagram. It is the first fault
// of the datagram; the counters of Stats have them all.
type Error struct {
	Sample uint32 // the sample's format; 0 for faults outside of samples
	Record uint32 // the sample record's format; 0 for faults outside of those
	Offset int    // of the sample or sample record, in bytes from the datagram's start
	Err    error  // one of the package's sentinels
}

// Error formats e; it is the only place where text is made, so that a flood of
// bad datagrams costs one small allocation each.
func (e *Error) Error() string {
	return fmt.Sprintf("sflow: sample format %d, record format %d at byte %d: %v", e.Sample, e.Record, e.Offset, e.Err)
}

// Unwrap gives the sentinel.
func (e *Error) Unwrap() error { return e.Err }
