package main

import (
	"time"
	_ "time/tzdata" // --log-zone works where the system has no zones

	"flowname/cmd/flowname/command"
	"flowname/dnscache/logs"
)

// LogFlags are the flags of all commands that read logs.
type LogFlags struct {
	LogZone string `name:"log-zone" help:"Zone of the times in logs that have none, such as Europe/Berlin or Local (default ${default})." default:"UTC" placeholder:"ZONE"`
}

// config is what a log that was last written at that time does not say of
// itself.
func (f *LogFlags) config(written time.Time) (logs.Config, error) {
	zone, err := time.LoadLocation(f.LogZone)
	if err != nil {
		return logs.Config{}, command.Usagef("--log-zone: %q is no time zone such as Europe/Berlin", f.LogZone)
	}
	return logs.Config{Location: zone, ReferenceNs: written.UnixNano()}, nil
}
