package stream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"flowname/flows/listen"
)

// An authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	der  []byte
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.key, a.der = a.issue(a.cert, a.cert, nil)
	return a
}

func (a *authority) issue(cert, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, der
}

// sign makes a certificate for a use, from an hour ago until then.
func (a *authority) sign(name string, use x509.ExtKeyUsage, until time.Time) tls.Certificate {
	a.t.Helper()
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "CN of " + name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{use}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(name); ip != nil {
		cert.IPAddresses = []net.IP{ip}
	} else if strings.Contains(name, ".") {
		cert.DNSNames = []string{name}
	}
	key, der := a.issue(cert, a.cert, a.key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) exporter(name string) *tls.Certificate {
	c := a.sign(name, x509.ExtKeyUsageClientAuth, time.Now().Add(time.Hour))
	return &c
}

// writePEM writes blocks of one type.
func writePEM(t *testing.T, path, kind string, blocks ...[]byte) {
	t.Helper()
	var b []byte
	for _, der := range blocks {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// files writes what a listener needs: a certificate of one authority, and
// another one as the exporters'.
func files(t *testing.T, dir string, own, exporters *authority) *TLSFiles {
	t.Helper()
	f := &TLSFiles{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key"), ClientCA: filepath.Join(dir, "ca")}
	c := own.sign("127.0.0.1", x509.ExtKeyUsageServerAuth, time.Now().Add(time.Hour))
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, f.Cert, "CERTIFICATE", c.Certificate[0])
	writePEM(t, f.Key, "PRIVATE KEY", key)
	writePEM(t, f.ClientCA, "CERTIFICATE", exporters.der)
	return f
}

// exportTLS connects as an exporter with a certificate, or none, sends a
// message and waits for the end of the connection. It returns what the exporter
// sees of a refusal.
func exportTLS(r *running, trust *authority, cert *tls.Certificate, maxVersion uint16) error {
	roots := x509.NewCertPool()
	roots.AddCert(mustParse(r.t, trust.der))
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: maxVersion}
	if cert != nil {
		// Not by Certificates, which are kept back where the server names other
		// authorities.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	conn, err := tls.Dial("tcp", r.Addr().String(), config)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(message(30, 1)); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	// In TLS 1.3 a refusal comes behind the exporter's side of the handshake.
	if _, err = conn.Read(make([]byte, 1)); err == io.EOF {
		return nil
	}
	return err
}

func mustParse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTLS(t *testing.T) {
	ours, theirs, strangers := newAuthority(t, "collector CA"), newAuthority(t, "exporter CA"), newAuthority(t, "strange CA")
	expired := theirs.sign("late.example", x509.ExtKeyUsageClientAuth, time.Now().Add(-time.Hour))
	server := theirs.sign("web.example", x509.ExtKeyUsageServerAuth, time.Now().Add(time.Hour))
	self := newAuthority(t, "self")
	for _, c := range []struct {
		what       string
		cert       *tls.Certificate
		maxVersion uint16
		name       string
		err        error
	}{
		{"a good certificate", theirs.exporter("r1.example"), tls.VersionTLS13, "r1.example", nil},
		{"a good certificate, TLS 1.2", theirs.exporter("r1.example"), tls.VersionTLS12, "r1.example", nil},
		{"no DNS name", theirs.exporter("r1"), tls.VersionTLS13, "CN of r1", nil},
		{"no certificate", nil, tls.VersionTLS13, "", ErrCertificate},
		{"no certificate, TLS 1.2", nil, tls.VersionTLS12, "", ErrCertificate},
		{"another authority", strangers.exporter("r1.example"), tls.VersionTLS13, "", ErrCertificate},
		{"another authority, TLS 1.2", strangers.exporter("r1.example"), tls.VersionTLS12, "", ErrCertificate},
		{"the collector's authority", ours.exporter("r1.example"), tls.VersionTLS13, "", ErrCertificate},
		{"expired", &expired, tls.VersionTLS13, "", ErrCertificate},
		{"for servers only", &server, tls.VersionTLS13, "", ErrCertificate},
		{"signed by itself", &tls.Certificate{Certificate: [][]byte{self.der}, PrivateKey: self.key}, tls.VersionTLS13, "", ErrCertificate},
		{"TLS 1.1", theirs.exporter("r1.example"), tls.VersionTLS11, "", ErrHandshake},
	} {
		messages := 0
		r := start(t, Config{TLS: files(t, t.TempDir(), ours, theirs)}, func(b []listen.Datagram) { messages += len(b) })
		seen := exportTLS(r, ours, c.cert, c.maxVersion)
		until(t, c.what+": the connection has ended", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.ended) == 1 })
		r.stop()
		if !errors.Is(r.ended[0], c.err) || (c.err == nil) != (seen == nil) {
			t.Errorf("%s: ended with %v, the exporter saw %v; want %v", c.what, r.ended[0], seen, c.err)
		}
		want := Stats{Sessions: 1, Messages: 1, Bytes: 30, Batches: 1}
		switch c.err {
		case ErrCertificate:
			want = Stats{RefusedCertificate: 1}
		case ErrHandshake:
			want = Stats{FailedHandshakes: 1}
		}
		if got := r.Stats(); got != want || messages != int(want.Messages) {
			t.Errorf("%s: %d messages and stats %+v, want %+v", c.what, messages, got, want)
		}
		if c.err == nil && !slices.Equal(r.names, []string{c.name}) {
			t.Errorf("%s: named %q, want %q", c.what, r.names, c.name)
		}
	}
}

// What is not TLS fails, at once or when its time is over.
func TestHandshakeFails(t *testing.T) {
	a := newAuthority(t, "CA")
	config, err := files(t, t.TempDir(), a, a).load()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bytes []byte
		took  time.Duration
	}{
		"plain IPFIX":         {message(40, 1), 0},
		"silence":             {nil, handshakeTime},
		"half a client hello": {[]byte{22, 3, 1, 1, 0, 1, 0}, handshakeTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newListener(Config{}, nil)
			l.tls.Store(config)
			began := time.Now()
			e := connectTo(t, l, nil)
			go e.send(c.bytes)
			go e.Read(make([]byte, 64)) // the alert
			if err := <-e.done; !errors.Is(err, ErrHandshake) {
				t.Errorf("%s: %v, want ErrHandshake", name, err)
			}
			if took := time.Since(began); took != c.took {
				t.Errorf("%s: ended after %v, want %v", name, took, c.took)
			}
			synctest.Wait() // for its Close
			if s := l.Stats(); s != (Stats{FailedHandshakes: 1}) || l.Connections() != 0 {
				t.Errorf("%s: %+v, %d connections", name, s, l.Connections())
			}
			e.Close()
		})
	}
}

// The end of listening ends handshakes at once, which is nobody's fault.
func TestHandshakeCanceled(t *testing.T) {
	a := newAuthority(t, "CA")
	config, err := files(t, t.TempDir(), a, a).load()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newListener(Config{}, nil)
		l.tls.Store(config)
		e := connectTo(t, l, nil)
		synctest.Wait()
		began := time.Now()
		e.cancel()
		if err := <-e.done; err != nil || time.Since(began) > drainFor || l.Stats() != (Stats{}) {
			t.Errorf("%v after %v, %+v", err, time.Since(began), l.Stats())
		}
	})
}

// Reload takes new files for new connections, and keeps the old where the new
// can not be used.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	ours, old, young := newAuthority(t, "collector CA"), newAuthority(t, "old CA"), newAuthority(t, "young CA")
	f := files(t, dir, ours, old)
	r := start(t, Config{TLS: f}, nil)
	if err := exportTLS(r, ours, old.exporter("r1.example"), tls.VersionTLS13); err != nil {
		t.Fatalf("before: %v", err)
	}
	if err := os.WriteFile(f.ClientCA, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err == nil || !strings.Contains(err.Error(), f.ClientCA) {
		t.Errorf("Reload of nonsense = %v, want an error that names the file", err)
	}
	if err := exportTLS(r, ours, old.exporter("r1.example"), tls.VersionTLS13); err != nil {
		t.Errorf("after a bad reload: %v", err)
	}
	files(t, dir, ours, young)
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := exportTLS(r, ours, old.exporter("r1.example"), tls.VersionTLS13); err == nil {
		t.Error("after Reload the old authority is still believed")
	}
	if err := exportTLS(r, ours, young.exporter("r2.example"), tls.VersionTLS13); err != nil {
		t.Errorf("after Reload: %v", err)
	}
	files(t, dir, ours, old)
	if err := os.WriteFile(f.Key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err == nil || !strings.Contains(err.Error(), f.Key) {
		t.Errorf("Reload without a key = %v, want an error that names the file", err)
	}
	files(t, dir, ours, old)
	if err := os.Remove(f.ClientCA); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), f.ClientCA) {
		t.Errorf("Reload without authorities = %v, want an error that names the file", err)
	}
}

// TestAddAddsEveryCounter: a counter that add forgets would stay zero.
func TestAddAddsEveryCounter(t *testing.T) {
	var one, sum Stats
	v := reflect.ValueOf(&one).Elem()
	for i := range v.NumField() {
		v.Field(i).SetUint(uint64(i + 1))
	}
	sum.add(&one)
	sum.add(&one)
	for i := range v.NumField() {
		if got := reflect.ValueOf(sum).Field(i).Uint(); got != 2*uint64(i+1) {
			t.Errorf("%s: %d, want %d", v.Type().Field(i).Name, got, 2*(i+1))
		}
	}
}
