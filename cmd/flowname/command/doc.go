// Package command is what all commands have in common with who calls them: where
// they read and write, how a wrong use is told from a failure, and how names,
// networks and times are given, by flag or by the parameter of a URL.
package command
