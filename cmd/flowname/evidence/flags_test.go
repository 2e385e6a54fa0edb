package evidence

import (
	"fmt"
	"strings"
	"testing"
)

func TestDNSFlags(t *testing.T) {
	c, err := (&DNSFlags{Forwarder: []string{"::ffff:10.0.0.1", "::ffff:10.1.0.0/112", "2001:db8::/64"}, DNS64: []string{"2001:db8:64::/96"}}).Config()
	if got, want := fmt.Sprint(c.Forwarders, c.Wire.DNS64), "[10.0.0.1/32 10.1.0.0/16 2001:db8::/64] [2001:db8:64::/96]"; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, tt := range []struct {
		flags DNSFlags
		want  string
	}{
		{DNSFlags{Forwarder: []string{"resolver1"}}, `--forwarder: "resolver1" is neither a network`},
		{DNSFlags{Forwarder: []string{"::ffff:10.0.0.1/24"}}, `--forwarder: "::ffff:10.0.0.1/24" is wider`},
		{DNSFlags{DNS64: []string{"2001:db8:64::1"}}, `--dns64: "2001:db8:64::1" is not a prefix`},
		{DNSFlags{DNS64: []string{"10.0.0.0/8"}}, `10.0.0.0/8 is no DNS64 prefix`},
		{DNSFlags{DNS64: []string{"::ffff:0:0/96"}}, `is no DNS64 prefix`},
	} {
		if _, err := tt.flags.Config(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: got %v, want an error with %q", tt.flags, err, tt.want)
		}
	}
}
