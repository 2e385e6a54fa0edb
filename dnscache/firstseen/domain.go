package firstseen

import "flowname/dnscache"

// Domain is the registrable domain of a name, as dnscache.Domain finds it.
func Domain(name string) string { return dnscache.Domain(name) }
