package api

import (
	"net/netip"
	"time"
)

// UTC is a time in Unix nanoseconds as rows have it.
func UTC(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// AddrText is an address as rows have it; empty where there is none.
func AddrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
