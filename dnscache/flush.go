package dnscache

import (
	"errors"
	"fmt"
	"time"
)

// Flush writes what is pending. When it returns nil, everything filed before
// the call survives a kill of the process: called every half second, a crash
// costs less than a second. What could not be written stays pending.
//
// nowNs is the time of filing for what carries none of its own.
func (c *Cache) Flush(nowNs int64) error {
	if c.store == nil {
		return nil
	}
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.noteFiled(nowNs)
	c.store.version = max(c.store.version+1, uint64(max(nowNs, 0)))
	w := writer{
		cache: c, keep: uint32(c.retentionNs / int64(time.Second)), now: toSeconds(nowNs),
	}
	for i := range c.shards {
		w.shard(&c.shards[i])
		w.send(sentTogether)
	}
	for i := range c.outcomes.shards {
		w.outcomes(&c.outcomes.shards[i])
		w.send(sentTogether)
	}
	for i := range c.clients.shards {
		w.clients(&c.clients.shards[i])
	}
	st := state{began: c.beganNs.Load(), newest: c.newest.Load(), clock: c.clock.now.Load()}
	if st != c.saved || len(w.entries) > 0 || w.sentEntries > 0 {
		w.put([]byte{kindState}, st.value(), 0, 0)
	}
	w.send(0)
	err := w.err
	for i := range c.shards {
		c.landed(&c.shards[i], err == nil)
	}
	for i := range c.outcomes.shards {
		c.outcomesLanded(&c.outcomes.shards[i], err == nil)
	}
	for i := range c.clients.shards {
		w.clientsLanded(&c.clients.shards[i], err == nil)
	}
	if err != nil {
		c.count.writeErrors.Add(1)
		return fmt.Errorf("dnscache: write the history: %w", err)
	}
	c.saved = st
	c.count.written.Add(w.sentEntries)
	return nil
}

// Maintain lets Badger give back, beside the rest, the disk space of what was
// overwritten and what has expired by nowNs. It may take seconds and is called each
// minute or so.
func (c *Cache) Maintain(nowNs int64) {
	if c.store == nil {
		return
	}
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.store.version = max(c.store.version, uint64(max(nowNs, 0)))
	c.store.maintain()
}

// writer makes entries of pending versions.
type writer struct {
	cache   *Cache
	keep    uint32 // retention in seconds
	now     uint32 // Unix seconds
	entries []entry
	err     error

	sentEntries uint64

	arena []byte
	queue []writing
	sent  [][]uint32 // clients in flight, by shard
}

// writing is a version on its way: everything copied, so that no lock is held
// while Badger is asked.
type writing struct {
	key, name []byte // name is the key in the name index; nil: it need not be written
	run       run
	filed     uint32
	check     bool
}

// nameSlack is how much longer than the evidence, in seconds, an entry of the
// name index lives: it is written again once an hour of event time at
// most, so it must outlive the runs that came meanwhile.
const nameSlack = 7 * 24 * 3600

// nameRefresh is a span of event time, in nanoseconds: the first run of a name in
// each writes the name's index entry, the rest rely on it.
const nameRefresh = int64(time.Hour)

// hourOf is a time's span, but for its upper bits. An entry of the name index
// has it in Badger's byte for users: a start finds by it what was current.
func hourOf(at int64) byte { return byte(at / nameRefresh) }

// shard copies what is dirty under the lock and writes it outside.
func (w *writer) shard(s *shard) {
	s.mu.Lock()
	w.queue = w.queue[:0]
	for _, p := range s.dirty {
		w.copy(s, p)
	}
	s.inFlight = append(s.inFlight, s.dirty...)
	w.cache.pending.Add(-int64(len(s.dirty)))
	s.dirty = s.dirty[:0]
	s.mu.Unlock()
	for i := range w.queue {
		w.write(&w.queue[i])
	}
}

func (w *writer) copy(s *shard, p pending) {
	v := s.versions.at(p.version)
	v.bits = v.bits&^dirtyMark | flightMark
	name := w.cache.names.get(v.name)
	q := writing{filed: p.filed, check: v.bits&checkMark != 0}
	q.run = run{
		first: v.first, last: v.last(), count: uint64(v.count), ttl: v.ttl(), source: v.source(),
		canon: []byte(w.cache.names.get(v.canon)),
	}
	if p.others {
		a := s.addresses.at(p.owner)
		q.key = w.key(func(b []byte) []byte {
			return appendRun(appendPrefix(b, ip{}, a.key, true), name, v.first)
		})
		w.queue = append(w.queue, q)
		return
	}
	e := s.pairs.at(p.owner)
	addr := s.addresses.at(e.addr).key
	q.key = w.key(func(b []byte) []byte {
		return appendRun(appendPrefix(b, e.client, addr, false), name, v.first)
	})
	if v.bits&newMark != 0 && !addr.isConnection() && s.nameIsNew(v) {
		q.name = w.key(func(b []byte) []byte { return appendNameKey(b, name, e.client, addr) })
	}
	w.queue = append(w.queue, q)
}

// nameIsNew says whether the name index has to be told of a run: unless the
// chain has an older one of that name in the same hour.
func (s *shard) nameIsNew(v *version) bool {
	for i := v.next; i != 0; {
		o := s.versions.at(i)
		if o.first/nameRefresh != v.first/nameRefresh {
			return true
		}
		if o.name == v.name {
			return false
		}
		i = o.next
	}
	return true
}

// key makes a key in memory that lasts as long as the batch.
func (w *writer) key(appendTo func([]byte) []byte) []byte {
	if cap(w.arena)-len(w.arena) < 2*maxName+64 {
		w.arena = make([]byte, 0, 64<<10)
	}
	start := len(w.arena)
	w.arena = appendTo(w.arena)
	return w.arena[start:len(w.arena):len(w.arena)]
}

// write makes the entries of a run, joined with what the store may have had of
// it: the same evidence, filed again, must not make it less.
func (w *writer) write(q *writing) {
	if q.check {
		old := run{first: q.run.first}
		found, err := w.cache.store.get(q.key, func(b []byte) error {
			err := old.readValue(b)
			old.canon = append([]byte(nil), old.canon...)
			return err
		})
		switch {
		case err != nil && !errors.Is(err, errRecord):
			w.fail(err)
			return
		case found && err == nil && old.last >= q.run.last:
			old.count = max(old.count, q.run.count)
			q.run = old
		case found && err == nil:
			q.run.count = max(q.run.count, old.count)
		}
	}
	value := w.key(func(b []byte) []byte { return appendValue(b, &q.run) })
	w.put(q.key, value, q.filed, w.keep)
	if q.name != nil {
		e := entry{key: q.name, filed: q.filed, lives: w.keep + nameSlack, hour: hourOf(q.run.first)}
		w.entries = append(w.entries, e)
	}
}

func (w *writer) put(key, value []byte, filed, lives uint32) {
	w.entries = append(w.entries, entry{key: key, value: value, filed: filed, lives: lives})
}

// sentTogether is how many entries are sorted and written at a time: far more than a
// flush has mostly, few enough not to take much memory after a disk that hung.
const sentTogether = 1 << 17

// send writes the entries, if there are as many.
func (w *writer) send(least int) {
	if len(w.entries) < least {
		return
	}
	if w.err == nil {
		w.fail(w.cache.store.write(w.entries))
	}
	w.sentEntries += uint64(len(w.entries))
	w.entries, w.arena = w.entries[:0], nil
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// clients writes the clients that are new, or were not heard of for long.
func (w *writer) clients(s *clientShard) {
	type seen struct {
		key   []byte
		filed uint32
	}
	s.mu.RLock()
	list := make([]seen, 0, len(s.dirty))
	sent := append([]uint32(nil), s.dirty...)
	for _, i := range s.dirty {
		e := s.entries.at(i)
		filed := e.written
		if filed <= 1 { // seen before anything told the time
			filed = w.now
		}
		list = append(list, seen{appendClientKey(nil, e.key), filed})
	}
	s.mu.RUnlock()
	w.sent = append(w.sent, sent)
	for _, x := range list {
		w.put(x.key, nil, x.filed, w.keep+2*clientRefresh)
	}
}

// clientsLanded takes those that were written off the list. They are the first
// of it: what came meanwhile is behind them.
func (w *writer) clientsLanded(s *clientShard, ok bool) {
	sent := w.sent[0]
	w.sent = w.sent[1:]
	if !ok || len(sent) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range sent {
		s.entries.at(i).queued = false
	}
	s.dirty = append(s.dirty[:0], s.dirty[len(sent):]...)
}

// landed ends the flight of a shard's versions: they are on disk, or pending
// again.
func (c *Cache) landed(s *shard, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.inFlight {
		v := s.versions.at(p.version)
		v.bits &^= flightMark
		if ok {
			v.bits &^= newMark
		}
		if !ok && v.bits&dirtyMark == 0 {
			v.bits |= dirtyMark
			s.dirty = append(s.dirty, p)
			c.pending.Add(1)
		}
	}
	s.inFlight = s.inFlight[:0]
}
