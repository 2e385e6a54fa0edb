// Package guard stands before an HTTP handler: it lets in who shows a name and
// password, slows down who asks too often, and says who asked what.
//
// Users come from a file as htpasswd -B writes it: a line each, NAME:BCRYPT-HASH.
// They show themselves by Basic authentication (RFC 7617), or by a header
// X-API-Key with NAME:PASSWORD for clients that can do nothing else. A bcrypt
// hash takes tens of milliseconds by design, so a pair that was right is
// remembered, by its SHA-256, until the file changes; wrong ones are not, and
// are slowed down by address like all requests.
//
// Memory is bounded: so many remembered pairs and addresses, and when there are
// more, all are forgotten at once.
package guard
