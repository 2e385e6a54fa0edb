package dnscache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/pb"
)

// What can be wrong with a history's directory.
var (
	// ErrLocked: another process, most likely the daemon, has it open.
	ErrLocked = errors.New("dnscache: the history is in use by another process")
	// ErrNoHistory: there is none in that directory.
	ErrNoHistory = errors.New("dnscache: no history there")
	// ErrCorrupt: its files can not be read as a history.
	ErrCorrupt = errors.New("dnscache: the history can not be read")
)

// store is the history in Badger. A key's version in Badger is the time of its
// writing, or ahead of it by what it lives (see expiry.go), never the evidence's:
// the newest write of a key wins, and an expired key has nothing older beneath it
// that would live.
type store struct {
	db      *badger.DB
	version uint64 // of the latest write; guarded by Cache.flushing
	hold    func() // of tests: a disk that hangs; nil otherwise

	scans atomic.Int32 // going on

	tableBytes, expiredBytes atomic.Uint64 // as of the last Maintain
}

// Badger's sizes are for a small machine: at most 4 memtables of 32 MB and the
// block cache. They must not change with the configuration, because a write-ahead
// log of a killed process has to fit the memtable that it is read into.
const (
	memTable      = 32 << 20
	memTables     = 3
	valueLogFile  = 64 << 20
	manifestFile  = "MANIFEST"
	minBlockCache = 1 << 20
	blockSize     = 8 << 10
	baseTable     = 8 << 20
	baseLevel     = 64 << 20
	maxWrites     = 16 // batches on their way
	lastLevel     = 6
	bloomMisses   = 0.1
	compactors    = 3 // the third is the one that looks for what expired
)

// openStore opens dir, or makes it.
func openStore(dir string, blockCache int64, warn func(string)) (*store, error) {
	if err := checkTables(dir); err != nil {
		return nil, err
	}
	opt := badger.DefaultOptions(dir).
		WithLogger(badgerLog{warn}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false). // one writer
		WithNumVersionsToKeep(1).
		WithSyncWrites(false). // a killed process loses nothing that it has written
		WithMemTableSize(memTable).
		WithNumMemtables(memTables).
		WithNumLevelZeroTables(4).
		WithNumLevelZeroTablesStall(12).
		WithNumCompactors(compactors).
		WithValueLogFileSize(valueLogFile).
		WithBlockCacheSize(max(blockCache, minBlockCache)).
		WithCompression(options.ZSTD).
		WithZSTDCompressionLevel(1).
		WithBlockSize(blockSize).
		WithBaseTableSize(baseTable).
		WithMaxLevels(lastLevel + 1).
		WithBloomFalsePositive(bloomMisses).
		WithBaseLevelSize(baseLevel).
		WithChecksumVerificationMode(options.OnBlockRead)
	opt.LmaxCompaction = true   // see expiry.go
	opt.TableSizeMultiplier = 1 // compaction has up to a dozen tables in memory, uncompressed
	db, err := guardedOpen(opt)
	switch {
	case err == nil:
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EROFS):
		return nil, fmt.Errorf("dnscache: open %s: %w", dir, err)
	default:
		return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, dir, err)
	}
	s := &store{db: db}
	if err := s.checkFormat(dir); err != nil {
		_ = s.close() // the first error is the one that tells
		return nil, err
	}
	return s, nil
}

// guardedOpen turns Badger's panics over damaged files into errors.
func guardedOpen(opt badger.Options) (db *badger.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, fmt.Errorf("badger: %v", r)
		}
	}()
	return badger.OpenManaged(opt)
}

// holdsHistory says whether dir looks like a history at all.
func holdsHistory(dir string) error {
	_, err := os.Stat(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNoHistory, dir)
	}
	if err != nil {
		return fmt.Errorf("dnscache: %w", err)
	}
	return nil
}

func (s *store) close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("dnscache: close the history: %w", err)
	}
	return nil
}

// read is a transaction that sees everything written.
func (s *store) read() *badger.Txn { return s.db.NewTransactionAt(math.MaxUint64, false) }

// get gives a key's value to fn; false when there is none.
func (s *store) get(key []byte, fn func(value []byte) error) (bool, error) {
	txn := s.read()
	defer txn.Discard()
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	if err == nil {
		err = item.Value(fn)
	}
	if err != nil {
		return false, fmt.Errorf("dnscache: read the history: %w", err)
	}
	return true, nil
}

// write gives Badger entries in the order of their keys, by the only way that
// keeps it: a transaction is a map, and so is a batch of them. Neighbours are then
// inserted one after the other while their part of the memtable is in the
// processor's cache, which is a third of what an answer cost. What is written when
// the process is killed is some of the entries.
func (s *store) write(entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	var hour [1]byte
	marks := [1]byte{discardEarlier}
	if s.hold != nil {
		s.hold()
	}
	slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	l := s.db.NewKVLoader(maxWrites)
	var kv pb.KV
	var err error
	for i := range entries {
		e := &entries[i]
		kv.Key, kv.Value, kv.Version, kv.ExpiresAt = e.key, e.value, e.version(s.version), e.expires()
		kv.Meta, kv.UserMeta, hour[0] = nil, hour[:], e.hour
		if e.lives > 0 {
			kv.Meta = marks[:]
		}
		if err = l.Set(&kv); err != nil {
			break
		}
	}
	return errors.Join(err, l.Finish())
}

func (s *store) holdsClient(p ip) (bool, error) {
	return s.get(appendClientKey(nil, p), nil)
}

// checkFormat refuses a history of another format. The state is written whenever
// something is, so that its version is the latest.
func (s *store) checkFormat(dir string) error {
	txn := s.read()
	defer txn.Discard()
	item, err := txn.Get([]byte{kindState})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil
	}
	var format byte
	if err == nil {
		s.version = item.Version()
		err = item.Value(func(b []byte) error {
			if len(b) > 0 {
				format = b[0]
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("dnscache: read the history: %w", err)
	}
	if format != formatVersion {
		return fmt.Errorf("dnscache: the history in %s has format %d, this program reads %d", dir, format, formatVersion)
	}
	return nil
}

// state is what the store says of itself; zero when it is new.
func (s *store) state() (st state, err error) {
	_, err = s.get([]byte{kindState}, st.read)
	return st, err
}

// maintain lets compaction drop what was overwritten and what has expired, and gives
// back what it can of the value log.
func (s *store) maintain() {
	s.db.SetDiscardTs(s.version)
	s.measure()
	s.lookedUp() // new tables, too
	for s.db.RunValueLogGC(0.5) == nil {
		continue // each round rewrites one file
	}
}

// badgerLog hands on warnings and errors.
type badgerLog struct{ warn func(string) }

func (l badgerLog) Errorf(format string, args ...any)   { l.say(format, args) }
func (l badgerLog) Warningf(format string, args ...any) { l.say(format, args) }
func (l badgerLog) Infof(string, ...any)                {}
func (l badgerLog) Debugf(string, ...any)               {}

func (l badgerLog) say(format string, args []any) {
	if l.warn != nil {
		l.warn("badger: " + fmt.Sprintf(format, args...))
	}
}
