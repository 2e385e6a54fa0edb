package capture

import (
	"encoding/binary"
	"fmt"
)

const (
	pcapHeaderLen = 24
	pcapRecordLen = 16
	// pcapLinkMask leaves out the bits above the link type, which tell about
	// the frame check sequence (draft-ietf-opsawg-pcap section 4).
	pcapLinkMask = 0xffff
)

// pcapState is what the header of a pcap file says about all of its frames.
type pcapState struct {
	link  LinkType
	scale int64 // nanoseconds a unit of the fraction
}

func (r *Reader) openPcap() error {
	b, err := r.need(pcapHeaderLen)
	if err != nil {
		return err
	}
	r.order = binary.LittleEndian
	magic := r.order.Uint32(b)
	if magic != pcapMagicMicro && magic != pcapMagicNano {
		r.order = binary.BigEndian
		magic = r.order.Uint32(b)
	}
	r.pcap.scale = 1000
	if magic == pcapMagicNano {
		r.pcap.scale = 1
	}
	r.pcap.link = LinkType(r.order.Uint32(b[20:]) & pcapLinkMask)
	return r.skip(pcapHeaderLen)
}

func (r *Reader) nextPcap() (Frame, error) {
	b, err := r.peek(pcapRecordLen)
	if err != nil {
		return Frame{}, err
	}
	seconds, fraction := r.order.Uint32(b), r.order.Uint32(b[4:])
	length, orig := r.order.Uint32(b[8:]), r.order.Uint32(b[12:])
	if length > MaxFrameLen {
		return Frame{}, fmt.Errorf("%w: pcap packet %d says it has %d bytes", ErrCorrupt, r.stats.Frames+1, length)
	}
	if b, err = r.need(pcapRecordLen + int(length)); err != nil {
		return Frame{}, err
	}
	r.pending = len(b)
	return Frame{
		// Seconds are unsigned: good until 2106.
		TimeNs:  int64(seconds)*1e9 + int64(fraction)*r.pcap.scale,
		Link:    r.pcap.link,
		Data:    b[pcapRecordLen:],
		OrigLen: max(int(orig), int(length)),
	}, nil
}
