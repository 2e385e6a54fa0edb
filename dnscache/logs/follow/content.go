package follow

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/zstd"
)

// An identity is a file's device and inode, whatever its name.
type identity struct{ Dev, Ino uint64 }

// maxWindow bounds the memory of a zstd decoder: RFC 8878 section 3.1.1.1.2
// wants at least 8 MiB to be supported.
const maxWindow = 8 << 20

// errReplaced says that a path no longer is the file that it was.
var errReplaced = errors.New("the file was replaced meanwhile")

// An opened is a file that is read, unpacked if it is packed.
type opened struct {
	file   *os.File
	packed bool
	reader *bufio.Reader // of the unpacked content, for packed files only
	zstd   *zstd.Decoder
	at     int64 // offset in the content of what is read next
}

// open opens a file at the beginning of its content.
func open(path string, want identity) (*opened, fs.FileInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || identityOf(path, info) != want) {
		err = fmt.Errorf("%s: %w", path, errReplaced)
	}
	o := &opened{file: file}
	if err == nil {
		err = o.unpack()
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return o, info, nil
}

// unpack sees whether the file is packed.
func (o *opened) unpack() error {
	var magic [4]byte
	n, err := o.file.ReadAt(magic[:], 0)
	if err != nil && err != io.EOF {
		return err
	}
	packed := io.NewSectionReader(o.file, 0, 1<<62)
	switch head := magic[:n]; {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		o.packed = true
		z := new(gzip.Reader)
		o.reader = bufio.NewReaderSize(&lateGzip{z: z, in: bufio.NewReaderSize(packed, 64<<10)}, sniffLen)
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		o.packed = true
		o.zstd, err = zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
		o.reader = bufio.NewReaderSize(o.zstd, sniffLen)
	}
	return nil
}

// A lateGzip reads gzip's header with the first bytes, so that a torn header
// is an error of reading.
type lateGzip struct {
	z     *gzip.Reader
	in    *bufio.Reader
	begun bool
}

func (l *lateGzip) Read(p []byte) (int, error) {
	if !l.begun {
		if err := l.z.Reset(l.in); err != nil {
			return 0, unexpected(err)
		}
		l.begun = true
	}
	return l.z.Read(p)
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Read reads on from at. io.EOF is where the content ends for now.
func (o *opened) Read(p []byte) (int, error) {
	var n int
	var err error
	if o.packed {
		n, err = o.reader.Read(p)
	} else {
		n, err = o.file.ReadAt(p, o.at)
	}
	o.at += int64(n)
	return n, err
}

// peek gives up to sniffLen bytes from at on, and whether the content ends
// there for now. They are valid until the next read.
func (o *opened) peek(buf []byte) (head []byte, end bool, err error) {
	if o.packed {
		head, err = o.reader.Peek(sniffLen)
	} else {
		var n int
		n, err = o.file.ReadAt(buf[:sniffLen], o.at)
		head = buf[:n]
	}
	if err == io.EOF {
		return head, true, nil
	}
	return head, false, err
}

// has says whether the content, from at on, has the tail that is expected
// before an offset. The opened is then at that offset.
func (o *opened) has(offset int64, tail print) (bool, error) {
	from := offset - int64(tail.n)
	if from < o.at {
		return false, nil
	}
	if o.packed {
		n, err := io.CopyN(io.Discard, o.reader, from-o.at)
		o.at += n
		if err != nil {
			return false, unlessEnd(err)
		}
	} else {
		o.at = from
	}
	b := make([]byte, tail.n)
	if _, err := fill(o, b); err != nil {
		return false, unlessEnd(err)
	}
	return printOf(b) == tail, nil
}

// unlessEnd is nil for io.EOF: what is shorter than expected is another content. A
// packed file that is torn gives io.ErrUnexpectedEOF, which is not known to be.
func unlessEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// again reads some bytes without moving; nil for packed files.
func (o *opened) again(from int64, n int) []byte {
	b := make([]byte, n)
	if o.packed {
		return nil
	}
	if m, _ := o.file.ReadAt(b, from); m < n {
		return nil
	}
	return b
}

// head reads the first bytes of the content, from its beginning.
func (o *opened) head() ([]byte, error) {
	b := make([]byte, headLen)
	n, err := fill(o, b)
	return b[:n], unlessEnd(err)
}

// fill is io.ReadFull, but gives io.EOF wherever the input ends: the error for an
// end in the middle is here that of a torn packed file.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	if n == len(b) {
		err = nil
	}
	return n, err
}

func (o *opened) close() {
	if o.zstd != nil {
		o.zstd.Close()
	}
	o.file.Close()
}

// beginsAs says whether the content of one file is that of another as far as it
// goes.
func beginsAs(short, long *opened) (bool, error) {
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := fill(short, a)
		m, longErr := fill(long, b[:n])
		switch {
		case longErr != nil && longErr != io.EOF:
			return false, longErr
		case !bytes.Equal(a[:n], b[:m]):
			return false, nil
		case err == io.EOF:
			return true, nil
		case err != nil:
			return false, err
		}
	}
}
