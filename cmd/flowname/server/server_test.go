package server

import (
	"strings"
	"testing"

	"flowname/cmd/flowname/command"
)

func TestHTTPFlags(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0:8470": "--http-users", ":8470": "--http-users", "192.0.2.1:8470": "--http-users", "[::]:8470": "--http-users",
		"127.0.0.1:8470": "", "[::1]:8470": "", "localhost:8470": "", "off": "",
	} {
		err := (&HTTPFlags{HTTP: addr}).Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", addr, err, want)
		}
	}
	for _, f := range []HTTPFlags{{HTTP: command.Off, HTTPCert: "x"}, {HTTP: command.Off, HTTPKey: "x"}, {HTTP: command.Off, HTTPRate: -1}} {
		if f.Check() == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}
