package baseline

import (
	"github.com/axiomhq/hyperloglog"
)

// batchSize is how many look-ups are counted together. What they need of memory, of
// which a large day has 60 MB, is read for all of them before it is used, so that the
// reads overlap: alone each would wait for the one before.
const batchSize = 256

// A batch is look-ups of a day.
type batch struct {
	n     int
	items [batchSize]look
	adds  []addition
}

// A look is a look-up. The text is valid until the batch is counted.
type look struct {
	id     domainID
	text   []byte
	client uint64 // 0: any
	pair   uint64
	place  int // of the domain's record, or -1
}

// An addition is a client that is to go into a sketch.
type addition struct {
	to     *hyperloglog.Sketch
	client uint64
}

func (b *batch) clear() { b.n = 0 }

// add appends a look-up, for which there is room.
func (b *batch) add(id domainID, text []byte, client uint64) {
	l := &b.items[b.n]
	l.id, l.text, l.client = id, text, client
	b.n++
}

// lookups counts a batch. Texts are copied where they are kept.
func (d *Day) lookups(b *batch) {
	d.changed = true
	items := b.items[:b.n]
	d.fetch(items)
	swept := d.swept
	for i := range items {
		l := &items[i]
		if d.swept != swept { // records have moved
			b.addAll()
			d.fetch(items[i:])
			swept = d.swept
		}
		d.look(b, l)
	}
	b.addAll()
}

// fetch finds the records, and reads what is going to be needed.
func (d *Day) fetch(items []look) {
	touched := uint64(0)
	for i := range items {
		l := &items[i]
		if l.place = d.find(l.id); l.place < 0 {
			touched ^= d.filter.touch(l.id)
		}
		if l.client != 0 {
			l.pair = d.key.pair(l.client, l.id)
			touched ^= d.pairs.touch(l.pair)
		}
	}
	d.touched ^= touched
}

// look counts a look-up.
func (d *Day) look(b *batch, l *look) {
	d.totals[Lookups]++
	more := counts{Lookups: 1}
	known := true
	if l.client != 0 {
		d.clients.InsertHash(l.client)
		more[Clients], known = d.pairs.add(l.pair)
	}
	if l.place < 0 {
		l.place = d.find(l.id) // it may have come in with this batch
	}
	if l.place < 0 {
		if l.place = d.admit(l.id, l.text, &more); l.place < 0 {
			return
		}
		known = false
	} else {
		r := &d.records[l.place]
		r.has[Lookups]++
		r.has[Clients] += more[Clients]
	}
	r := &d.records[l.place]
	if l.client == 0 || known && r.over[Clients] == 0 {
		return
	}
	if r.clients.many != nil {
		b.adds = append(b.adds, addition{r.clients.many, l.client})
		return
	}
	r.clients.add(l.client, &d.pool)
}

// flows counts at most batchSize domains' flows.
func (d *Day) flows(all []tally) {
	d.changed = true
	var places [batchSize]int
	for i := range all {
		if places[i] = d.find(all[i].id); places[i] < 0 {
			d.touched ^= d.filter.touch(all[i].id)
		}
	}
	swept := d.swept
	for i := range all {
		f := &all[i]
		more := counts{Flows: uint64(f.flows), Bytes: f.bytes}
		d.totals.add(&more)
		place := places[i]
		if place < 0 || d.swept != swept { // it came in with this batch, or records have moved
			place = d.find(f.id)
		}
		if place >= 0 {
			d.records[place].has.add(&more)
			continue
		}
		d.admit(f.id, f.domain(), &more)
	}
}

// addAll makes the additions.
func (b *batch) addAll() {
	for i := range b.adds {
		b.adds[i].to.InsertHash(b.adds[i].client)
	}
	b.adds = b.adds[:0]
}
