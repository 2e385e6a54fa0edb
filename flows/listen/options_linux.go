package listen

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// canShare says whether SO_REUSEPORT spreads datagrams over sockets here.
const canShare = true

// prepare sets what a socket needs before it is bound, so that its first
// datagram already has a time.
func prepare(fd uintptr, share bool) error {
	if share {
		if err := setOption(int(fd), unix.SO_REUSEPORT, 1); err != nil {
			return fmt.Errorf("SO_REUSEPORT: %w", err)
		}
	}
	// A kernel that gives no time costs accuracy, not datagrams.
	_ = setOption(int(fd), unix.SO_TIMESTAMPNS, 1)
	return nil
}

// setReceiveBuffer tries SO_RCVBUFFORCE, which goes beyond net.core.rmem_max
// and needs CAP_NET_ADMIN, then SO_RCVBUF, which takes as much as that cap
// allows. What came of it is in receiveBuffer.
func (r *receiver) setReceiveBuffer(size int) {
	_ = r.raw.Control(func(fd uintptr) {
		if setOption(int(fd), unix.SO_RCVBUFFORCE, size) != nil {
			_ = setOption(int(fd), unix.SO_RCVBUF, size)
		}
	})
}

func setOption(fd, option, value int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, value)
}

// allowSharing sets SO_REUSEPORT on the first socket of a group after its bind.
// Linux looks at the option of the bound sockets when a further one is bound,
// and makes the group then.
func (r *receiver) allowSharing() error {
	var optErr error
	err := r.raw.Control(func(fd uintptr) { optErr = setOption(int(fd), unix.SO_REUSEPORT, 1) })
	return errors.Join(err, optErr)
}

// receiveBuffer is half of what SO_RCVBUF says: the kernel doubles what it is
// asked for, to make room for its own bookkeeping (socket(7)).
func (r *receiver) receiveBuffer() int {
	var got int
	err := r.raw.Control(func(fd uintptr) {
		got, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	})
	if err != nil {
		return 0
	}
	return got / 2
}

// drops reads the kernel's drop counter, false where it can not.
func (r *receiver) drops() (uint32, bool) {
	var info [unix.SK_MEMINFO_VARS]uint32
	var errno syscall.Errno
	size := uint32(unsafe.Sizeof(info))
	err := r.raw.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	})
	const needed = (unix.SK_MEMINFO_DROPS + 1) * 4
	if err != nil || errno != 0 || size < needed {
		return 0, false
	}
	return info[unix.SK_MEMINFO_DROPS], true
}

// bufferAdvice says how to get a receive buffer of the wanted bytes.
func bufferAdvice(wanted int) string {
	advice := fmt.Sprintf("raise the cap with \"sysctl -w net.core.rmem_max=%d\" "+
		"or give the process CAP_NET_ADMIN", wanted)
	if now, err := os.ReadFile("/proc/sys/net/core/rmem_max"); err == nil {
		advice += " (net.core.rmem_max is " + strings.TrimSpace(string(now)) + ")"
	}
	return advice
}
