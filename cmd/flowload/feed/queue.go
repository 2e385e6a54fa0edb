package feed

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// A Socket is what the kernel shows of the sockets of a UDP port, together.
type Socket struct {
	Bound bool
	// Queued is how many bytes wait to be read, in the kernel's count: with its
	// own overhead, in the unit of SO_RCVBUF.
	Queued uint64
	// Drops is how many datagrams found the queue full.
	Drops uint64
}

// procFiles list the sockets of both families.
var procFiles = [...]string{"/proc/net/udp", "/proc/net/udp6"}

// A Port watches a UDP port of this machine. Use OpenPort.
type Port struct {
	port  uint16
	files []*os.File
	buf   []byte
}

// OpenPort begins to watch a port, whether anybody holds it or not.
func OpenPort(port uint16) (*Port, error) {
	p := &Port{port: port, buf: make([]byte, 1<<16)}
	for _, path := range procFiles {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) && len(p.files) > 0 {
			continue // a kernel without IPv6
		}
		if err != nil {
			p.Close()
			return nil, fmt.Errorf("the kernel does not show its UDP sockets, so only a set rate can be sent: %w", err)
		}
		p.files = append(p.files, f)
	}
	return p, nil
}

// Close ends the watching.
func (p *Port) Close() {
	for _, f := range p.files {
		f.Close()
	}
}

// Socket is how the port is now.
func (p *Port) Socket() (Socket, error) {
	var s Socket
	for _, f := range p.files {
		b, err := p.read(f)
		if err != nil {
			return s, err
		}
		s.add(b, p.port)
	}
	return s, nil
}

// read reads a file of /proc from its beginning.
func (p *Port) read(f *os.File) ([]byte, error) {
	size := 0
	for {
		n, err := f.ReadAt(p.buf[size:], int64(size))
		size += n
		if n == 0 || err != nil && size == 0 {
			if size > 0 {
				return p.buf[:size], nil
			}
			return nil, err
		}
		if size == len(p.buf) {
			p.buf = append(p.buf, make([]byte, size)...)
		}
	}
}

// Columns of /proc/net/udp.
const (
	columnLocal  = 1
	columnQueues = 4
	columnDrops  = 12
)

// add adds up the sockets of a port in a table of the kernel's.
func (s *Socket) add(table []byte, port uint16) {
	for line := range bytes.Lines(table) {
		columns := bytes.Fields(line)
		if len(columns) <= columnDrops {
			continue
		}
		_, local, _ := bytes.Cut(columns[columnLocal], []byte(":"))
		if n, err := strconv.ParseUint(string(local), 16, 16); err != nil || uint16(n) != port {
			continue
		}
		s.Bound = true
		_, queued, _ := bytes.Cut(columns[columnQueues], []byte(":"))
		n, _ := strconv.ParseUint(string(queued), 16, 64)
		s.Queued += n
		n, _ = strconv.ParseUint(string(columns[columnDrops]), 10, 64)
		s.Drops += n
	}
}
