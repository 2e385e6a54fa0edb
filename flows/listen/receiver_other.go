//go:build !linux

package listen

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// canShare says whether SO_REUSEPORT spreads datagrams over sockets here.
const canShare = false

// prepare has nothing to set: a group has one socket here.
func prepare(_ uintptr, _ bool) error { return nil }

// A receiver reads one datagram at a time where there is no recvmmsg(2).
type receiver struct {
	conn  *net.UDPConn
	data  []byte // a slot and one byte, which shows that a datagram was longer
	batch [1]Datagram
}

// newReceiver takes conn over.
func newReceiver(conn *net.UDPConn, receiveBuffer, _, slot int) (*receiver, error) {
	_ = conn.SetReadBuffer(receiveBuffer) // less than wanted is not an error
	return &receiver{conn: conn, data: make([]byte, slot+1)}, nil
}

// read waits for a datagram, until interrupt.
func (r *receiver) read() ([]Datagram, error) {
	n, from, err := r.conn.ReadFromUDPAddrPort(r.data)
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		return nil, ErrClosed
	}
	if err != nil {
		return nil, err
	}
	slot := len(r.data) - 1
	r.batch[0] = Datagram{
		Payload:    r.data[:min(n, slot)],
		From:       netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port()),
		ReceivedNs: time.Now().UnixNano(),
		Truncated:  n > slot,
	}
	return r.batch[:], nil
}

// readQueued returns what is there within a moment: a read with a deadline in
// the past would fail at once.
func (r *receiver) readQueued() ([]Datagram, error) {
	if err := r.conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		return nil, err
	}
	return r.read()
}

// interrupt makes read return, from any goroutine and for good.
func (r *receiver) interrupt() { _ = r.conn.SetReadDeadline(time.Unix(1, 0)) }

// close ends a read too. More than one close is no error.
func (r *receiver) close() error {
	if err := r.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (r *receiver) allowSharing() error { return nil }

// receiveBuffer is unknown here.
func (r *receiver) receiveBuffer() int { return 0 }

// drops are not counted here.
func (r *receiver) drops() (uint32, bool) { return 0, false }

func bufferAdvice(_ int) string { return "raise the system's limit on socket buffers" }
