// Package follow reads log files while they are written, through rotation and
// restarts, each line once.
//
// # Nouns
//
// A content is what was written into one file from its beginning, wherever it
// went since: dns.log becomes dns.log.1 by a rename, its copy before a truncation,
// dns.log.2.gz by a compressor. A record is what is known of one content: where it
// was seen last, how far it was read, its prints. A print is a hash of some bytes
// of it: of its head, the first up to 1 kB, and of its tail, the last up to 256
// bytes before the offset. A candidate is a file that a scan has found. A Follower
// follows one PATH. What has no offset, such as a pipe, is for a logs.Stream.
//
// # What is followed
//
// A PATH that is a file: it, and the files beside it that its rotation made: names
// that add a number or a date to PATH's, before or behind its extension, and .gz or
// .zst. Those that were there when PATH was first followed are not read. One
// content is read to its end, with what is written to it for Grace after it was
// rotated, before the next is begun; half a second is enough once there is something
// in the next. If it still grows after ten times Grace, both are read.
//
// A PATH that is a directory: every regular file in it and beneath, in order of time
// and name, those that were there before too. Names that begin with a dot or end
// like a temporary file's are left out, and links to directories are not entered. A
// file is begun Settle after it was first seen, a compressed one when it has not
// changed for that long.
//
// A PATH that is not there yet is waited for.
//
// # Which content a file holds
//
// Each scan asks that of every candidate. A file with the device and inode of a
// record is that content if it is as long as what was read of it and has its head
// and tail; otherwise it was truncated and written anew. Any other file holds a
// record's content if it has its head and tail: where the record's own file is
// still there only if it is equal to it byte for byte as far as it goes (it is a
// copy, and not read), else it is where the content went. Compressed files are
// compared by what they unpack to. What holds no known content is new. So it does
// not matter whether a rotation was seen, or how many there were meanwhile.
//
// # Exactly once
//
// The state file holds, for every content, the offset up to which its lines were
// given to the sink, what its parser has to remember, and the counters, all of one
// moment; it is replaced whole (write, fsync, rename). It is saved after
// Config.Durable has returned nil, and no line is read between the two: what the
// state says was read is safe. Lines that were read after the last save are read
// again after a kill. The sink so gets lines at least once, which a cache that files
// the same evidence twice does not mind; the counters, which are those of the
// state, count each line once. That holds for the end of a process, by kill -9 too.
// Over a loss of power it holds as far as what Durable returned for survives one.
//
// # Formats
//
// The format of a content is told from its first lines when there are 20 of them
// or 64 kB, or it has stopped to grow, and again for each content (of a rotated log
// the first lines are enough if they are of the format that the log had), unless
// Config.Format gives it. The parser of a rotated file goes on with the next where
// the format is the same, so a question in one and its answer in the other meet.
// Of a PATH whose first 64 kB are of no known format 64 kB more are tried, and so
// on; a file in a directory is then left alone. Both are counted and said once.
//
// A parser that has to be made anew without its state, because a file grows that
// was thought finished, is first given the first lines of the file again, for their
// columns' names; what it makes of them goes nowhere.
//
// # Lines
//
// A line counts when its end is there. What stands behind the last line end of a
// content that is finished is refused as torn (logs.Reader.Unended). A line over
// logs.MaxLine bytes is counted when it ends, and held to that length.
//
// # Bounds
//
// MaxFiles records are remembered; beyond that the oldest finished one is
// forgotten, and a file of a directory that is no younger than it is not read
// any more. MaxOpen files are open at once. A line takes at most logs.MaxLine bytes
// for each open file. Of compressed files the unpacked size is not bounded, their
// memory is (8 MiB of window for zstd).
//
// A scan that takes long is repeated seldom, such that scans take at most a
// twentieth of the time. Only Run reads the clock. A Follower is run by one
// goroutine; Stats may be called by any.
package follow
