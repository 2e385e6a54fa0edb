package main

import (
	"errors"
	"io"
	"net/netip"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/correlate/export"
	"flowname/dnscache/sensor"
)

// DNSFlags are the flags of all commands that read DNS messages.
type DNSFlags struct {
	DNS64           []string `name:"dns64" help:"NAT64 prefix besides 64:ff9b::/96 (repeatable)." placeholder:"PREFIX"`
	DNSPort         []uint16 `name:"dns-port" help:"Port besides 53 on which DNS is spoken (repeatable)." placeholder:"PORT"`
	AcceptUnmatched bool     `name:"accept-unmatched" help:"Believe responses whose query was not seen: for a tap of one direction only, and for DNS in sFlow samples."`
	Forwarder       []string `name:"forwarder" help:"Servers that ask for others: what they ask is any client's, or the client's that they tell by a whole client subnet; a network or an address (repeatable)." placeholder:"CIDR" sep:"none"`
}

func (f *DNSFlags) config() (dnsConfig, error) {
	c := dnsConfig{sensor: sensor.Config{AcceptUnmatched: f.AcceptUnmatched, Ports: f.DNSPort, Queries: true}}
	forwarders, err := command.ParseNetworks("--forwarder", f.Forwarder)
	if err != nil {
		return c, command.Usagef("%v", err)
	}
	c.forwarders = forwarders
	for _, text := range f.DNS64 {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return c, command.Usagef("dns64: %q is not a prefix such as 2001:db8:64::/96", text)
		}
		c.wire.DNS64 = append(c.wire.DNS64, p)
	}
	if err := c.wire.Validate(); err != nil {
		return c, command.Usagef("dns64: %v", err)
	}
	return c, nil
}

// evidenceConfig is the configuration of what reads DNS messages and logs.
func evidenceConfig(messages *DNSFlags, lines *LogFlags) (dnsConfig, error) {
	c, err := messages.config()
	if err != nil {
		return c, err
	}
	c.logs, err = lines.config(time.Time{})
	c.logs.DNS64 = c.wire.DNS64
	return c, err
}

// ClockFlags say what becomes of the times of exporters whose clocks are wrong.
type ClockFlags struct {
	FixClocks bool `name:"fix-clocks" help:"Join flows by corrected times where their exporter's clock is certainly 2s off or more (default ${default})." default:"true" negatable:""`
}

// StreamFlags are the flags of IPFIX by TCP and TLS.
type StreamFlags struct {
	NetflowTCP  string `name:"netflow-tcp" help:"TCP address for IPFIX, such as :4739." placeholder:"ADDR"`
	NetflowTLS  string `name:"netflow-tls" help:"TLS address for IPFIX, such as :4740; exporters must show a certificate." placeholder:"ADDR"`
	TLSCert     string `name:"tls-cert" help:"PEM file with the certificate that --netflow-tls shows." placeholder:"FILE" type:"existingfile"`
	TLSKey      string `name:"tls-key" help:"PEM file with its key." placeholder:"FILE" type:"existingfile"`
	TLSClientCA string `name:"tls-client-ca" help:"PEM file with the authorities that sign exporters' certificates." placeholder:"FILE" type:"existingfile"`
}

func (f *StreamFlags) validate() error {
	switch {
	case enabled(f.NetflowTLS) && (f.TLSCert == "" || f.TLSKey == "" || f.TLSClientCA == ""):
		return errors.New("--netflow-tls needs --tls-cert, --tls-key and --tls-client-ca")
	case !enabled(f.NetflowTLS) && (f.TLSCert != "" || f.TLSKey != "" || f.TLSClientCA != ""):
		return errors.New("--tls-cert, --tls-key and --tls-client-ca are for --netflow-tls, which is not given")
	}
	return nil
}

// enabled tells whether an address is given and not off.
func enabled(addr string) bool { return addr != "" && addr != off }

// appendOutput opens the sink of a daemon, which adds to what is there.
func appendOutput(path string, stdout io.Writer) (*export.File, error) {
	if path == "-" {
		return export.NewStream(stdout), nil
	}
	return export.OpenFile(path)
}
