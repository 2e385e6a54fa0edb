package netflow

import (
	"flowname/flows"
	"flowname/flows/internal/corpus"
)

// decodeAll reads payloads with one new Decoder.
func decodeAll(payloads []corpus.Payload) (recs []flows.Record, stats Stats, errs []error) {
	d := NewDecoder(Config{})
	for _, p := range payloads {
		var err error
		if recs, err = d.AppendRecords(recs, p.Data, p.From, p.Ns); err != nil {
			errs = append(errs, err)
		}
	}
	return recs, d.Stats(), errs
}
