package capture

import "fmt"

// LiveConfig says how an interface is captured. The zero value is usable.
type LiveConfig struct {
	// Promiscuous asks the interface for frames that are not for this host.
	Promiscuous bool
	// Ports are DNS ports besides 53.
	Ports []uint16
	// NoTunnels leaves out GRE, IP in IP and the UDP tunnels, of which
	// otherwise every packet is taken.
	NoTunnels bool
	// RingBytes is the memory shared with the kernel; 0 is 16 MiB. It is
	// rounded up to whole blocks of 1 MiB.
	RingBytes int
}

const (
	defaultRingBytes = 16 << 20
	maxRingBytes     = 1 << 30
	ringBlock        = 1 << 20
)

// Validate tells what OpenInterface would refuse.
func (c LiveConfig) Validate() error {
	if c.RingBytes < 0 || c.RingBytes > maxRingBytes {
		return fmt.Errorf("capture: a ring of %d bytes: want 0 to %d", c.RingBytes, maxRingBytes)
	}
	_, err := assembleFilter(true, c.Ports, !c.NoTunnels)
	return err
}

func (c LiveConfig) ringBlocks() uint32 {
	size := c.RingBytes
	if size == 0 {
		size = defaultRingBytes
	}
	return uint32(max(2, (size+ringBlock-1)/ringBlock))
}

// LiveStats counts since the interface was opened.
type LiveStats struct {
	Received  uint64 // frames that passed the filter, as the kernel counts them; those dropped are among them
	Dropped   uint64 // frames the kernel dropped because the ring was full
	Frames    uint64 // frames given
	Outgoing  uint64 // loopback frames left out because they are seen again as received
	BadFrames uint64 // ring entries that point out of their block
	LinkDown  uint64 // times the interface went down while it was captured
}
