package history

import (
	"strconv"
	"time"

	"flowname/dnscache"
)

// A Row is a row of the history as programs read it.
type Row struct {
	Name      string    `json:"name"`
	Addr      string    `json:"addr"`   // empty: a question whose answer the source could not tell
	Client    string    `json:"client"` // empty: the source could not say
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Count     uint64    `json:"count"`
	TTL       TTL       `json:"ttl"` // null where the source did not tell it
	Source    string    `json:"source"`
	Canonical string    `json:"canonical,omitempty"`
}

// A TTL is a TTL in seconds, or dnscache.UnknownTTL.
type TTL uint32

func ttlOf(r *dnscache.Row) TTL {
	if !r.Addr.IsValid() || !r.Source.IsDNS() {
		return dnscache.UnknownTTL // questions and connections have none
	}
	return TTL(r.TTL)
}

// MarshalJSON writes null for a TTL that is not known.
func (t TTL) MarshalJSON() ([]byte, error) {
	if t == dnscache.UnknownTTL {
		return []byte("null"), nil
	}
	return strconv.AppendUint(nil, uint64(t), 10), nil
}

// UnmarshalJSON is MarshalJSON undone.
func (t *TTL) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = dnscache.UnknownTTL
		return nil
	}
	n, err := strconv.ParseUint(string(b), 10, 32)
	*t = TTL(n)
	return err
}

// String is the TTL as tables show it.
func (t TTL) String() string {
	if t == dnscache.UnknownTTL {
		return "-"
	}
	return strconv.FormatUint(uint64(t), 10)
}

func rowOf(r dnscache.Row) Row {
	row := Row{
		Name:      r.Name,
		FirstSeen: time.Unix(0, r.FirstNs).UTC(), LastSeen: time.Unix(0, r.LastNs).UTC(),
		Count: r.Count, TTL: ttlOf(&r), Source: r.Source.String(), Canonical: r.Canonical,
	}
	if r.Addr.IsValid() {
		row.Addr = r.Addr.String()
	}
	if r.Client.IsValid() {
		row.Client = r.Client.String()
	}
	return row
}
