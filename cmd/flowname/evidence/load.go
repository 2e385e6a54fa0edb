package evidence

import (
	"time"

	"flowname/cmd/flowname/reorder"
)

// Window is how many pieces of evidence the files of a command together hold back,
// to put them in order by time: whole files of fewer are read sorted. It bounds
// what they need of memory.
const Window = 1 << 19

// FlushEvery is after how many responses the history's write-behind queue is
// written out: reading files is faster than any clock that would do it.
const FlushEvery = 1 << 13

// Load gives the evidence of a file to file, piece by piece in order by time, with
// the time at which it does; flush is called now and then. It says how many pieces
// there were, and why the file ended early, if it did.
func Load(path string, config Config, file func(t *Piece, nowNs int64), flush func(nowNs int64) error) (n int, problem, err error) {
	f, err := Open(path, config)
	if err != nil {
		return 0, nil, err
	}
	defer f.Close()
	source := reorder.New(f.Pull, Window)
	for _, ok := source.Head(); ok; _, ok = source.Head() {
		now := time.Now().UnixNano()
		t := source.Pop().Value
		file(&t, now)
		if n++; n%FlushEvery == 0 {
			if err := flush(now); err != nil {
				return n, nil, err
			}
		}
	}
	return n, f.problem, nil
}
