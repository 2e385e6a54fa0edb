package baseline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"flowname/dnscache"
)

// Bounds of what is kept in memory where there is no directory.
const (
	memoryDays  = 8
	memoryBytes = 64 << 20
)

// A keep has packed days: on a shelf, or the last ones in memory. A day on the shelf
// is a head, which says where its pieces are, and is written after them: a process
// that is killed leaves the day as it was before.
type keep struct {
	shelf  *dnscache.Shelf
	memory map[int32][]byte // without a shelf
	days   []int32          // what there is, in order
	max    int
}

// What is on the shelf.
var keyName = []byte("key")

const (
	headKind  = 'h' // day, 4 bytes: generation, pieces
	pieceKind = 'p' // day, generation, number of the piece, 2 bytes
	pieceSize = 512 << 10
	maxPieces = 1 << 10
)

func openKeep(shelf *dnscache.Shelf, days int) (*keep, error) {
	k := &keep{shelf: shelf, max: days}
	if shelf == nil {
		k.memory = make(map[int32][]byte)
		k.max = min(days, memoryDays)
		return k, nil
	}
	err := shelf.Range([]byte{headKind}, func(key, _ []byte) bool {
		if len(key) == 5 {
			k.days = append(k.days, int32(binary.BigEndian.Uint32(key[1:])))
		}
		return true
	})
	slices.Sort(k.days)
	return k, err
}

// key reads the key of the hashes.
func (k *keep) key() (found key, ok bool, err error) {
	_, err = k.shelf.Read(keyName, func(value []byte) error {
		found, ok = readKey(value)
		return nil
	})
	return found, ok, err
}

func (k *keep) writeKey(made key) error {
	return k.shelf.Write([]dnscache.ShelfEntry{{Key: keyName, Value: made.bytes()}})
}

func (k *keep) has(day int32) bool {
	_, found := slices.BinarySearch(k.days, day)
	return found
}

func headKey(day int32) []byte {
	return binary.BigEndian.AppendUint32([]byte{headKind}, uint32(day))
}

func pieceKey(day int32, generation byte, piece int) []byte {
	key := append(binary.BigEndian.AppendUint32([]byte{pieceKind}, uint32(day)), generation)
	return binary.BigEndian.AppendUint16(key, uint16(piece))
}

// head tells the generation of a day's pieces and how many there are.
func (k *keep) head(day int32) (generation byte, pieces int, err error) {
	_, err = k.shelf.Read(headKey(day), func(value []byte) error {
		if len(value) != 3 {
			return errDay
		}
		generation, pieces = value[0], int(binary.BigEndian.Uint16(value[1:]))
		return nil
	})
	return generation, pieces, err
}

func (k *keep) read(day int32) (frame []byte, err error) {
	if k.shelf == nil {
		return k.memory[day], nil
	}
	generation, pieces, err := k.head(day)
	if err != nil {
		return nil, err
	}
	for i := range min(pieces, maxPieces) {
		_, err := k.shelf.Read(pieceKey(day, generation, i), func(value []byte) error {
			frame = append(frame, value...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return frame, nil
}

// note takes down that there is a day, whose frame is kept here where there is no
// shelf, and which are the oldest that are too many. They are to be dropped.
func (k *keep) note(day int32, frame []byte) (drop []int32) {
	if k.shelf == nil {
		k.memory[day] = frame
	}
	if i, found := slices.BinarySearch(k.days, day); !found {
		k.days = slices.Insert(k.days, i, day)
	}
	for len(k.days) > k.max || len(k.days) > 1 && k.memoryUsed() > memoryBytes {
		drop = append(drop, k.days[0])
		delete(k.memory, k.days[0])
		k.days = k.days[1:]
	}
	return drop
}

// put writes a day to the shelf, if there is one.
func (k *keep) put(day int32, frame []byte) error {
	if k.shelf == nil {
		return nil
	}
	pieces := (len(frame) + pieceSize - 1) / pieceSize
	if pieces > maxPieces {
		return fmt.Errorf("baseline: a day of %d bytes is not kept", len(frame))
	}
	generation, before, err := k.head(day)
	if err != nil && !errors.Is(err, errDay) {
		return err
	}
	next := 1 - min(generation, 1)
	for i := range pieces {
		piece := frame[i*pieceSize : min((i+1)*pieceSize, len(frame))]
		if err := k.shelf.Write([]dnscache.ShelfEntry{{Key: pieceKey(day, next, i), Value: piece}}); err != nil {
			return err
		}
	}
	head := binary.BigEndian.AppendUint16([]byte{next}, uint16(pieces))
	if err := k.shelf.Write([]dnscache.ShelfEntry{{Key: headKey(day), Value: head}}); err != nil {
		return err
	}
	return k.shelf.Write(pieceDeletes(nil, day, generation, before))
}

func pieceDeletes(dst []dnscache.ShelfEntry, day int32, generation byte, pieces int) []dnscache.ShelfEntry {
	for i := range min(pieces, maxPieces) {
		dst = append(dst, dnscache.ShelfEntry{Key: pieceKey(day, generation, i)})
	}
	return dst
}

func (k *keep) memoryUsed() (sum int) {
	for _, frame := range k.memory {
		sum += len(frame)
	}
	return sum
}

// drop takes a day from the shelf.
func (k *keep) drop(day int32) error {
	if k.shelf == nil {
		return nil
	}
	generation, pieces, err := k.head(day)
	if err != nil && !errors.Is(err, errDay) {
		return err
	}
	gone := []dnscache.ShelfEntry{{Key: headKey(day)}}
	return k.shelf.Write(pieceDeletes(gone, day, generation, pieces))
}
