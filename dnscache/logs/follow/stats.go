package follow

import "flowname/dnscache/logs"

// Stats is what a Follower has counted, in all its lives since the state file was
// made, and how things stand.
type Stats struct {
	// Read counts lines by what became of them, and their evidence.
	Read logs.Stats
	// Bytes is of the lines counted, unpacked.
	Bytes uint64
	// Finished is contents read to their end. Rotations is files that went away
	// from where new lines come, or were renamed in a directory; Truncations
	// such that were written anew. Restarts is how often the state file was
	// taken up.
	Finished, Rotations, Truncations, Restarts uint64
	// Unknown is files of no known format, Troubles what was said of files that
	// could not be read, Lost contents that went away before their end was
	// read, Forgotten records that had to make room.
	Unknown, Troubles, Lost, Forgotten uint64
	// Saves is how often the state was saved, SaveErrors how often it could not
	// be, or the evidence not be made safe.
	Saves, SaveErrors uint64

	// Files is how many files are remembered, Open how many are open, Behind
	// how many bytes of them are not yet read, packed where they are packed.
	Files, Open, Behind uint64
	// NewestNs is the latest time of any evidence, Unix nanoseconds; 0 where
	// there was none.
	NewestNs int64
}

// Stats returns the counters as they were when the files were last looked at or
// the state was saved.
func (f *Follower) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.published
}

func (f *Follower) publish() {
	s := f.stats
	s.Files = uint64(len(f.records))
	for _, r := range f.records {
		if r.src != nil {
			s.Open++
		}
		s.Behind += uint64(r.behind())
	}
	f.mu.Lock()
	f.published = s
	f.mu.Unlock()
}
