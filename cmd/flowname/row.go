package main

import (
	"net/netip"
	"time"
)

func utc(ns int64) time.Time { return time.Unix(0, ns).UTC() }

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
