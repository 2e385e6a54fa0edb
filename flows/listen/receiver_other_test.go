//go:build !linux

package listen

// sendIfAsked is for the benchmark that only Linux has.
func sendIfAsked() {}
