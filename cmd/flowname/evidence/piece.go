package evidence

import (
	"slices"

	"flowname/dnscache"
)

// A Piece is one piece of evidence that a file told: a connection, or where that
// is nil a response.
type Piece struct {
	Response   dnscache.Response
	Connection *dnscache.Connection
}

// TimeNs is when it happened, in Unix nanoseconds.
func (t *Piece) TimeNs() int64 {
	if t.Connection != nil {
		return t.Connection.TimeNs
	}
	return t.Response.TimeNs
}

// FileIn files it in a cache.
func (t *Piece) FileIn(cache *dnscache.Cache, filedNs int64) {
	if t.Connection != nil {
		cache.FileConnection(t.Connection, filedNs)
		return
	}
	cache.File(&t.Response, filedNs)
}

// Cloned is a copy that shares nothing with its origin.
func Cloned(r *dnscache.Response) dnscache.Response {
	c := *r
	c.Name, c.Canonical, c.Addrs = slices.Clone(r.Name), slices.Clone(r.Canonical), slices.Clone(r.Addrs)
	return c
}

// clonedConnection is a copy that shares nothing with its origin.
func clonedConnection(x *dnscache.Connection) *dnscache.Connection {
	c := *x
	c.Name = slices.Clone(x.Name)
	c.Process.Path, c.Process.Host = slices.Clone(x.Process.Path), slices.Clone(x.Process.Host)
	return &c
}
