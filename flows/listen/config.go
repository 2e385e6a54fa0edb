package listen

import (
	"errors"
	"fmt"
	"net"
	"runtime"
)

// The errors that Open gives, wrapped with the address and a hint.
var (
	// ErrAddress means that the address can not be listened on.
	ErrAddress = errors.New("bad address")
	// ErrInUse means that another socket holds the port.
	ErrInUse = errors.New("address in use")
	// ErrConfig means a value out of its range.
	ErrConfig = errors.New("bad listen configuration")
	// ErrClosed is the end of Run on a socket that Group.Close closed.
	ErrClosed = errors.New("closed")
	// ErrStuck is the end of Run when reading fails again and again.
	ErrStuck = errors.New("reading fails again and again")
)

const (
	// defaultReceiveBuffer holds a second of 20,000 datagrams a second: a
	// datagram of 1,400 bytes counts for about 2.3 KiB in the kernel.
	defaultReceiveBuffer = 32 << 20
	maxReceiveBuffer     = 1 << 30
	maxSockets           = 64
)

// Config says where and how to listen.
type Config struct {
	// Addr is "host:port". An empty host is every address of both families;
	// port 0 is one that the kernel picks, the same for all sockets.
	Addr string
	// Sockets is how many share the address. 0 means half the processors Go
	// may use, at least one and at most eight: the kernel's part of receiving,
	// the output and DNS want the others. Always one elsewhere than on Linux.
	Sockets int
	// ReceiveBuffer is how many bytes each socket asks the kernel to queue, in
	// the unit of SO_RCVBUF and net.core.rmem_max. 0 means 32 MiB.
	ReceiveBuffer int
}

// Validate says what is wrong with c, or nil.
func (c Config) Validate() error {
	if c.Sockets < 0 || c.Sockets > maxSockets {
		return fmt.Errorf("listen: %w: %d sockets, want 0 to %d", ErrConfig, c.Sockets, maxSockets)
	}
	if c.ReceiveBuffer < 0 || c.ReceiveBuffer > maxReceiveBuffer {
		return fmt.Errorf("listen: %w: receive buffer of %d bytes, want 0 to %d",
			ErrConfig, c.ReceiveBuffer, maxReceiveBuffer)
	}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return fmt.Errorf("listen: %w %q: want host:port, such as :2055 or 127.0.0.1:2055", ErrAddress, c.Addr)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Sockets == 0 {
		c.Sockets = min(max(runtime.GOMAXPROCS(0)/2, 1), 8)
	}
	if !canShare {
		c.Sockets = 1
	}
	if c.ReceiveBuffer == 0 {
		c.ReceiveBuffer = defaultReceiveBuffer
	}
	return c
}
