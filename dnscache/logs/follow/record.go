package follow

import (
	"bytes"
	"time"

	"flowname/dnscache/logs"
)

// A place is where a content lies.
type place struct {
	path   string
	id     identity
	size   int64 // as it lies there, packed or not
	modNs  int64 // when it was last written
	packed bool
}

// A record is what is known of one content.
type record struct {
	place
	head, tail print
	offset     int64 // in the content: all lines before it are counted
	format     *logs.Format
	parked     []byte // the parser's state while there is no reader
	// finished contents were read to their end; they are still known again.
	finished bool
	// skip is for what was there before PATH was followed, or is in no known
	// format: nothing of it is read.
	skip bool

	here    bool      // the last scan saw it in its place
	checked bool      // this process has compared it with its prints
	current bool      // it was in PATH, in the last scan that saw it
	grewAt  time.Time // when it was last seen to grow, or to be there at all
	movedAt time.Time // when it was first seen to be out of PATH, or nowhere
	told    bool      // format is that of this content, not to be told again
	tried   bool      // a window was of no known format
	missed  int       // scans in a row that did not see it
	ended   bool      // src was read to its end
	torn    bool      // it is packed and ends too early; set until it changes

	src     *opened // nil: not open now
	usedAt  uint64  // turn in which src was last read
	reader  *logs.Reader
	readRef int64 // the reader's ReferenceNs

	headRaw []byte // the first bytes, as long as head is not complete
	tailRaw []byte // the last bytes before offset, as far as this process read them
	partial []byte // of the line that begins at offset, at most logs.MaxLine+1
	held    int64  // how long that part of the line is
}

// advance moves the offset over bytes whose lines are counted.
func (r *record) advance(b []byte) {
	if len(b) == 0 {
		return
	}
	if r.head.n < headLen && int64(len(r.headRaw)) == r.offset {
		r.headRaw = append(r.headRaw, b[:min(len(b), headLen-len(r.headRaw))]...)
		r.head = printOf(r.headRaw)
	}
	r.offset += int64(len(b))
	r.tailRaw = lastOf(r.tailRaw, b)
	r.tail = printOf(r.tailRaw)
}

// advanceHeld moves the offset over what is held of a line.
func (r *record) advanceHeld() {
	cut := r.held - int64(len(r.partial))
	r.advance(r.partial)
	if cut > 0 {
		// What was cut off is not known any more: the tail begins anew.
		r.offset += cut
		r.tailRaw, r.tail = r.tailRaw[:0], print{}
	}
	r.release()
}

// hold keeps the beginning of a line whose end is still to come.
func (r *record) hold(b []byte) {
	r.held += int64(len(b))
	r.partial = append(r.partial, b[:min(len(b), logs.MaxLine+1-len(r.partial))]...)
}

// release drops what was held of a line.
func (r *record) release() {
	r.partial, r.held = r.partial[:0], 0
	if cap(r.partial) > 64<<10 {
		r.partial = nil
	}
}

// close closes the file; what was held of an incomplete line is read again.
func (r *record) close() {
	if r.src != nil {
		r.src.close()
		r.src = nil
	}
	r.ended = false
	r.release()
}

// unchanged says whether what was read before still stands in the file. It is asked
// when more was read: what was truncated before that, and written anew, shows.
func (r *record) unchanged() bool {
	if r.packed {
		return true
	}
	partial := r.partial[:min(len(r.partial), tailLen)]
	before := r.src.again(r.offset-int64(len(r.tailRaw)), len(r.tailRaw)+len(partial))
	return bytes.HasPrefix(before, r.tailRaw) && bytes.HasSuffix(before, partial)
}

// due says whether there may be something to read.
func (r *record) due() bool {
	return !r.skip && !r.torn && (r.packed || r.src != nil || r.place.size > r.offset+r.held)
}

// read says whether all that is known to be there was read.
func (r *record) read() bool {
	if r.here && !r.packed {
		return r.offset+r.held >= r.size
	}
	return r.ended
}

// behind is how much of the file is still to be read, packed where it is packed.
func (r *record) behind() int64 {
	switch {
	case r.finished || r.skip:
		return 0
	case r.packed:
		return r.size
	}
	return max(0, r.size-r.offset)
}
