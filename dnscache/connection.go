package dnscache

import "net/netip"

// A Connection is the evidence of somebody who saw one connection made and knew
// its name without DNS: an endpoint's agent, or a TLS handshake on the wire. It
// outranks DNS for the flow it describes.
//
// Name and the texts of Process belong to whoever filled the Connection and may
// be reused as soon as a call it is passed to returns.
type Connection struct {
	// TimeNs is when the connection was made, or seen, Unix nanoseconds.
	TimeNs int64
	Source Source
	// Client made the connection to Server, both unmapped and valid.
	Client, Server netip.Addr
	// The ports are 0 where the source does not tell them.
	ClientPort, ServerPort uint16
	// Proto is the IP protocol number; 0 where the source does not tell it.
	Proto uint8

	// Name is the server's, in the presentation form of Response.Name; empty
	// where only the process is known.
	Name []byte
	// Process is at the client, or at the server where Inbound is set: the agent
	// that reported sits on the end that was connected to.
	Process Process
	Inbound bool
}

// A Process is the program at one end of a connection. Empty texts and a zero
// PID are what the source does not tell.
type Process struct {
	Path []byte // as the operating system writes it, any bytes
	PID  uint32
	Host []byte // the machine's name as its agent calls it
}
