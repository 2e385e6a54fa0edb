package logs

import (
	"net/netip"
	"time"

	"flowname/dnscache"
)

// The bounds of a join.
const (
	// A lookup names a connection that was made up to lookupBefore later: until
	// then a process uses what it was told. Events are written by two parts of
	// Sysmon, so that the lookup's time may be the later one by lookupAfter.
	lookupBefore = int64(10 * time.Minute)
	lookupAfter  = int64(10 * time.Second)
	// lookupNear is how near a lookup is so that no nearer one is waited for.
	lookupNear = int64(5 * time.Second)
	// A connection waits for its lookup until its host's clock is past this.
	heldFor = int64(time.Minute)

	maxHeld       = 1024 // connections that wait; when full all are given
	maxLookups    = 4096 // processes' addresses in each of two generations
	maxLookupKey  = 300  // host, process and address; longer ones are not joined
	maxNamesOfOne = 4    // names of one process's address, the newest
)

// A sysmonJoin puts the lookups and the connections of processes together,
// whichever is written first. Of several lookups the nearest in time is the
// connection's. The key is host, ProcessGuid and address.
type sysmonJoin struct {
	// Two generations: when the younger is full the older one is forgotten. What
	// is used moves to the younger.
	young, old map[string]*lookups
	held       map[string][]heldConnection // by host, in order of arrival
	waiting    int                         // in all of held
	key        []byte
}

// A lookup is a name that a process was given an address for, and when.
type lookup struct {
	name string
	atNs int64
}

// lookups are those of a process for one address, in order of arrival.
type lookups struct {
	list [maxNamesOfOne]lookup
	n    int
}

// add takes a lookup. The oldest one makes room.
func (l *lookups) add(name []byte, at int64) {
	if l.n > 0 && l.list[l.n-1].name == string(name) {
		l.list[l.n-1].atNs = at
		return
	}
	if l.n == len(l.list) {
		copy(l.list[:], l.list[1:])
		l.n--
	}
	l.list[l.n] = lookup{string(name), at}
	l.n++
}

// A heldConnection waits for its lookup. The texts of connection are its own.
type heldConnection struct {
	key        string
	connection dnscache.Connection
}

func newSysmonJoin() sysmonJoin {
	return sysmonJoin{young: map[string]*lookups{}, old: map[string]*lookups{}, held: map[string][]heldConnection{}}
}

// setKey sets key; false if the process is not known, or not to be joined.
func (j *sysmonJoin) setKey(host, guid []byte, addr netip.Addr) bool {
	if !isGUID(guid) || len(host)+len(guid) > maxLookupKey-18 {
		return false
	}
	a := addr.As16()
	j.key = append(append(append(append(append(j.key[:0], host...), 0), guid...), 0), a[:]...)
	return true
}

// isGUID says whether a ProcessGuid is a process's: all zeros is any that Sysmon
// does not know.
func isGUID(text []byte) bool {
	for _, c := range text {
		if c != '0' && c != '-' && c != '{' && c != '}' {
			return true
		}
	}
	return false
}

// remember takes a lookup, and gives the connections that waited for it.
func (j *sysmonJoin) remember(host, guid []byte, addr netip.Addr, name []byte, at int64, to *Sink) {
	if !j.setKey(host, guid, addr) {
		return
	}
	known := j.lookups()
	if known == nil {
		known = &lookups{}
		j.young[string(j.key)] = known
	}
	known.add(name, at)
	queue := j.held[string(host)]
	kept := queue[:0]
	for i := range queue {
		h := &queue[i]
		if h.key != string(j.key) || !near(h.connection.TimeNs, at) {
			kept = append(kept, *h)
			continue
		}
		h.connection.Name = name
		to.Connection(&h.connection)
	}
	if len(kept) < len(queue) {
		j.keep(string(host), queue, kept)
	}
}

// lookups are those of key, nil if there are none. They are in the younger
// generation afterwards.
func (j *sysmonJoin) lookups() *lookups {
	if known := j.young[string(j.key)]; known != nil {
		return known
	}
	if len(j.young) >= maxLookups {
		j.old, j.young = j.young, j.old
		clear(j.young)
	}
	known := j.old[string(j.key)]
	if known != nil {
		key := string(j.key)
		delete(j.old, key)
		j.young[key] = known
	}
	return known
}

func near(connected, asked int64) bool {
	return asked <= connected+lookupNear && asked >= connected-lookupNear
}

// nearest is the name of the lookup that is nearest to a connection; of two the
// one before it. Empty if none is near enough.
func (l *lookups) nearest(connected int64) (name string, atNs int64) {
	if l == nil {
		return "", 0
	}
	best := int64(-1)
	for i := range l.list[:l.n] {
		distance := connected - l.list[i].atNs
		if distance > lookupBefore || -distance > lookupAfter {
			continue
		}
		late := distance < 0
		if late {
			distance = -distance
		}
		if best < 0 || distance < best || distance == best && !late {
			best, name, atNs = distance, l.list[i].name, l.list[i].atNs
		}
	}
	return name, atNs
}

// connected takes a connection: gives it if its lookup is known, else holds it.
func (j *sysmonJoin) connected(guid []byte, c *dnscache.Connection, to *Sink) {
	if c.Inbound || !j.setKey(c.Process.Host, guid, c.Server) {
		to.Connection(c)
		return
	}
	if name, at := j.lookups().nearest(c.TimeNs); name != "" && near(c.TimeNs, at) {
		j.give(c, name, to)
		return
	}
	if j.waiting == maxHeld {
		j.releaseAll(to)
	}
	own := *c
	own.Process.Path = append([]byte(nil), c.Process.Path...)
	own.Process.Host = append([]byte(nil), c.Process.Host...)
	host := string(c.Process.Host)
	j.held[host] = append(j.held[host], heldConnection{string(j.key), own})
	j.waiting++
}

func (j *sysmonJoin) give(c *dnscache.Connection, name string, to *Sink) {
	j.key = append(j.key[:0], name...)
	if c.Name = nil; name != "" {
		c.Name = j.key
	}
	to.Connection(c)
}

// advance gives the connections of a host that have waited long enough now that
// it has an event of this time.
func (j *sysmonJoin) advance(host []byte, now int64, to *Sink) {
	queue := j.held[string(host)]
	kept := queue[:0]
	for i := range queue {
		if h := &queue[i]; h.connection.TimeNs < now-heldFor {
			j.release(h, to)
		} else {
			kept = append(kept, *h)
		}
	}
	if len(kept) < len(queue) {
		j.keep(string(host), queue, kept)
	}
}

// release gives a connection with the best name that is known now.
func (j *sysmonJoin) release(h *heldConnection, to *Sink) {
	j.key = append(j.key[:0], h.key...)
	name, _ := j.lookups().nearest(h.connection.TimeNs)
	j.give(&h.connection, name, to)
}

// keep puts what is left of a host's queue back, which is less than it was.
func (j *sysmonJoin) keep(host string, queue, kept []heldConnection) {
	j.waiting -= len(queue) - len(kept)
	clear(queue[len(kept):])
	if len(kept) > 0 {
		j.held[host] = kept
	} else {
		delete(j.held, host)
	}
}

// releaseAll gives all connections, host by host.
func (j *sysmonJoin) releaseAll(to *Sink) {
	for _, host := range sortedKeys(j.held) {
		for i := range j.held[host] {
			j.release(&j.held[host][i], to)
		}
	}
	clear(j.held)
	j.waiting = 0
}
