package capture

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// sample is the list of frames that every container is filled with.
func sample() []Frame {
	const base = 1_700_000_000_000_000_000
	return []Frame{
		{TimeNs: base + 1000, Link: LinkEthernet, Data: []byte("first"), OrigLen: 5},
		{TimeNs: base + 2_000_000, Link: LinkEthernet, Data: []byte("second, cut"), OrigLen: 1500},
		{TimeNs: base + 3_999_999_000, Link: LinkEthernet, Data: []byte{}, OrigLen: 0},
		{TimeNs: base - 5_000_000_000, Link: LinkEthernet, Data: bytes.Repeat([]byte("x"), 99), OrigLen: 99},
	}
}

type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func pcapFile(o order, nano bool, link uint32, frames []Frame) []byte {
	magic, scale := uint32(pcapMagicMicro), int64(1000)
	if nano {
		magic, scale = pcapMagicNano, 1
	}
	b := o.AppendUint32(nil, magic)
	b = o.AppendUint16(o.AppendUint16(b, 2), 4)
	b = o.AppendUint32(o.AppendUint32(o.AppendUint32(b, 0), 0), 65535)
	b = o.AppendUint32(b, link)
	for _, f := range frames {
		b = o.AppendUint32(b, uint32(f.TimeNs/1e9))
		b = o.AppendUint32(b, uint32(f.TimeNs%1e9/scale))
		b = o.AppendUint32(b, uint32(len(f.Data)))
		b = o.AppendUint32(b, uint32(f.OrigLen))
		b = append(b, f.Data...)
	}
	return b
}

// block is a pcapng block with a body that is padded.
func block(o order, kind uint32, body ...[]byte) []byte {
	content := bytes.Join(body, nil)
	content = append(content, make([]byte, (4-len(content)%4)%4)...)
	size := uint32(len(content) + 12)
	b := o.AppendUint32(o.AppendUint32(nil, kind), size)
	return o.AppendUint32(append(b, content...), size)
}

func section(o order, major uint16) []byte {
	b := o.AppendUint32(nil, ngMagicOrder)
	b = o.AppendUint16(o.AppendUint16(b, major), 0)
	return block(o, ngMagicSection, o.AppendUint64(b, 1<<64-1))
}

// option is one option of a block, padded.
func option(o order, code uint16, value []byte) []byte {
	b := o.AppendUint16(o.AppendUint16(nil, code), uint16(len(value)))
	return append(append(b, value...), make([]byte, (4-len(value)%4)%4)...)
}

func interfaceBlock(o order, link LinkType, snapLen uint32, options ...[]byte) []byte {
	b := o.AppendUint16(o.AppendUint16(nil, uint16(link)), 0)
	return block(o, ngInterface, o.AppendUint32(b, snapLen), bytes.Join(options, nil))
}

func enhanced(o order, id uint32, units uint64, data []byte, orig int, options ...[]byte) []byte {
	b := o.AppendUint32(nil, id)
	b = o.AppendUint32(o.AppendUint32(b, uint32(units>>32)), uint32(units))
	b = o.AppendUint32(o.AppendUint32(b, uint32(len(data))), uint32(orig))
	b = append(append(b, data...), make([]byte, (4-len(data)%4)%4)...)
	return block(o, ngEnhancedPacket, b, bytes.Join(options, nil))
}

func obsolete(o order, id uint16, units uint64, data []byte, orig int) []byte {
	b := o.AppendUint16(o.AppendUint16(nil, id), 7)
	b = o.AppendUint32(o.AppendUint32(b, uint32(units>>32)), uint32(units))
	b = o.AppendUint32(o.AppendUint32(b, uint32(len(data))), uint32(orig))
	return block(o, ngObsoletePacket, b, data)
}

func simple(o order, data []byte, orig int) []byte {
	return block(o, ngSimplePacket, o.AppendUint32(nil, uint32(orig)), data)
}

func pcapngFile(o order, frames []Frame) []byte {
	b := append(section(o, 1), interfaceBlock(o, LinkEthernet, 0)...)
	for _, f := range frames {
		b = append(b, enhanced(o, 0, uint64(f.TimeNs/1000), f.Data, f.OrigLen, option(o, 1, []byte("a comment")), option(o, 0, nil))...)
	}
	return b
}

func gzipped(t testing.TB, parts ...[]byte) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func zstandard(t testing.TB, content []byte) []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(content, nil)
}
