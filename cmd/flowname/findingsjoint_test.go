package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/cmd/flowname/command"
)

// The captures' own resolvers, by what the clients' networks are: whatever is
// asked by DHCP's word. The public ones 8.8.8.8 and 1.1.1.1 are not.
var jointResolvers = []string{
	"10.0.0.138", "192.168.1.1", "173.37.137.85", "64.102.6.247", "161.44.124.122", "192.168.122.1", "192.168.122.2", "192.168.122.3",
	"72.163.128.140", "10.0.2.3", "168.95.1.1", "10.1.0.1", "192.168.2.1", "192.168.1.254", "192.168.100.2",
}

// What is found over the joint captures with a configuration that makes all rules
// possible. Each was read:
//
//   - new_domain: without a warm-up all domains are new on a capture's first day, so
//     these are the pairs of client and domain, as they should be.
//   - outside_resolver: true, all of them. surfshark's client asks 1.1.1.1 by DNS while its
//     tunnel begins, and by HTTPS at its address without having looked up a name;
//     1kxun's has 8.8.8.8 beside its provider's resolver; vxlan's and gre's ask nobody else.
//   - stale_name, no_lookup, null_routed_then_live, name_moved, many_addresses and
//     query_burst: none. The captures are minutes to hours long, and these rules want hours
//     of looking first; of connections by expired answers the latest began 58 minutes after
//     the answer (wechat).
//
// Both kinds of export, and both clocks of v9, have to give the same.
func TestFindingsOfTheJointCaptures(t *testing.T) {
	mmdb := corpus(t, "mmdb", "maxmind", "test-data")
	want := map[string]map[string]int{
		"PcapPlusPlus__example":               {"new_domain": 40},
		"PcapPlusPlus__many_interfaces-1":     {"new_domain": 1},
		"PcapPlusPlus__raw_ip":                {"new_domain": 3},
		"joy__firefox58":                      {"new_domain": 6},
		"joy__sample":                         {"new_domain": 3},
		"mercury__emix":                       {"new_domain": 8},
		"mercury__geneve":                     {},
		"mercury__quic_reordered_frames":      {"new_domain": 10},
		"mercury__surfshark":                  {"new_domain": 23, "outside_resolver": 2},
		"nDPI__1kxun":                         {"new_domain": 4, "outside_resolver": 1},
		"nDPI__conncheck":                     {"new_domain": 1},
		"nDPI__signal":                        {"new_domain": 2},
		"nDPI__vxlan":                         {"new_domain": 1, "outside_resolver": 1},
		"nDPI__wechat":                        {"new_domain": 5},
		"suricata-verify__base64-decode-5885": {"new_domain": 8},
		"suricata-verify__decode-teredo-01":   {"new_domain": 3},
		"suricata-verify__tls-subjectaltname": {"new_domain": 28},
		"zeek__gre-over-udp-4754":             {"new_domain": 1, "outside_resolver": 1},
		"zeek__wikipedia":                     {"new_domain": 2},
	}
	args := []string{"--warm-up", "0s", "--asn", filepath.Join(mmdb, "GeoLite2-ASN-Test.mmdb"), "--geo", filepath.Join(mmdb, "GeoLite2-City-Test.mmdb")}
	for _, r := range jointResolvers {
		args = append(args, "--resolver", r)
	}
	for _, export := range []string{"ipfix", "v9"} {
		paths, err := filepath.Glob(filepath.Join(corpus(t, "joint"), "*.router."+export+".pcap"))
		if err != nil || len(paths) != len(want) {
			t.Fatalf("%d captures, want %d: %v", len(paths), len(want), err)
		}
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".router."+export+".pcap")
			t.Run(name+"/"+export, func(t *testing.T) {
				found := jointFindings(t, path, args)
				got := map[string]int{}
				for _, f := range found {
					got[f.Code]++
				}
				if diff := cmp.Diff(want[name], got); diff != "" {
					t.Errorf("-want +got:\n%s%+v", diff, found)
				}
			})
		}
	}
}

// A name that is null-routed, live, moved and parked, once a day each.
func TestFindingsOfPhases(t *testing.T) {
	path := filepath.Join(t.TempDir(), "findings")
	args := []string{"replay", "--dns", corpus(t, "dnslogs", "crafted", "31_c2_addresses_over_time.pcap"), "--data", t.TempDir(), "--findings", path}
	if code := execute(args, command.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}); code != exitOK {
		t.Fatalf("replay %q: exit %d", args, code)
	}
	var got []string
	eachJSON(t, path, func(f findingLine) { got = append(got, fmt.Sprintf("%s %s %s %s", f.Code, f.Client, f.Name, f.Addr)) })
	if want := []string{"null_routed_then_live 10.0.0.10 c2.example 198.51.100.31"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// jointFindings replays a capture with its exports.
func jointFindings(t *testing.T, exports string, args []string) (found []findingLine) {
	t.Helper()
	base, _, _ := strings.Cut(exports, ".router.")
	dns := base + ".pcap"
	if _, err := os.Stat(dns); err != nil {
		dns += "ng"
	}
	path := filepath.Join(t.TempDir(), "findings")
	var errs bytes.Buffer
	all := append([]string{"replay", "--dns", dns, "--flows", exports, "--out", os.DevNull, "--findings", path}, args...)
	if code := execute(all, command.Streams{Out: &bytes.Buffer{}, Err: &errs}); code != exitOK {
		t.Fatal(fmt.Errorf("replay %q: exit %d: %s", all, code, errs.String()))
	}
	eachJSON(t, path, func(f findingLine) { found = append(found, f) })
	return found
}
