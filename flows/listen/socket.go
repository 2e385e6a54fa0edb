package listen

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// batchSize is the most datagrams read at once. 128 of 18 flows each are
	// 2,304 flows, of which a decoder fills 600 KiB of records: it stays in a
	// second-level cache.
	batchSize = 128
	// maxDatagram is the largest UDP payload there is: its length field has 16
	// bits (RFC 768).
	maxDatagram = 65535

	// gatherFor is the pause after a batch that was not full, and gatherBuffer
	// the least receive buffer at which it is made: that queues 900 datagrams of
	// 1,400 bytes, a pause's worth at 450,000 a second.
	gatherFor    = 2 * time.Millisecond
	gatherBuffer = 1 << 20

	// drainFor bounds the reading of what is queued when the context ends.
	drainFor = 200 * time.Millisecond
	// maxFailures is how many passing errors in a row are one that stays.
	maxFailures = 1000
	// dropsEvery is after how many batches the kernel's drop counter is read,
	// so that it can not wrap twice unseen where nobody asks for Stats.
	dropsEvery = 1 << 12
)

// A Datagram is one UDP payload.
type Datagram struct {
	// Payload aliases the socket's buffer: it is valid until the handler that
	// got it returns.
	Payload []byte
	// From is the sender, unmapped and without a zone.
	From netip.AddrPort
	// ReceivedNs is when the kernel received it, Unix nanoseconds. Where the
	// kernel gives no time it is when the batch was read.
	ReceivedNs int64
	// Truncated means that the datagram was longer than Payload.
	Truncated bool
}

// Stats counts what a socket met since it was opened.
type Stats struct {
	Datagrams uint64 // handed over, truncated and empty ones included
	Bytes     uint64 // of their payloads
	Batches   uint64 // reads that gave at least one datagram
	Truncated uint64 // datagrams longer than the buffer

	// KernelDrops is how many datagrams the kernel dropped because the receive
	// buffer was full (or because their checksum was wrong). Linux only.
	KernelDrops uint64

	// Errors that passed, by reason.
	Unreachable uint64 // ICMP errors that came back to this socket
	NoMemory    uint64 // the kernel had no buffers
	TooLong     uint64 // EMSGSIZE
	OtherErrors uint64 // protocol errors that are none of these
}

func (s *Stats) add(t Stats) {
	s.Datagrams += t.Datagrams
	s.Bytes += t.Bytes
	s.Batches += t.Batches
	s.Truncated += t.Truncated
	s.KernelDrops += t.KernelDrops
	s.Unreachable += t.Unreachable
	s.NoMemory += t.NoMemory
	s.TooLong += t.TooLong
	s.OtherErrors += t.OtherErrors
}

// A Socket is one UDP socket with its buffers, read by one goroutine.
type Socket struct {
	addr          netip.AddrPort
	receiveBuffer int
	// rx is read by the goroutine in Run alone; its interrupt, drops and close
	// are for any.
	rx *receiver

	datagrams, bytes, batches, truncated       atomic.Uint64
	unreachable, noMemory, tooLong, otherError atomic.Uint64

	dropsMu  sync.Mutex
	drops    uint64 // sum of the differences
	lastDrop uint32 // the kernel's counter when it was last read
}

func newSocket(rx *receiver, addr netip.AddrPort) *Socket {
	return &Socket{addr: addr, receiveBuffer: rx.receiveBuffer(), rx: rx}
}

// ReceiveBuffer is how many bytes the kernel queues for this socket, in the
// unit of Config.ReceiveBuffer; 0 where the system does not tell.
func (s *Socket) ReceiveBuffer() int { return s.receiveBuffer }

// Stats may be called at any time.
func (s *Socket) Stats() Stats {
	return Stats{
		Datagrams:   s.datagrams.Load(),
		Bytes:       s.bytes.Load(),
		Batches:     s.batches.Load(),
		Truncated:   s.truncated.Load(),
		KernelDrops: s.readDrops(),
		Unreachable: s.unreachable.Load(),
		NoMemory:    s.noMemory.Load(),
		TooLong:     s.tooLong.Load(),
		OtherErrors: s.otherError.Load(),
	}
}

// readDrops adds what the kernel's counter has gained and returns the sum. On a
// closed socket it returns the last sum.
func (s *Socket) readDrops() uint64 {
	s.dropsMu.Lock()
	defer s.dropsMu.Unlock()
	if now, ok := s.rx.drops(); ok {
		s.drops += uint64(now - s.lastDrop) // modulo 2^32
		s.lastDrop = now
	}
	return s.drops
}

func (s *Socket) close() error {
	s.readDrops()
	return s.rx.close()
}

// Run reads until ctx ends, and hands each batch to handle, from the calling
// goroutine. Batch and payloads belong to the socket again when handle returns.
// At the end Run hands over what the kernel had queued, closes the socket and
// returns nil; any other return is an error that does not pass.
func (s *Socket) Run(ctx context.Context, handle func(batch []Datagram)) error {
	defer s.close()
	stop := context.AfterFunc(ctx, s.rx.interrupt)
	defer stop()

	gather := s.receiveBuffer >= gatherBuffer
	for failures := 0; ctx.Err() == nil; {
		batch, err := s.rx.read()
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			failures++
			if err := s.forgive(err, failures); err != nil {
				return err
			}
			continue
		}
		failures = 0
		s.deliver(batch, handle)
		if gather && len(batch) < batchSize {
			time.Sleep(gatherFor)
		}
	}
	s.drain(handle)
	return nil
}

// drain hands over what is queued, for at most drainFor.
func (s *Socket) drain(handle func(batch []Datagram)) {
	for end := time.Now().Add(drainFor); time.Now().Before(end); {
		batch, err := s.rx.readQueued()
		if err != nil || len(batch) == 0 {
			return
		}
		s.deliver(batch, handle)
	}
}

func (s *Socket) deliver(batch []Datagram, handle func(batch []Datagram)) {
	var size, cut uint64
	for i := range batch {
		size += uint64(len(batch[i].Payload))
		if batch[i].Truncated {
			cut++
		}
	}
	s.datagrams.Add(uint64(len(batch)))
	s.bytes.Add(size)
	if cut > 0 {
		s.truncated.Add(cut)
	}
	if s.batches.Add(1)%dropsEvery == 0 {
		s.readDrops()
	}
	handle(batch)
}

// forgive counts an error that passes, and returns the error that ends Run for
// any other.
func (s *Socket) forgive(err error, inARow int) error {
	switch {
	case isAny(err, syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN):
		s.unreachable.Add(1)
	case isAny(err, syscall.ENOBUFS, syscall.ENOMEM):
		s.noMemory.Add(1)
	case isAny(err, syscall.EMSGSIZE):
		s.tooLong.Add(1)
	case isAny(err, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EIO, syscall.ECONNRESET):
		s.otherError.Add(1)
	default:
		return fmt.Errorf("listen: udp %s: %w", s.addr, err)
	}
	if inARow >= maxFailures {
		return fmt.Errorf("listen: udp %s: %w: %w", s.addr, ErrStuck, err)
	}
	return nil
}

func isAny(err error, any ...syscall.Errno) bool {
	for _, e := range any {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
