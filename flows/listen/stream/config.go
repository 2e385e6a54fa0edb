package stream

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"flowname/flows/listen"
)

// What ends or refuses a connection. Errors of opening are those of package
// listen: ErrAddress, ErrInUse, ErrConfig.
var (
	// ErrVersion means that a header does not begin with IPFIX's version, 10.
	ErrVersion = errors.New("not an IPFIX message")
	// ErrLength means that a header gives a length that is less than its own.
	ErrLength = errors.New("impossible message length")
	// ErrSlow means that a message was begun and did not come to its end in
	// time.
	ErrSlow = errors.New("a message was begun and not completed")
	// ErrCutShort means that the stream ended within a message.
	ErrCutShort = errors.New("the stream ends within a message")
	// ErrNotAllowed means that the peer is not in Config.Allow.
	ErrNotAllowed = errors.New("not one of the exporters that may connect")
	// ErrSilent means that the peer has sent nothing for too long.
	ErrSilent = errors.New("nothing came")
	// ErrFull means that there are as many connections as may be, in all or of
	// one address.
	ErrFull = errors.New("too many connections")
	// ErrDuplicate means that a connection from that address and port stands.
	ErrDuplicate = errors.New("connected already")
	// ErrCertificate means that the peer gave no certificate, or none that an
	// authority of TLSFiles.ClientCA has signed for now and for clients.
	ErrCertificate = errors.New("no certificate of a known authority")
	// ErrHandshake means that TLS was not agreed on for any other reason.
	ErrHandshake = errors.New("no TLS connection")
)

const (
	handshakeTime = 10 * time.Second
	messageTime   = 30 * time.Second
	// firstTime and idleTime bound the silence before the first message and after
	// each. An exporter with nothing to tell is silent for as long as its active
	// timeout at least, 30 minutes with Cisco's default; one that finds its
	// connection closed opens another (RFC 7011 section 10.4.4).
	firstTime = 10 * time.Minute
	idleTime  = time.Hour
	// drainFor bounds the reading of what has come when the context ends.
	drainFor = 200 * time.Millisecond
	// acceptPause is how long accepting rests after it has failed, for want of
	// file descriptors for one.
	acceptPause = time.Second

	// batchSize is the most messages handed over at once.
	batchSize = 128
)

// keepAlive finds a dead peer after 60 s of silence and four questions 15 s
// apart.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 60 * time.Second, Interval: 15 * time.Second, Count: 4}

// TLSFiles are the PEM files of a listener with TLS.
type TLSFiles struct {
	// Cert is the collector's certificate, with those between it and its
	// authority behind it; Key is its key.
	Cert, Key string
	// ClientCA holds the certificates of the authorities that sign exporters'
	// certificates.
	ClientCA string
}

// Config says where and how to listen.
type Config struct {
	// Addr is "host:port". An empty host is every address of both families;
	// port 0 is one that the kernel picks. IPFIX's ports are 4739, and 4740 for
	// TLS.
	Addr string
	// TLS is nil for plain TCP.
	TLS *TLSFiles
	// Allow is who may connect; empty means everyone.
	Allow []netip.Prefix
	// MaxConnections is how many may stand at once. Default 256.
	MaxConnections int
	// MaxPerAddress is how many of them may be of one address. Default 32.
	MaxPerAddress int
}

// Validate says what is wrong with c, or nil.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return fmt.Errorf("listen: %w %q: want host:port, such as :4739 or 127.0.0.1:4739", listen.ErrAddress, c.Addr)
	}
	if c.MaxConnections < 0 || c.MaxPerAddress < 0 {
		return fmt.Errorf("listen: %w: %d connections, %d of one address: want 0 or more",
			listen.ErrConfig, c.MaxConnections, c.MaxPerAddress)
	}
	if t := c.TLS; t != nil && (t.Cert == "" || t.Key == "" || t.ClientCA == "") {
		return fmt.Errorf("listen: %w: TLS needs a certificate, its key and the exporters' authorities", listen.ErrConfig)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.MaxConnections == 0 {
		c.MaxConnections = 256
	}
	if c.MaxPerAddress == 0 {
		c.MaxPerAddress = 32
	}
	return c
}
