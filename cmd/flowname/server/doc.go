// Package server is the daemon's HTTP server: where it listens, by TLS or not, whom it
// lets in, and what it says of paths that it does not have. What it serves is given
// to it as routes.
package server
