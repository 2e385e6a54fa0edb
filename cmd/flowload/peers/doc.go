// Package peers runs receivers of flows beside each other and measures what
// they cost: our own, those of other projects that are installed, and two bare
// readers, which are the floor.
//
// # A round
//
// A receiver is started on a free port of the loopback, with an empty directory
// for its files. It is ready when its port is bound and it has become idle: what
// it does before, loading evidence for one, is not counted. It gets the templates
// and becomes idle again; then the clock of its processes is read, its peak of
// memory reset, and all messages are sent as fast as it reads. When it has read
// all and is idle once more, the clock is read again. Then it is told to end, and
// how many flows it has written is asked in its own way: of its metrics, its
// files, or what it says at the end.
//
// CPU is user and system time of all its processes, by the kernel's clock of each
// process. Memory is the sum of their peaks of resident memory; what two processes
// of one receiver share, as nfacctd's do, counts twice. Rounds of the receivers
// alternate, and medians are told.
//
// # What can not be equal
//
// The sender keeps half of a receiver's socket buffer full at most. A receiver
// that asks for a larger buffer is so woken more seldom; one that can not ask
// gets what the kernel gives. nfacctd hands flows from one process to another by
// a queue of its own, which drops when it is full: it is given one with room for
// a million. goflow2 is told to leave what it can not take in the kernel's queue.
// Each does with the flows what it is made for: see Receiver.Does.
//
// All of this needs Linux.
package peers
