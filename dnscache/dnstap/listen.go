package dnstap

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// socketMode is the permissions of a unix socket: its owner and group may
// connect.
const socketMode = 0o660

// Listen opens the socket of an address of the form unix:PATH or tcp:ADDR.
//
// A unix socket gets the permissions 0660, for whoever can connect can forge
// evidence: the DNS server's user has to be the owner or in the group. A socket
// left behind by a process that is gone is removed first; one that somebody
// listens on, or a file that is no socket, is an error and stays. The file is
// removed when the listener is closed. A path that begins with @ is in Linux's
// abstract namespace, which has neither file nor permissions.
func Listen(address string) (net.Listener, error) {
	kind, rest, ok := strings.Cut(address, ":")
	switch {
	case ok && kind == "tcp" && rest != "":
		return net.Listen("tcp", rest)
	case ok && kind == "unix" && rest != "":
		return listenUnix(rest)
	}
	return nil, fmt.Errorf("dnstap: address %q: give unix:PATH or tcp:ADDR", address)
}

func listenUnix(path string) (net.Listener, error) {
	if strings.HasPrefix(path, "@") {
		return net.Listen("unix", path)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket that nobody listens on.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("dnstap: %s is there and is not a socket: give another path or remove it", path)
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return fmt.Errorf("dnstap: another program listens on %s: stop it or give another path", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("dnstap: %s may be another program's: %w", path, err)
	}
	return os.Remove(path)
}
