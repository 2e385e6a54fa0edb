package sflow

import (
	"encoding/binary"
	"net/netip"
)

// An xdr is a cursor over a part of a datagram, which is in XDR (RFC 4506):
// big-endian units of four bytes. Its first error sticks, and what is read
// behind it is zero.
type xdr struct {
	buf []byte // the datagram up to the part's end
	off int    // from the datagram's start
	err error
}

func (x *xdr) left() int { return len(x.buf) - x.off }

// bytes returns the next n bytes as they lie in the datagram, without padding.
func (x *xdr) bytes(n int) []byte {
	if x.err != nil || n > x.left() {
		if x.err == nil {
			x.err = ErrTruncated
		}
		return nil
	}
	b := x.buf[x.off : x.off+n]
	x.off += n
	return b
}

func (x *xdr) uint32() uint32 {
	if x.err != nil || x.left() < 4 {
		if x.err == nil {
			x.err = ErrTruncated
		}
		return 0
	}
	v := binary.BigEndian.Uint32(x.buf[x.off:])
	x.off += 4
	return v
}

// skip passes over n units of four bytes.
func (x *xdr) skip(n uint32) {
	if x.err == nil && uint64(n)*4 > uint64(x.left()) {
		x.err = ErrTruncated
	}
	if x.err == nil {
		x.off += int(n) * 4
	}
}

// part cuts off the next size bytes as a cursor of their own. Where there are
// fewer it has those, and whole is false.
func (x *xdr) part(size uint32) (p xdr, whole bool) {
	whole = uint64(size) <= uint64(x.left())
	end := len(x.buf)
	if whole {
		end = x.off + int(size)
	}
	p = xdr{buf: x.buf[:end], off: x.off}
	x.off = end
	return p, whole
}

// Types of an address.
const (
	addressUnknown = iota
	addressIPv4
	addressIPv6
)

// address reads an address, unmapped. One of unknown type and an unspecified
// one, which is how agents say that there is none, are the zero Addr.
func (x *xdr) address() netip.Addr {
	var a netip.Addr
	switch kind := x.uint32(); kind {
	case addressUnknown: // also after an error
	case addressIPv4:
		if b := x.bytes(4); b != nil {
			a = netip.AddrFrom4([4]byte(b))
		}
	case addressIPv6:
		if b := x.bytes(16); b != nil {
			a = netip.AddrFrom16([16]byte(b)).Unmap()
		}
	default:
		x.err = ErrAddress
	}
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
