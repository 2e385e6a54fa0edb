package baseline

import "fmt"

// merge adds what is known of another day, whose hashes have the same key: d is then
// of both. The other one is not changed, and d no day that is still counted.
func (d *Day) merge(other *Day) error {
	d.complete = false
	if err := d.clients.Merge(other.clients); err != nil {
		return fmt.Errorf("baseline: clients of days: %w", err)
	}
	if err := d.domains.Merge(other.domains); err != nil {
		return fmt.Errorf("baseline: domains of days: %w", err)
	}
	d.totals.add(&other.totals)
	for m := range d.before {
		d.before[m] = addSat(d.before[m], other.missing(Measure(m)))
	}
	for i := range other.records {
		theirs := &other.records[i]
		at := d.find(theirs.id)
		if at < 0 {
			at = d.make(theirs.id, theirs.text)
		}
		ours := &d.records[at]
		ours.has.add(&theirs.has)
		ours.over.add(&theirs.over)
		ours.sizedAt = 0
		if err := ours.clients.merge(&theirs.clients, &d.pool); err != nil {
			return err
		}
	}
	return nil
}

// make tracks a domain whatever it has, with what its cell had.
func (d *Day) make(id domainID, text string) int {
	if len(d.records) == d.max {
		d.sweep()
	}
	r := record{id: id, text: text}
	if d.filter.cells != nil {
		d.heavy(d.filter.cell(id), &counts{}, &r.over)
		r.has = r.over
	}
	return d.track(r)
}
