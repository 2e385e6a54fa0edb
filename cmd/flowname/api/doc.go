// Package api is how commands and the running daemon talk by HTTP.
//
// A command asks at its --server URL; the daemon answers with rows, one JSON
// object a line, as long as the asker takes them: who stands still for half a
// minute is left. What can be asked is in openapi.yaml, which the daemon serves.
// What a question means is the matter of the package that has its command: the
// same package answers it, from a directory or for the daemon.
package api
