package netflow

import (
	"errors"
	"fmt"
)

// What can be wrong with a message. Callers test with errors.Is; the error
// they get is an *Error that says where.
var (
	ErrExporter        = errors.New("exporter is not allowed")
	ErrVersion         = errors.New("neither NetFlow v5, v9 nor IPFIX")
	ErrTruncated       = errors.New("cut short")
	ErrSet             = errors.New("set length out of bounds")
	ErrTemplate        = errors.New("unusable template")
	ErrUnknownTemplate = errors.New("no template for data set")
	ErrRecord          = errors.New("data record runs over its set")
	ErrTooMany         = errors.New("more records than one message may hold")

	// ErrState is the error of Restore, with what is wrong.
	ErrState = errors.New("not a saved state of exporters, or damaged")
)

// An Error says what was wrong and where in the message. It is the first fault
// of the message; the counters of Stats have them all.
type Error struct {
	Version uint16 // 5, 9, 10, or what the first two bytes said
	Domain  uint32 // observation domain, source id, engine; 0 before it is known
	Set     uint16 // set id; 0 for faults outside of sets
	Offset  int    // of the set or record, in bytes from the message's start
	Err     error  // one of the package's sentinels
}

// Error formats e; it is the only place where text is made, so that a flood of
// bad messages costs one small allocation each.
func (e *Error) Error() string {
	return fmt.Sprintf("netflow: version %d, domain %d, set %d at byte %d: %v",
		e.Version, e.Domain, e.Set, e.Offset, e.Err)
}

// Unwrap gives the sentinel.
func (e *Error) Unwrap() error { return e.Err }
