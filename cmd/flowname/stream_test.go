package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/dnscache"
	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
	"flowname/flows"
	"flowname/flows/listen"
	"flowname/flows/listen/stream"
)

// demoStream is the demo's IPFIX messages as one exporter sends them by TCP.
func demoStream(t *testing.T) []byte {
	t.Helper()
	file, err := demoFiles.Open("demo/flows.pcap")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	frames, err := capture.NewReader(bufio.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	packets, stream := packet.NewDecoder(packet.Config{}), []byte(nil)
	var p packet.Packet
	for {
		frame, err := frames.Next()
		if err == io.EOF {
			return stream
		}
		if err != nil {
			t.Fatal(err)
		}
		if packets.Decode(frame, &p) && p.Proto == flows.ProtoUDP {
			stream = append(stream, p.Payload...)
		}
	}
}

// A signer makes certificates as files.
type signer struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newSigner(t *testing.T, dir string) *signer {
	s := &signer{t: t, dir: dir, cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	s.write("ca", s.cert, x509.ExtKeyUsageAny)
	return s
}

// sign writes NAME.crt and NAME.key.
func (s *signer) sign(name string, use x509.ExtKeyUsage) {
	s.write(name, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}, use)
}

func (s *signer) write(name string, cert *x509.Certificate, use x509.ExtKeyUsage) {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.key == nil {
		s.key = key
	}
	if !cert.IsCA {
		cert.ExtKeyUsage = []x509.ExtKeyUsage{use}
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, s.cert, &key.PublicKey, s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		s.path(name + ".crt"): {Type: "CERTIFICATE", Bytes: der},
		s.path(name + ".key"): {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *signer) path(name string) string { return filepath.Join(s.dir, name) }

// dial connects as an exporter with the certificate of a name.
func (s *signer) dial(addr, name string) (*tls.Conn, error) {
	s.t.Helper()
	cert, err := tls.LoadX509KeyPair(s.path(name+".crt"), s.path(name+".key"))
	if err != nil {
		s.t.Fatal(err)
	}
	authorities, err := os.ReadFile(s.path("ca.crt"))
	if err != nil {
		s.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authorities)
	return tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &cert, nil
	}})
}

func (c *collector) wantMetrics(want ...string) {
	c.t.Helper()
	metrics := c.get("/metrics")
	for _, w := range want {
		if !strings.Contains(metrics, w+"\n") {
			c.t.Errorf("metrics lack %q", w)
		}
	}
}

func (c *collector) hasMetric(want string) bool {
	return strings.Contains(c.get("/metrics"), want+"\n")
}

func TestRunTakesIPFIXByTCP(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--netflow-tcp", "127.0.0.1:0")
	if err := sendDnstap(t.Context(), c.dnstap); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", c.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream := demoStream(t)
	for len(stream) > 0 { // in pieces that are no messages
		n := min(len(stream), 777)
		if _, err := conn.Write(stream[:n]); err != nil {
			t.Fatal(err)
		}
		stream = stream[n:]
	}
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == demoFlows })
	if all := strings.Join(lines(t, c.out), ""); !strings.Contains(all, `"dst_name":"shop.example","dst_name_basis":"client"`) {
		t.Error("no flow is named")
	}
	c.wantMetrics(`flowname_stream_connections{transport="tcp"} 1`, `flowname_stream_sessions_total{transport="tcp"} 1`,
		"flowname_netflow_records_total 41", "flowname_netflow_exporters_forgotten_total 0")

	// The exporter starts anew: what the connection before taught is gone.
	conn.Close()
	eventually(t, "the session is forgotten", func() bool { return c.hasMetric("flowname_netflow_exporters_forgotten_total 1") })
	again, err := net.Dial("tcp", c.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Write(exportstest.Data([]uint32{1}, []uint32{2})); err != nil {
		t.Fatal(err)
	}
	eventually(t, "data before its template waits", func() bool { return c.hasMetric("flowname_netflow_unknown_template_sets_total 1") })
	if _, err := again.Write(append(exportstest.Template(), exportstest.Data([]uint32{1}, []uint32{2})...)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "data before and behind its template is written", func() bool { return len(lines(t, c.out)) == demoFlows+2 })

	// A connection that is no exporter's ends, alone.
	stranger, err := net.Dial("tcp", c.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	io.WriteString(stranger, "GET / HTTP/1.1\r\n\r\n")
	if _, err := stranger.Read(make([]byte, 1)); err == nil {
		t.Error("a browser's connection was not ended")
	}
	eventually(t, "the stranger is counted", func() bool { return c.hasMetric(`flowname_stream_bad_versions_total{transport="tcp"} 1`) })
	if _, err := again.Write(exportstest.Data([]uint32{3}, []uint32{4})); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the good exporter's flows go on", func() bool { return len(lines(t, c.out)) == demoFlows+3 })
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	for _, want := range []string{"an exporter is connected", "an exporter's connection ended", "connection broke", "not an IPFIX message"} {
		if !strings.Contains(c.stderr.String(), want) {
			t.Errorf("the log does not say %q: %s", want, c.stderr)
		}
	}
}

// What an exporter has sent is written, also when the end comes right behind.
func TestRunDrainsConnections(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--netflow-tcp", "127.0.0.1:0", "--wait", "1h")
	conn, err := net.Dial("tcp", c.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(demoStream(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session stands", func() bool { return c.hasMetric(`flowname_stream_sessions_total{transport="tcp"} 1`) })
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	if got := len(ended(t, c.out)); got != demoFlows {
		t.Errorf("written: got %d flows, want all %d", got, demoFlows)
	}
}

func TestRunTakesIPFIXByTLS(t *testing.T) {
	dir, strange := t.TempDir(), newSigner(t, t.TempDir())
	s := newSigner(t, dir)
	s.sign("collector", x509.ExtKeyUsageServerAuth)
	s.sign("r1.example", x509.ExtKeyUsageClientAuth)
	strange.sign("r2.example", x509.ExtKeyUsageClientAuth)
	for _, name := range []string{"r2.example.crt", "r2.example.key"} {
		if err := os.Rename(strange.path(name), s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	config := s.path("flowname.yaml")
	yaml := "netflow-tls: 127.0.0.1:0\ntls-cert: " + s.path("collector.crt") + "\ntls-key: " + s.path("collector.key") +
		"\ntls-client-ca: " + s.path("exporters.pem") + "\n"
	if err := os.Link(s.path("ca.crt"), s.path("exporters.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCollector(t, dir, "--config", config)
	send := func(name string) error {
		conn, err := s.dial(c.tls, name)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.Write(demoStream(t)); err != nil {
			return err
		}
		if err := conn.CloseWrite(); err != nil {
			return err
		}
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			return err
		}
		return nil
	}
	if err := send("r1.example"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == demoFlows })
	if err := send("r2.example"); err == nil {
		t.Error("an exporter of a strange authority was not refused")
	}
	eventually(t, "the refusal is counted", func() bool { return c.hasMetric(`flowname_stream_refused_certificate_total{transport="tls"} 1`) })

	// The other authority takes the place of the first.
	if err := os.Rename(strange.path("ca.crt"), s.path("exporters.pem")); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new authority's exporter is accepted", func() bool { return send("r2.example") == nil })
	eventually(t, "its flows are written", func() bool { return len(lines(t, c.out)) == 2*demoFlows })
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	for _, want := range []string{"certificate=r1.example", "no certificate of a known authority", "certificate=r2.example"} {
		if !strings.Contains(c.stderr.String(), want) {
			t.Errorf("the log does not say %q: %s", want, c.stderr)
		}
	}
}

// A connection from the same address and port as one that is over does not
// inherit its templates.
func TestStreamServerForgets(t *testing.T) {
	s := &streamServer{receiver: newReceiver(nil, streamDecoding(), func(*dnscache.Response) {}, slog.New(slog.DiscardHandler)), in: make(chan delivery)}
	joined := 0
	s.receiver.join = func(records []flows.Record) { joined = len(records) }
	received := make(chan error)
	go func() { received <- s.receive() }()
	peer, done := netip.MustParseAddrPort("192.0.2.1:40000"), make(chan struct{}, 1)
	deliver := func(msgs ...[]byte) int {
		var batch []listen.Datagram
		for _, m := range msgs {
			batch = append(batch, listen.Datagram{Payload: m, From: peer, ReceivedNs: 1})
		}
		s.in <- delivery{batch: batch, done: done}
		<-done
		return joined
	}
	data := exportstest.Data([]uint32{1}, []uint32{2})
	if n := deliver(exportstest.Template(), data); n != 1 {
		t.Errorf("first session: %d records, want 1", n)
	}
	if n := deliver(data); n != 1 {
		t.Errorf("first session goes on: %d records, want 1", n)
	}
	s.in <- delivery{ended: peer, done: done}
	<-done
	if n := deliver(data); n != 0 {
		t.Errorf("second session: %d records by the first one's template", n)
	}
	close(s.in)
	if err := <-received; err != nil {
		t.Error(err)
	}
	<-s.receiver.ended // or the joiner would wait for ever
	if got := s.receiver.stats.Load(); got.ExportersForgotten != 1 || got.UnknownTemplateSets != 1 {
		t.Errorf("stats %+v", got)
	}
}

// When accepting fails, the connections that stand end too, and with them the
// server.
func TestStreamServerEndsWhole(t *testing.T) {
	l, err := stream.Open(stream.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := &streamServer{
		transport: "TCP", listener: l, receiver: newReceiver(nil, streamDecoding(), func(*dnscache.Response) {}, slog.New(slog.DiscardHandler)),
		in: make(chan delivery), log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	tasks := make(chan error, 8)
	spawned := 0
	spawn := func(f func() error) { spawned++; go func() { tasks <- f() }() }
	ended := make(chan error)
	go func() { ended <- s.run(t.Context(), spawn) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, "the session stands", func() bool { return l.Stats().Sessions == 1 })
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("run = %v, want net.ErrClosed", err)
	}
	for range spawned {
		if err := <-tasks; err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(log.String(), "an exporter's connection ended") {
		t.Errorf("log: %s", log.String())
	}
}
