package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func openLoopback(t *testing.T, cfg LiveConfig) *Live {
	t.Helper()
	l, err := OpenInterface("lo", cfg)
	if errors.Is(err, unix.EPERM) {
		t.Skip("live capture needs CAP_NET_RAW: " + err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// ownLoopback gives the test a network of its own, in which nobody else sends: what
// the other tests of the machine do would fill the ring. It is that of the test's
// thread, which ends with it.
func ownLoopback(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		t.Skip("a network namespace needs CAP_SYS_ADMIN: " + err.Error())
	}
	setFlags(t, unix.IFF_UP)
}

// send gives datagrams to a port of this host's loopback, from a socket that is
// not connected: refusals do not come back to it.
func send(t *testing.T, port int, payloads ...[]byte) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, p := range payloads {
		if _, err := conn.WriteTo(p, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err != nil {
			t.Fatal(err)
		}
	}
}

// nextOurs skips what else comes by, such as the kernel's refusals.
func nextOurs(t *testing.T, l *Live, mark []byte) Frame {
	t.Helper()
	for {
		f, err := l.Next()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(f.Data, mark) && f.Data[23] == protoUDP {
			return f
		}
	}
}

func TestLive(t *testing.T) {
	ownLoopback(t)
	l := openLoopback(t, LiveConfig{Promiscuous: true, RingBytes: 2 << 20})
	mark := []byte("flowname live capture test")
	before := time.Now()
	send(t, 5553, append([]byte("not for the filter "), mark...))
	want := [][]byte{append([]byte("one "), mark...), append([]byte("two "), mark...), append(bytes.Repeat([]byte("x"), 3000), mark...)}
	send(t, 53, want...)
	for _, payload := range want {
		f := nextOurs(t, l, mark)
		if !bytes.HasSuffix(f.Data, payload) {
			t.Fatalf("frame %.80x, want payload %.40q: sent copies and other ports are to be left out", f.Data, payload)
		}
		if f.Link != LinkEthernet || f.OrigLen != len(f.Data) {
			t.Errorf("link %d, %d bytes of %d", f.Link, len(f.Data), f.OrigLen)
		}
		if d := time.Unix(0, f.TimeNs).Sub(before); d < -time.Second || d > time.Minute {
			t.Errorf("captured %v after the test began", d)
		}
	}
	s := l.Stats()
	if s.Frames < 3 || s.Outgoing < 3 || s.Received < s.Frames+s.Outgoing || s.Dropped != 0 || s.BadFrames != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestLiveClose closes while Next waits.
func TestLiveClose(t *testing.T) {
	l := openLoopback(t, LiveConfig{})
	result := make(chan error, 1)
	go func() {
		for {
			if _, err := l.Next(); err != nil {
				result <- err
				return
			}
		}
	}()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-result; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Next ended with %v, want %v", err, net.ErrClosed)
	}
	if _, err := l.Next(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Next after Close: %v", err)
	}
	l.Stats()
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// TestLiveDrops fills the ring while nobody reads.
func TestLiveDrops(t *testing.T) {
	ownLoopback(t)
	l := openLoopback(t, LiveConfig{RingBytes: 1})
	payload := make([]byte, 60000)
	payloads := make([][]byte, 100)
	for i := range payloads {
		payloads[i] = payload
	}
	send(t, 53, payloads...)
	if s := l.Stats(); s.Dropped == 0 || s.Received < s.Dropped {
		t.Errorf("stats %+v", s)
	}
}

func TestLiveNoInterface(t *testing.T) {
	if _, err := OpenInterface("no such name", LiveConfig{}); err == nil || !strings.Contains(err.Error(), "no such name") {
		t.Errorf("error %v", err)
	}
	if _, err := OpenInterface("lo", LiveConfig{RingBytes: -1}); err == nil {
		t.Error("a Config that is not valid was taken")
	}
}

func TestParseEntry(t *testing.T) {
	block := make([]byte, 200)
	put := func(at int, v uint32) { binary.NativeEndian.PutUint32(block[40+at:], v) }
	put(entryNextOff, 150)
	put(entrySecOff, 2)
	put(entryNsecOff, 3)
	put(entrySnapOff, 4)
	put(entryLenOff, 5)
	binary.NativeEndian.PutUint16(block[40+entryMacOff:], 80)
	block[40+entryKindOff] = unix.PACKET_OUTGOING
	copy(block[120:], "data")
	e, following, ok := parseEntry(block, 40)
	if !ok || following != 150 || e.timeNs != 2_000_000_003 || string(e.data) != "data" || e.origLen != 5 || e.kind != unix.PACKET_OUTGOING {
		t.Errorf("entry %+v, following %d, %v", e, following, ok)
	}
	for _, offset := range []uint32{190, 200, 1 << 31, 1<<32 - 1} {
		if _, _, ok := parseEntry(block, offset); ok {
			t.Errorf("an entry at %d of 200", offset)
		}
	}
	put(entrySnapOff, 1<<32-1)
	if _, _, ok := parseEntry(block, 40); ok {
		t.Error("an entry longer than its block")
	}
}

// TestRingBadEntry has a block whose first entry points out of it, and a good
// one behind it.
func TestRingBadEntry(t *testing.T) {
	r := ring{mem: make([]byte, 2*ringBlock), blocks: 2}
	put := func(block, at int, v uint32) { binary.NativeEndian.PutUint32(r.mem[block*ringBlock+at:], v) }
	for block := range 2 {
		put(block, blockStatusOff, unix.TP_STATUS_USER)
		put(block, blockCountOff, 1)
		put(block, blockFirstOff, 48)
	}
	put(0, blockFirstOff, ringBlock)
	l := Live{ring: r, wake: -1, socket: -1}
	f, err := l.Next()
	if s := l.stats; err != nil || len(f.Data) != 0 || s.BadFrames != 1 || s.Frames != 1 {
		t.Errorf("frame %+v, %v, stats %+v", f, err, s)
	}
}

// TestLiveLinkDown takes loopback down and up again.
func TestLiveLinkDown(t *testing.T) {
	ownLoopback(t)
	l := openLoopback(t, LiveConfig{})
	setFlags(t, 0)
	// As Next does where the ring is empty. Next itself would return only when the
	// link is up again, and without waiting where a frame is there by then.
	if err := l.wait(); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.LinkDown != 1 {
		t.Errorf("link down: stats %+v", s)
	}
	setFlags(t, unix.IFF_UP)
	mark := []byte("flowname after the link came up")
	send(t, 53, mark)
	nextOurs(t, l, mark)
	if s := l.Stats(); s.LinkDown != 1 {
		t.Errorf("link up: stats %+v", s)
	}
}

func setFlags(t *testing.T, flags uint16) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		t.Fatal(err)
	}
}
