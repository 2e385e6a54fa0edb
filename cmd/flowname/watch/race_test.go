//go:build race

package watch

// underRace tells that the race detector is built in, which takes memory of its own.
const underRace = true
