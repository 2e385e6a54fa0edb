package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/guard"
)

// HTTPFlags are the flags of the HTTP server.
type HTTPFlags struct {
	HTTP      string  `name:"http" help:"Address of /metrics, /healthz and the APIs (default ${default}); off for none. Beyond loopback --http-users is needed." default:"127.0.0.1:8470" placeholder:"ADDR"`
	HTTPUsers string  `name:"http-users" help:"File of those who may ask, NAME:HASH a line, as htpasswd -B writes it." placeholder:"FILE"`
	HTTPCert  string  `name:"http-cert" help:"PEM file with a certificate: the server speaks TLS." placeholder:"FILE"`
	HTTPKey   string  `name:"http-key" help:"PEM file with its key." placeholder:"FILE"`
	HTTPRate  float64 `name:"http-rate" help:"Requests a second from one address, with bursts of ten times that (default ${default}); 0 for any number." default:"50"`
}

// Check refuses a server that everybody could ask what everybody looked up.
func (f *HTTPFlags) Check() error {
	switch {
	case f.HTTP != command.Off && f.HTTPUsers == "" && !onLoopback(f.HTTP):
		return fmt.Errorf("--http %s can be reached from outside: give --http-users FILE, or an address of loopback", f.HTTP)
	case (f.HTTPCert == "") != (f.HTTPKey == ""):
		return fmt.Errorf("--http-cert and --http-key are wanted both")
	case f.HTTPRate < 0:
		return fmt.Errorf("--http-rate is negative")
	}
	return nil
}

// onLoopback tells whether only this machine can reach an address to listen at.
func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// An Server serves routes to those who may ask.
type Server struct {
	flags HTTPFlags
	users *guard.Users // nil: all who reach it
	guard *guard.Guard
	cert  atomic.Pointer[tls.Certificate] // nil: no TLS

	log      *slog.Logger
	listener net.Listener
}

// Open listens at the address of --http. elsewhere says what it does not have
// beneath /pdns/ and /dnsdb/.
func Open(flags HTTPFlags, routes []Route, elsewhere http.Handler, log *slog.Logger) (*Server, error) {
	a := &Server{flags: flags, log: log}
	var err error
	if flags.HTTPUsers != "" {
		if a.users, err = guard.LoadUsers(flags.HTTPUsers); err != nil {
			return nil, fmt.Errorf("--http-users: %w", err)
		}
	}
	if err := a.loadCertificate(); err != nil {
		return nil, err
	}
	if a.listener, err = a.listen(); err != nil {
		return nil, err
	}
	a.guard = a.protect(serveRoutes(routes, elsewhere))
	return a, nil
}

// Addr is where it listens.
func (a *Server) Addr() net.Addr { return a.listener.Addr() }

// Stats count requests.
func (a *Server) Stats() guard.Stats { return a.guard.Stats() }

func (a *Server) loadCertificate() error {
	if a.flags.HTTPCert == "" {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(a.flags.HTTPCert, a.flags.HTTPKey)
	if err != nil {
		return fmt.Errorf("--http-cert: %w", err)
	}
	a.cert.Store(&cert)
	return nil
}

// Reload reads the files anew. What can not be used leaves the old in place.
func (a *Server) Reload() {
	if a.users != nil {
		if err := a.users.Reload(); err != nil {
			a.log.Error("the users of HTTP stay as they were", "err", err)
		}
	}
	if err := a.loadCertificate(); err != nil {
		a.log.Error("the certificate of HTTP stays as it was", "err", err)
	}
}

// listen opens the socket, with TLS where there is a certificate.
func (a *Server) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", a.flags.HTTP)
	if err != nil {
		return nil, fmt.Errorf("http: %w: give another --http, or off", err)
	}
	if a.cert.Load() == nil {
		return l, nil
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"http/1.1"}, // backfill needs both directions at once
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return a.cert.Load(), nil },
	}), nil
}

// protect puts the guard before a handler. A check of health needs no password.
// Who asks is logged where others than this machine's users can.
func (a *Server) protect(next http.Handler) *guard.Guard {
	cfg := guard.Config{Users: a.users, Rate: a.flags.HTTPRate, Open: []string{"/healthz"}, Now: time.Now}
	if a.users != nil {
		cfg.Log = a.log
	}
	return guard.New(cfg, next)
}

// Bounds of the HTTP server: it is for people and scrapers, not for crowds.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Run serves until ctx ends, then lets requests that are under way finish for a
// moment.
func (a *Server) Run(ctx context.Context) error {
	s := &http.Server{Handler: a.guard, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if s.Shutdown(grace) != nil {
			s.Close()
		}
	})
	defer stop()
	if err := s.Serve(a.listener); err != http.ErrServerClosed {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}
