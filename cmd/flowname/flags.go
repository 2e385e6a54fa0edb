package main

import (
	"errors"
	"io"

	"flowname/cmd/flowname/command"
	"flowname/correlate/export"
)

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
	case command.Enabled(f.NetflowTLS) && (f.TLSCert == "" || f.TLSKey == "" || f.TLSClientCA == ""):
		return errors.New("--netflow-tls needs --tls-cert, --tls-key and --tls-client-ca")
	case !command.Enabled(f.NetflowTLS) && (f.TLSCert != "" || f.TLSKey != "" || f.TLSClientCA != ""):
		return errors.New("--tls-cert, --tls-key and --tls-client-ca are for --netflow-tls, which is not given")
	}
	return nil
}

// appendOutput opens the sink of a daemon, which adds to what is there.
func appendOutput(path string, stdout io.Writer) (*export.File, error) {
	if path == "-" {
		return export.NewStream(stdout), nil
	}
	return export.OpenFile(path)
}

// output opens what flags name, to add to it or anew.
func output(open func(string, io.Writer) (*export.File, error), stdout io.Writer) func(string) (*export.File, error) {
	return func(path string) (*export.File, error) { return open(path, stdout) }
}
