package capture

import "encoding/binary"

// Kind is what the first bytes of a file say that it is.
type Kind uint8

// The kinds of files that a Reader opens. A compressed file may hold something
// else than a capture.
const (
	KindUnknown Kind = iota
	KindPcap
	KindPcapNG
	KindGzip
	KindZstd
)

// String is the kind's usual name.
func (k Kind) String() string {
	switch k {
	case KindPcap:
		return "pcap"
	case KindPcapNG:
		return "pcapng"
	case KindGzip:
		return "gzip"
	case KindZstd:
		return "zstd"
	}
	return "unknown"
}

// SniffLen is how many bytes Sniff needs to recognise every kind.
const SniffLen = 12

const (
	pcapMagicMicro = 0xa1b2c3d4
	pcapMagicNano  = 0xa1b23c4d
	ngMagicSection = 0x0a0d0d0a // the same in both byte orders
	ngMagicOrder   = 0x1a2b3c4d
	gzipMagic      = "\x1f\x8b\x08"
	zstdMagic      = 0xfd2fb528
	// RFC 8878 section 3.1.2: sixteen magic numbers for skippable frames, which
	// parallel compressors write first.
	zstdSkippable = 0x184d2a50
)

// Sniff tells a file's kind by its first bytes. It never errs on the side of a
// kind: too few bytes are KindUnknown.
func Sniff(prefix []byte) Kind {
	if len(prefix) < 4 {
		return KindUnknown
	}
	little, big := binary.LittleEndian.Uint32(prefix), binary.BigEndian.Uint32(prefix)
	switch {
	case little == pcapMagicMicro, little == pcapMagicNano, big == pcapMagicMicro, big == pcapMagicNano:
		return KindPcap
	case string(prefix[:3]) == gzipMagic:
		return KindGzip
	case little == zstdMagic, little&^0xf == zstdSkippable:
		return KindZstd
	case little == ngMagicSection && len(prefix) >= SniffLen && ngOrder(prefix[8:]) != nil:
		return KindPcapNG
	}
	return KindUnknown
}

// ngOrder is the byte order that a section header's third word declares, nil
// for none.
func ngOrder(b []byte) binary.ByteOrder {
	switch {
	case binary.LittleEndian.Uint32(b) == ngMagicOrder:
		return binary.LittleEndian
	case binary.BigEndian.Uint32(b) == ngMagicOrder:
		return binary.BigEndian
	}
	return nil
}
