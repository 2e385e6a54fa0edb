package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A Live gives the frames of one network interface. Use OpenInterface.
type Live struct {
	name     string
	index    int
	link     LinkType
	loopback bool
	closing  atomic.Bool

	// readMu is held by Next also while it waits; Close first wakes Next by
	// wake, then takes it.
	readMu sync.Mutex
	ring   ring
	frame  []byte // the frame given last
	wake   int    // eventfd

	// mu guards the socket against use after Close, and the counters.
	mu     sync.Mutex
	socket int
	closed bool
	stats  LiveStats
}

// OpenInterface starts to capture on the interface of this name. It needs
// CAP_NET_RAW. Close it.
func OpenInterface(name string, cfg LiveConfig) (*Live, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	ifc, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("capture: interface %s: %w", name, err)
	}
	l := &Live{name: name, index: ifc.Index, socket: -1, wake: -1}
	if err := l.open(cfg); err != nil {
		l.release()
		return nil, fmt.Errorf("capture: interface %s: %w", name, err)
	}
	return l, nil
}

// open makes the socket for no protocol, so that it receives nothing before
// bind.
func (l *Live) open(cfg LiveConfig) (err error) {
	hardware, err := hardwareType(l.name)
	if err != nil {
		return err
	}
	// Interfaces of other kinds have headers of their own, which the kernel
	// takes off in a datagram socket.
	socketType := unix.SOCK_DGRAM
	l.link, l.loopback = LinkRaw, hardware == unix.ARPHRD_LOOPBACK
	if l.loopback || hardware == unix.ARPHRD_ETHER {
		socketType, l.link = unix.SOCK_RAW, LinkEthernet
	}
	if l.socket, err = unix.Socket(unix.AF_PACKET, socketType|unix.SOCK_CLOEXEC, 0); err != nil {
		if errors.Is(err, unix.EPERM) {
			return fmt.Errorf("packet socket: %w: run as root or give the program CAP_NET_RAW", err)
		}
		return fmt.Errorf("packet socket: %w", err)
	}
	if l.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	program, err := assembleFilter(l.link == LinkEthernet, cfg.Ports, !cfg.NoTunnels)
	if err != nil {
		return err
	}
	if err := attachFilter(l.socket, program); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if err := l.ring.open(l.socket, cfg.ringBlocks()); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	if cfg.Promiscuous {
		member := unix.PacketMreq{Ifindex: int32(l.index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(l.socket, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &member); err != nil {
			return fmt.Errorf("promiscuous mode: %w", err)
		}
	}
	return unix.Bind(l.socket, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: l.index})
}

func hardwareType(name string) (uint16, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request); err != nil {
		return 0, fmt.Errorf("hardware type: %w", err)
	}
	return request.Uint16(), nil
}

func attachFilter(fd int, program []bpf.RawInstruction) error {
	filter := make([]unix.SockFilter, len(program))
	for i, ins := range program {
		filter[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

// networkOrder is v as two bytes in network order have to look to the host.
func networkOrder(v uint16) uint16 {
	b := [2]byte{byte(v >> 8), byte(v)}
	return *(*uint16)(unsafe.Pointer(&b))
}

// Next waits for a frame. Its Data is the Live's own copy and valid until the
// next call, also after Close. The error is net.ErrClosed after Close.
func (l *Live) Next() (Frame, error) {
	l.readMu.Lock()
	defer l.readMu.Unlock()
	for {
		if l.closing.Load() {
			return Frame{}, net.ErrClosed
		}
		p, ok, bad := l.ring.next()
		if bad {
			l.count(func(s *LiveStats) { s.BadFrames++ })
			continue
		}
		if !ok {
			if err := l.wait(); err != nil {
				return Frame{}, err
			}
			continue
		}
		if l.loopback && p.kind == unix.PACKET_OUTGOING {
			l.count(func(s *LiveStats) { s.Outgoing++ })
			continue
		}
		l.count(func(s *LiveStats) { s.Frames++ })
		l.frame = append(l.frame[:0], p.data...)
		return Frame{TimeNs: p.timeNs, Link: l.link, Data: l.frame, OrigLen: p.origLen}, nil
	}
}

func (l *Live) count(raise func(*LiveStats)) {
	l.mu.Lock()
	raise(&l.stats)
	l.mu.Unlock()
}

// wait returns when the ring may have a block or Close was called.
func (l *Live) wait() error {
	fds := []unix.PollFd{
		{Fd: int32(l.socket), Events: unix.POLLIN | unix.POLLERR},
		{Fd: int32(l.wake), Events: unix.POLLIN},
	}
	if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("capture: interface %s: waiting: %w", l.name, err)
	}
	if fds[0].Revents&unix.POLLERR == 0 {
		return nil
	}
	return l.socketError()
}

// socketError reads the socket's error. An interface that only went down will
// come up again, and the socket with it; one that is gone will not.
func (l *Live) socketError() error {
	code, err := unix.GetsockoptInt(l.socket, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code == 0 {
		return nil
	}
	if err == nil {
		err = unix.Errno(code)
	}
	if errors.Is(err, unix.ENETDOWN) {
		l.count(func(s *LiveStats) { s.LinkDown++ })
		if _, gone := net.InterfaceByIndex(l.index); gone == nil {
			return nil
		}
	}
	return fmt.Errorf("capture: interface %s: %w", l.name, err)
}

// Stats is what has been counted so far, the kernel's part read now.
func (l *Live) Stats() LiveStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.kernelStatsLocked()
	}
	return l.stats
}

// kernelStatsLocked adds what the kernel has counted, which it forgets when it
// is read.
func (l *Live) kernelStatsLocked() {
	if s, err := unix.GetsockoptTpacketStatsV3(l.socket, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		l.stats.Received += uint64(s.Packets)
		l.stats.Dropped += uint64(s.Drops)
	}
}

// Close ends the capture and a Next that waits. Stats keeps the last figures.
func (l *Live) Close() error {
	if l.closing.Swap(true) {
		return nil
	}
	if _, err := unix.Write(l.wake, binary.NativeEndian.AppendUint64(nil, 1)); err != nil {
		return fmt.Errorf("capture: interface %s: waking the reader: %w", l.name, err)
	}
	l.readMu.Lock()
	defer l.readMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kernelStatsLocked()
	l.closed = true
	return l.release()
}

// release gives back what open got, in part or whole.
func (l *Live) release() error {
	err := l.ring.close()
	for _, fd := range []int{l.wake, l.socket} {
		if fd >= 0 {
			err = errors.Join(err, unix.Close(fd))
		}
	}
	return err
}
