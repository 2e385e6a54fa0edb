package stream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// load reads the files.
func (f *TLSFiles) load() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	authorities, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("tls: %s holds no certificate in PEM form: give the authority that signs exporters' certificates", f.ClientCA)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		ClientCAs:    pool,
		MinVersion:   tls.VersionTLS12,
		// verified is what demands a certificate, so that its absence is an
		// error of ours, which can be told from other failures.
		ClientAuth:       tls.VerifyClientCertIfGiven,
		VerifyConnection: verified,
		// A resumed session would carry the judgement of an earlier day.
		SessionTicketsDisabled: true,
	}, nil
}

// verified refuses a peer that has not shown a certificate with a chain to an
// authority.
func verified(s tls.ConnectionState) error {
	if len(s.VerifiedChains) == 0 {
		return fmt.Errorf("%w: none was given", ErrCertificate)
	}
	return nil
}

// handshakeError sorts why a handshake failed.
func handshakeError(err error) error {
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrCertificate):
		return err
	case errors.As(err, &unverified):
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	return fmt.Errorf("%w: %w", ErrHandshake, err)
}

// exporterName is what a certificate calls its holder: its first DNS name (RFC
// 7011 section 11.3 wants them there), or its common name.
func exporterName(s tls.ConnectionState) string {
	if len(s.PeerCertificates) == 0 {
		return ""
	}
	leaf := s.PeerCertificates[0]
	if len(leaf.DNSNames) > 0 {
		return leaf.DNSNames[0]
	}
	return leaf.Subject.CommonName
}
