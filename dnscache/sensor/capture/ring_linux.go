package capture

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ringTimeoutMs is how long the kernel keeps a block that is not full before it
// hands it over: the longest that a lone frame waits.
const ringTimeoutMs = 10

// Offsets in the kernel's structures of linux/if_packet.h, which are in the
// host's byte order.
const (
	blockStatusOff  = 8  // tpacket_block_desc.hdr.bh1.block_status
	blockCountOff   = 12 // num_pkts
	blockFirstOff   = 16 // offset_to_first_pkt
	entryNextOff    = 0  // tpacket3_hdr.tp_next_offset
	entrySecOff     = 4
	entryNsecOff    = 8
	entrySnapOff    = 12
	entryLenOff     = 16
	entryMacOff     = 24
	entryLinkOff    = unix.SizeofTpacket3Hdr // struct sockaddr_ll
	entryKindOff    = entryLinkOff + 10      // sll_pkttype
	entryHeadersLen = entryLinkOff + unix.SizeofSockaddrLinklayer
)

// ring is memory shared with the kernel: blocks that belong to one side at a
// time, each with a chain of frames.
type ring struct {
	mem    []byte
	blocks uint32
	block  uint32 // the one being read, or to be read next
	left   uint32 // frames of it not read yet
	offset uint32 // of the next frame in the block
	held   bool   // the block is ours
}

// entry is one frame in the ring, valid until next is called.
type entry struct {
	timeNs  int64
	data    []byte
	origLen int
	kind    uint8 // PACKET_HOST, PACKET_OUTGOING and so on
}

func (r *ring) open(fd int, blocks uint32) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return err
	}
	const frameSize = 2048 // the kernel wants one; frames are packed by their own size
	request := unix.TpacketReq3{
		Block_size:     ringBlock,
		Block_nr:       blocks,
		Frame_size:     frameSize,
		Frame_nr:       ringBlock / frameSize * blocks,
		Retire_blk_tov: ringTimeoutMs,
	}
	if err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return err
	}
	mem, err := unix.Mmap(fd, 0, int(blocks)*ringBlock, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	r.mem, r.blocks = mem, blocks
	return nil
}

func (r *ring) close() error {
	if r.mem == nil {
		return nil
	}
	mem := r.mem
	r.mem = nil
	return unix.Munmap(mem)
}

func (r *ring) current() []byte {
	start := int(r.block) * ringBlock
	return r.mem[start : start+ringBlock]
}

// status is the word that says whose the block is. It is loaded and stored
// atomically, which orders it against the frames themselves.
func (r *ring) status() *uint32 {
	return (*uint32)(unsafe.Pointer(&r.current()[blockStatusOff]))
}

// next is the next frame there is. bad tells of an entry that points out of its
// block: the rest of that block is passed over.
func (r *ring) next() (e entry, ok, bad bool) {
	if r.held && r.left == 0 {
		atomic.StoreUint32(r.status(), unix.TP_STATUS_KERNEL)
		r.block = (r.block + 1) % r.blocks
		r.held = false
	}
	if !r.held {
		if atomic.LoadUint32(r.status())&unix.TP_STATUS_USER == 0 {
			return e, false, false
		}
		block := r.current()
		r.held = true
		r.left = binary.NativeEndian.Uint32(block[blockCountOff:])
		r.offset = binary.NativeEndian.Uint32(block[blockFirstOff:])
		if r.left == 0 {
			return r.next() // once: the block is given back there
		}
	}
	e, following, ok := parseEntry(r.current(), r.offset)
	if !ok {
		r.left = 0
		return e, false, true
	}
	r.left--
	r.offset += following
	return e, true, false
}

// parseEntry reads the frame at an offset of a block; following is the distance
// to the one after it.
func parseEntry(block []byte, offset uint32) (e entry, following uint32, ok bool) {
	if uint64(offset)+entryHeadersLen > uint64(len(block)) {
		return e, 0, false
	}
	b := block[offset:]
	u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	start := uint64(binary.NativeEndian.Uint16(b[entryMacOff:]))
	end := start + uint64(u32(entrySnapOff))
	if end > uint64(len(b)) {
		return e, 0, false
	}
	return entry{
		timeNs:  int64(u32(entrySecOff))*nanosPerSecond + int64(u32(entryNsecOff)),
		data:    b[start:end],
		origLen: int(u32(entryLenOff)),
		kind:    b[entryKindOff],
	}, u32(entryNextOff), true
}
