package firstseen

import (
	"encoding/binary"
	"net/netip"

	"flowname/dnscache"
)

// A Sighting is one first sighting.
type Sighting struct {
	// Domain is set, or Name, or both: then it is of the Name, which is the
	// Domain's.
	Domain, Name string
	// Client is valid where it is about what this client first saw.
	Client netip.Addr
	Sec    uint32 // Unix seconds
	// WarmUp says that it was within the warm-up: it may have been there before.
	WarmUp bool
}

// A Pages reads a book, also one that is only open for reading.
type Pages struct {
	room   *room
	header header
	secret secret
}

// Read gives the pages of the book that lies on a shelf, as they are now.
func Read(shelf *dnscache.Shelf) (*Pages, error) { return pagesOf(newRoom(shelf)) }

// Pages are the book's, but for what waits to be settled.
func (b *Book) Pages() (*Pages, error) { return pagesOf(b.room) }

func pagesOf(r *room) (*Pages, error) {
	p := &Pages{room: r}
	value, ok, err := r.get([]byte{kindBook})
	if err == nil && ok && !p.header.read(value) {
		err = ErrFormat
	}
	p.secret = newSecret(p.header.seed)
	return p, err
}

// Domain is when a registrable domain was first seen, by a client where that is
// valid.
func (p *Pages) Domain(domain string, client netip.Addr) (s Sighting, ok bool, err error) {
	s = Sighting{Domain: domain, Client: client}
	key := domainKey(domain)
	if client.IsValid() {
		key = pairKey(max(hashText(&p.secret, domain), 1), client)
	}
	ok, err = p.read(&s, key)
	return s, ok, err
}

// Name is when a full name was first seen.
func (p *Pages) Name(name string) (s Sighting, ok bool, err error) {
	s = Sighting{Domain: domainOf(name), Name: name}
	ok, err = p.read(&s, nameKey(name))
	return s, ok, err
}

func (p *Pages) read(s *Sighting, key []byte) (ok bool, err error) {
	value, ok, err := p.room.get(key)
	p.date(s, timeOf(value))
	return ok, err
}

func (p *Pages) date(s *Sighting, sec uint32) {
	s.Sec, s.WarmUp = sec, uint64(sec) < uint64(p.header.began)+uint64(p.header.warmUp)
}

// Age is what the Book's Age was, or would have been, at any time, of a domain that
// was first seen so.
func (p *Pages) Age(s Sighting, atNs int64) int64 {
	age := max(atNs-int64(s.Sec)*1e9, 0)
	if s.Sec == 0 || s.WarmUp || age >= int64(p.header.young)*1e9 {
		return -1
	}
	return age
}

// Clients yields when each client first saw a registrable domain, by address, until
// fn returns false.
func (p *Pages) Clients(domain string, fn func(Sighting) bool) error {
	prefix := pairsOf(max(hashText(&p.secret, domain), 1))
	return p.room.each(prefix, prefix, func(key, value []byte) bool {
		client, ok := clientOf(key)
		if !ok {
			return true
		}
		s := Sighting{Domain: domain, Client: client}
		p.date(&s, timeOf(value))
		return fn(s)
	})
}

// Beneath yields the registrable domains beneath a name, itself included, and
// then the names, until fn returns false. The root is all of them.
func (p *Pages) Beneath(name string, fn func(Sighting) bool) error {
	more := true
	for _, prefix := range [][]byte{domainKey(name), nameKey(name)} {
		if !more {
			return nil
		}
		err := p.room.each(prefix, prefix, func(key, value []byte) bool {
			s := Sighting{}
			if text := dnscache.ReadLabels(key[1:]); key[0] == kindDomain {
				s.Domain = text
			} else {
				s.Domain, s.Name = domainOf(text), text
			}
			p.date(&s, timeOf(value))
			more = fn(s)
			return more
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Since yields the registrable domains first seen at sec or later, in order of
// time, until fn returns false.
func (p *Pages) Since(sec uint32, fn func(Sighting) bool) error {
	return eachSince(p.room, sec, func(sec uint32, domain []byte) bool {
		s := Sighting{Domain: string(domain)}
		p.date(&s, sec)
		return fn(s)
	})
}

func eachSince(r *room, sec uint32, fn func(sec uint32, domain []byte) bool) error {
	from := timeKey(sec, "")
	return r.each(from[:1], from, func(key, _ []byte) bool {
		return len(key) <= 5 || fn(binary.BigEndian.Uint32(key[1:]), key[5:])
	})
}
