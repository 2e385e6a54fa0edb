package baseline

// A Measure is what domains are ranked by.
type Measure uint8

// The measures.
const (
	Clients Measure = iota // who asked for a name of the domain
	Lookups                // questions and answers about its names
	Bytes                  // of flows to and from what had its names
	Flows

	numMeasures
)

var measureNames = [numMeasures]string{"clients", "lookups", "bytes", "flows"}

// String is the word for the measure that commands take.
func (m Measure) String() string { return measureNames[m] }

// ParseMeasure is String undone.
func ParseMeasure(text string) (m Measure, ok bool) {
	for i, name := range measureNames {
		if name == text {
			return Measure(i), true
		}
	}
	return 0, false
}

// counts are a domain's or a day's, by Measure.
type counts [numMeasures]uint64

// add adds without going round: what an exporter tells can be anything.
func (c *counts) add(other *counts) {
	for m := range c {
		c[m] = addSat(c[m], other[m])
	}
}

func addSat(a, b uint64) uint64 {
	if a+b < a {
		return 1<<64 - 1
	}
	return a + b
}

func subSat(a, b uint64) uint64 { return max(a, b) - b }
