// Package check is the command that says what files of DNS evidence are, how much
// of each is used, and why the rest is not.
//
// A file is read as replay and run would read it, to its end, in memory that does
// not depend on its size. What was not used has a reason that its reader counted;
// the words for it are here.
package check
