package evidence

import (
	"net/netip"
	"time"
	_ "time/tzdata" // --log-zone works where the system has no zones

	"flowname/cmd/flowname/command"
	"flowname/dnscache/logs"
	"flowname/dnscache/sensor"
)

// DNSFlags are the flags of all commands that read DNS messages.
type DNSFlags struct {
	DNS64           []string `name:"dns64" help:"NAT64 prefix besides 64:ff9b::/96 (repeatable)." placeholder:"PREFIX"`
	DNSPort         []uint16 `name:"dns-port" help:"Port besides 53 on which DNS is spoken (repeatable)." placeholder:"PORT"`
	AcceptUnmatched bool     `name:"accept-unmatched" help:"Believe responses whose query was not seen: for a tap of one direction only, and for DNS in sFlow samples."`
	Forwarder       []string `name:"forwarder" help:"Servers that ask for others: what they ask is any client's, or the client's that they tell by a whole client subnet; a network or an address (repeatable)." placeholder:"CIDR" sep:"none"`
}

// Config is what the flags say; Logs is for ConfigOf.
func (f *DNSFlags) Config() (Config, error) {
	c := Config{Sensor: sensor.Config{AcceptUnmatched: f.AcceptUnmatched, Ports: f.DNSPort, Queries: true}}
	forwarders, err := command.ParseNetworks("--forwarder", f.Forwarder)
	if err != nil {
		return c, command.Usagef("%v", err)
	}
	c.Forwarders = forwarders
	for _, text := range f.DNS64 {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return c, command.Usagef("--dns64: %q is not a prefix such as 2001:db8:64::/96", text)
		}
		c.Wire.DNS64 = append(c.Wire.DNS64, p)
	}
	if err := c.Wire.Validate(); err != nil {
		return c, command.Usagef("--dns64: %v", err)
	}
	return c, nil
}

// LogFlags are the flags of all commands that read logs.
type LogFlags struct {
	LogZone string `name:"log-zone" help:"Zone of the times in logs that have none, such as Europe/Berlin or Local (default ${default})." default:"UTC" placeholder:"ZONE"`
}

// Config is what a log that was last written at that time does not say of
// itself.
func (f *LogFlags) Config(written time.Time) (logs.Config, error) {
	zone, err := time.LoadLocation(f.LogZone)
	if err != nil {
		return logs.Config{}, command.Usagef("--log-zone: %q is no time zone such as Europe/Berlin", f.LogZone)
	}
	return logs.Config{Location: zone, ReferenceNs: written.UnixNano()}, nil
}

// ConfigOf is the configuration of what reads DNS messages and logs.
func ConfigOf(messages *DNSFlags, lines *LogFlags) (Config, error) {
	c, err := messages.Config()
	if err != nil {
		return c, err
	}
	c.Logs, err = lines.Config(time.Time{})
	c.Logs.DNS64 = c.Wire.DNS64
	return c, err
}
