package dnscache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// checkTables looks at the tables of a history before Badger does: Badger opens
// them in goroutines of its own and ends the process over a damaged one.
// A directory without a history is fine.
func checkTables(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dnscache: %w", err)
	}
	defer d.Close()
	// Badger takes the same lock again. A daemon that works on its tables must
	// not be taken for a damaged history.
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	m, err := os.Open(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dnscache: %w", err)
	}
	defer m.Close()
	manifest, _, err := badger.ReplayManifestFile(m, 0, badger.DefaultOptions(dir))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, m.Name(), err)
	}
	for id := range manifest.Tables {
		name := table.NewFilename(id, dir)
		if err := checkTable(name); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrCorrupt, name, err)
		}
	}
	return nil
}

// checkTable checks that a table ends as one: the index, its length in four
// bytes, a checksum message, its length in four bytes.
func checkTable(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	left := info.Size()
	sum, left, err := readBack(f, left)
	if err != nil {
		return fmt.Errorf("checksum: %w", err)
	}
	index, _, err := readBack(f, left)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	var want pb.Checksum
	if err := proto.Unmarshal(sum, &want); err != nil {
		return fmt.Errorf("checksum: %w", err)
	}
	switch want.Algo {
	case pb.Checksum_CRC32C, pb.Checksum_XXHash64:
		return y.VerifyChecksum(index, &want)
	}
	return fmt.Errorf("checksum of unknown kind %d", want.Algo)
}

// readBack reads what ends at end: bytes and then their number.
func readBack(f io.ReaderAt, end int64) (data []byte, start int64, err error) {
	var size [4]byte
	if end < 4 {
		return nil, 0, io.ErrUnexpectedEOF
	}
	if _, err := f.ReadAt(size[:], end-4); err != nil {
		return nil, 0, err
	}
	n := int64(binary.BigEndian.Uint32(size[:]))
	start = end - 4 - n
	if start < 0 {
		return nil, 0, io.ErrUnexpectedEOF
	}
	data = make([]byte, n)
	if _, err := f.ReadAt(data, start); err != nil {
		return nil, 0, err
	}
	return data, start, nil
}
