// Package clients is the question what share of each client's flows has names, how
// its DNS is seen, and why not: the command, its lines, and the daemon's answer.
// What is counted, and what a status means, is the matter of
// correlate/visibility.
package clients
