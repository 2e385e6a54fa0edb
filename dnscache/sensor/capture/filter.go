package capture

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// maxFilterPorts keeps every jump of the program within its eight bits.
const maxFilterPorts = 32

// tunnelPorts are the UDP ports whose payload may be a tunnel with DNS in it:
// GTP-U, Teredo, GRE in UDP, VXLAN (IANA's, Linux's and GPE's), GENEVE.
var tunnelPorts = [...]uint16{2152, 3544, 4754, 4789, 4790, 6081, 8472}

const (
	protoIPIP = 4
	protoTCP  = 6
	protoUDP  = 17
	protoIPv6 = 41
	protoGRE  = 47
)

// filter is a BPF program being written. Jumps name labels that come later.
type filter struct {
	ins    []bpf.Instruction
	labels map[string]int
	fixups []fixup
}

type fixup struct {
	at      int
	yes, no string // empty: the next instruction
}

// assembleFilter writes the kernel's filter for frames with an Ethernet header,
// or for frames that begin with their IP header. What passes:
//
//   - UDP and TCP from or to port 53 and the given ports;
//   - with tunnels, GRE, IP in IP, 6in4 and the UDP ports of tunnels;
//   - of IPv4 every fragment but the first, which has the ports;
//   - of IPv6 everything behind extension headers;
//   - under Ethernet also MPLS and LLC/SNAP, which are too deep to look at, and
//     the above behind up to three VLAN tags and a PPPoE session header.
//
// The rest is dropped. What passes wrongly costs time only: the packet decoder
// looks at all of it again.
func assembleFilter(ethernet bool, ports []uint16, tunnels bool) ([]bpf.RawInstruction, error) {
	wanted := append([]uint16{53}, ports...)
	if tunnels {
		wanted = append(wanted, tunnelPorts[:]...)
	}
	if len(wanted) > maxFilterPorts {
		return nil, fmt.Errorf("capture: %d ports to filter for, at most %d", len(wanted), maxFilterPorts)
	}
	f := &filter{labels: make(map[string]int)}
	var network uint32 // offset of the IP header from X
	f.add(bpf.LoadConstant{Dst: bpf.RegX, Val: 0})
	if ethernet {
		network = 14
		f.etherTypes()
	} else {
		f.versions()
	}
	f.ipv4(network, tunnels)
	f.ipv6(network, tunnels)
	f.ports(network, wanted)
	f.label("accept")
	f.add(bpf.RetConstant{Val: MaxFrameLen})
	f.label("drop")
	f.add(bpf.RetConstant{Val: 0})
	if err := f.resolve(); err != nil {
		return nil, err
	}
	return bpf.Assemble(f.ins)
}

// etherTypes finds the network header: X ends as the length of what stands
// between the Ethernet header and it.
func (f *filter) etherTypes() {
	const maxTags = 3
	for range maxTags {
		f.add(bpf.LoadIndirect{Off: 12, Size: 2})
		tag := fmt.Sprintf("tag%d", len(f.ins))
		f.jump(bpf.JumpEqual, 0x8100, tag, "")
		f.jump(bpf.JumpEqual, 0x88a8, tag, "")
		f.jump(bpf.JumpEqual, 0x9100, tag, "type")
		f.label(tag)
		f.advance(4)
	}
	f.add(bpf.LoadIndirect{Off: 12, Size: 2})
	f.label("type")
	f.jump(bpf.JumpEqual, 0x0800, "ipv4", "")
	f.jump(bpf.JumpEqual, 0x86dd, "ipv6", "")
	f.jump(bpf.JumpEqual, 0x8847, "accept", "")
	f.jump(bpf.JumpEqual, 0x8848, "accept", "")
	f.jump(bpf.JumpEqual, 0x8864, "pppoe", "")
	f.jump(bpf.JumpGreaterThan, 1500, "drop", "")
	f.add(bpf.LoadIndirect{Off: 14, Size: 2}) // LLC
	f.jump(bpf.JumpEqual, 0xaaaa, "accept", "drop")
	f.label("pppoe")
	f.add(bpf.LoadIndirect{Off: 20, Size: 2})
	f.add(bpf.StoreScratch{Src: bpf.RegA, N: 0})
	f.advance(8)
	f.add(bpf.LoadScratch{Dst: bpf.RegA, N: 0})
	f.jump(bpf.JumpEqual, 0x0021, "ipv4", "")
	f.jump(bpf.JumpEqual, 0x0057, "ipv6", "drop")
}

func (f *filter) versions() {
	f.add(bpf.LoadIndirect{Off: 0, Size: 1})
	f.add(bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4})
	f.jump(bpf.JumpEqual, 4, "ipv4", "")
	f.jump(bpf.JumpEqual, 6, "ipv6", "drop")
}

func (f *filter) ipv4(network uint32, tunnels bool) {
	f.label("ipv4")
	f.add(bpf.LoadIndirect{Off: network + 6, Size: 2})
	f.jump(bpf.JumpBitsSet, 0x1fff, "accept", "")
	f.add(bpf.LoadIndirect{Off: network + 9, Size: 1})
	f.jump(bpf.JumpEqual, protoUDP, "options", "")
	f.jump(bpf.JumpEqual, protoTCP, "options", "")
	f.tunnelProtos(tunnels)
	f.label("options")
	f.add(bpf.LoadIndirect{Off: network, Size: 1})
	f.add(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf})
	f.add(bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2})
	f.add(bpf.ALUOpX{Op: bpf.ALUOpAdd})
	f.add(bpf.TAX{})
	f.jump(bpf.JumpEqual, 0, "ports", "ports")
}

func (f *filter) ipv6(network uint32, tunnels bool) {
	f.label("ipv6")
	f.add(bpf.LoadIndirect{Off: network + 6, Size: 1})
	f.jump(bpf.JumpEqual, protoUDP, "fixed", "")
	f.jump(bpf.JumpEqual, protoTCP, "fixed", "")
	for _, extension := range []uint32{0, 43, 44, 51, 60} {
		f.jump(bpf.JumpEqual, extension, "accept", "")
	}
	f.tunnelProtos(tunnels)
	f.label("fixed")
	f.advance(40)
}

func (f *filter) tunnelProtos(tunnels bool) {
	if tunnels {
		f.jump(bpf.JumpEqual, protoGRE, "accept", "")
		f.jump(bpf.JumpEqual, protoIPIP, "accept", "")
		f.jump(bpf.JumpEqual, protoIPv6, "accept", "drop")
		return
	}
	f.jump(bpf.JumpEqual, 0, "drop", "drop")
}

// ports has the transport header at network from X.
func (f *filter) ports(network uint32, wanted []uint16) {
	f.label("ports")
	for side := range uint32(2) {
		f.add(bpf.LoadIndirect{Off: network + 2*side, Size: 2})
		for _, port := range wanted {
			f.jump(bpf.JumpEqual, uint32(port), "accept", "")
		}
	}
	f.jump(bpf.JumpEqual, 0, "drop", "drop")
}

func (f *filter) add(i bpf.Instruction) { f.ins = append(f.ins, i) }

func (f *filter) label(name string) { f.labels[name] = len(f.ins) }

// advance adds to X; A is lost.
func (f *filter) advance(n uint32) {
	f.add(bpf.TXA{})
	f.add(bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: n})
	f.add(bpf.TAX{})
}

func (f *filter) jump(cond bpf.JumpTest, val uint32, yes, no string) {
	f.fixups = append(f.fixups, fixup{at: len(f.ins), yes: yes, no: no})
	f.add(bpf.JumpIf{Cond: cond, Val: val})
}

func (f *filter) resolve() error {
	distance := func(from int, label string) (uint8, error) {
		if label == "" {
			return 0, nil
		}
		to, ok := f.labels[label]
		if n := to - from - 1; ok && n >= 0 && n < 256 {
			return uint8(n), nil
		}
		return 0, fmt.Errorf("capture: filter: no way from %d to %q", from, label)
	}
	for _, x := range f.fixups {
		yes, err := distance(x.at, x.yes)
		if err != nil {
			return err
		}
		no, err := distance(x.at, x.no)
		if err != nil {
			return err
		}
		j := f.ins[x.at].(bpf.JumpIf)
		f.ins[x.at] = bpf.JumpIf{Cond: j.Cond, Val: j.Val, SkipTrue: yes, SkipFalse: no}
	}
	return nil
}
