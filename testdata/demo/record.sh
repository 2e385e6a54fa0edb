#!/usr/bin/env bash
# Records the material of `flowname demo`: what three clients of a small network
# look up and whom they connect to, as a tap sees the DNS, as the resolver tells
# it by dnstap, and as the router exports the flows (IPFIX, NetFlow v9 and v5).
# Every packet is sent by a real program. Runs for about 40 seconds, as root:
#
#	testdata/demo/record.sh [--full FILE.pcap]
#
# --full keeps a capture of all packets too, to compare the flows with.
# Debian packages: iproute2 ethtool tcpdump softflowd unbound bind9-dnsutils
# curl python3 fstrm-bin.
#
#	c11 c12 c13      clients 192.0.2.11-13, 2001:db8:1::11-13
#	resolver         unbound, 192.0.2.53 and 2001:db8:1::53
#	router           bridges the four above, routes to servers; tap and softflowd
#	servers          198.51.100.0/24, 203.0.113.0/24, 2001:db8:2::/48
#	collector        192.0.2.130, gets the exports
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
demo=$(cd "$here/../../cmd/flowname/demo" && pwd)
# shellcheck source=../lab.sh
. "$here/../lab.sh"

network() {
	lab_host router resolver servers collector c11 c12 c13
	ip -n "$(lab_ns router)" link add lan type bridge mcast_snooping 0
	lab_up router lan
	lab_addr router lan 192.0.2.1/25 2001:db8:1::1/64
	local host
	for host in resolver:53 c11:11 c12:12 c13:13; do
		plug "${host%:*}" "${host#*:}"
	done

	lab_cable router wan servers eth0
	lab_addr router wan 198.51.100.1/24 203.0.113.1/24 2001:db8:2::1/48
	lab_addr servers eth0 198.51.100.{10,30}/24 203.0.113.{20,21,30,31,40,66,80,99,123}/24 2001:db8:2::80/48
	ip -n "$(lab_ns servers)" route add 192.0.2.0/25 via 198.51.100.1
	ip -n "$(lab_ns servers)" route add 2001:db8:1::/64 via 2001:db8:2::1
	lab_in router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

	lab_cable router mgmt collector eth0
	lab_addr router mgmt 192.0.2.129/30
	lab_addr collector eth0 192.0.2.130/30
}

# plug HOST N: on the LAN, as 192.0.2.N.
plug() {
	lab_cable "$1" eth0 router "$1"
	ip -n "$(lab_ns router)" link set "$1" master lan
	lab_addr "$1" eth0 "192.0.2.$2/25" "2001:db8:1::$2/64"
	ip -n "$(lab_ns "$1")" route add default via 192.0.2.1
	ip -n "$(lab_ns "$1")" route add default via 2001:db8:1::1
	if [ "$1" != resolver ]; then echo "nameserver 192.0.2.53" >"$lab/$1.resolv"; fi
}

# services starts all that is not a client; dnstap goes to $lab/dnstap.fstrm.
services() {
	lab_start servers servers python3 "$here/../server.py" 123
	lab_start sink collector python3 -c '
import signal, socket
socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
for i, sock in enumerate(socks):
    sock.bind(("", 2055 + i))
print("listening", flush=True)
signal.pause()'
	lab_start dnstap resolver fstrm_capture -t protobuf:dnstap.Dnstap -u "$lab/dnstap.sock" -w "$lab/dnstap.fstrm"
	dnstap=$started
	lab_until "the dnstap socket" test -S "$lab/dnstap.sock"
	cp "$here/zone" "$lab/zone"
	cat >"$lab/more.conf" <<-CONF
	server:
	  local-zone: "vendor.example." transparent
	  local-zone: "badsite.test." transparent
	  local-data: "update.vendor.example. 5 IN A 203.0.113.20"
	  local-data: "beacon.badsite.test. 5 IN A 0.0.0.0"
	dnstap:
	  dnstap-enable: yes
	  dnstap-socket-path: "$lab/dnstap.sock"
	  dnstap-send-identity: yes
	  dnstap-identity: "resolver.example"
	  dnstap-log-client-query-messages: yes
	  dnstap-log-client-response-messages: yes
	CONF
	lab_unbound resolver 192.0.2.53 "$lab/more.conf"
	unbound=$started
	lab_until "the servers" grep -q serving "$lab/servers.log"
	lab_until "the collector" grep -q listening "$lab/sink.log"
}

# exporter NAME PORT SOFTFLOWD ARGUMENTS...: a softflowd on the router's LAN
# side with short timeouts, and $lab/NAME.pcap of what it exports.
exporter() {
	local name=$1 port=$2
	shift 2
	lab_capture "$name-capture" collector eth0 "$lab/$name.pcap" udp dst port "$port"
	captures+=("$started")
	lab_softflowd "$name" router lan "192.0.2.130:$port" "(ip or ip6) and not port 53 and not icmp6 and not igmp and not ip6 multicast" \
		-t maxlife=5 -t expint=1 -t tcp=8 -t tcp.fin=1 -t tcp.rst=1 -t udp=3 -t general=8 "$@"
}

web() { lab_in "$1" curl -s -o "$lab/body" --max-time 30 "${@:2}"; }
lookup() { lab_in "$1" getent ahosts "$2" >>"$lab/lookups" || true; }
ask() { lab_in "$1" dig +tries=1 +timeout=1 "${@:2}" >>"$lab/lookups" || true; }

story() {
	# Two names of one address, each used by one client.
	web c11 http://shop.example/9000
	sleep 1
	web c12 http://blog.example/4000
	# A connection long enough to be exported in slices.
	web c11 http://mirror.example/slow/16 &
	local download=$!
	sleep 2
	# The same client comes back under the other name.
	web c11 http://blog.example/2500
	web c11 http://update.vendor.example/700
	sleep 1
	# A name that sleeps: infected, but its master is not up yet.
	lookup c12 beacon.badsite.test
	ask c12 +tcp news.example
	web c12 http://news.example/3000
	sleep 2
	# Nobody but c11 and c12 told the names of these two, and c13 asks nobody.
	web c13 http://198.51.100.10/1200
	web c13 http://203.0.113.20/700
	# An address that no one ever looked up.
	web c12 http://203.0.113.99:8080/300
	sleep 2
	# From a warm cache: the name is asked for only after the connection.
	web c12 --resolve time.example:80:203.0.113.123 http://time.example/100
	sleep 1
	lookup c12 time.example
	lab_in c12 python3 -c 'import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(2)
sock.sendto(b"\x23" + bytes(47), (socket.gethostbyname("time.example"), 123))
sock.recv(64)'
	sleep 1
	# The vendor moves.
	lab_name "update.vendor.example. 5 IN A 203.0.113.21"
	# Hints of an HTTPS record, IPv6, multicast, a name that is not there.
	ask c11 @192.0.2.53 app.cloud.example HTTPS
	web c11 --resolve app.cloud.example:443:203.0.113.80 http://app.cloud.example:443/5000
	sleep 1
	echo "nameserver 2001:db8:1::53" >"$lab/c12.resolv"
	web c12 http://img.cdn.example/6000
	echo "nameserver 192.0.2.53" >"$lab/c12.resolv"
	sleep 1
	ask c11 @224.0.0.251 -p 5353 printer.local
	lookup c11 intranet.example
	web c11 http://update.vendor.example/700
	lookup c12 beacon.badsite.test
	sleep 2
	# The master wakes up.
	lab_name "beacon.badsite.test. 5 IN A 203.0.113.66"
	local beat
	for beat in 1 2 3; do
		sleep 3
		web c12 "http://beacon.badsite.test:8080/$((beat * 64))"
	done
	wait "$download"
}

lab_need ip ethtool tcpdump softflowd unbound unbound-control dig curl python3 fstrm_capture
lab_open
network
services
captures=()
if [ "${1:-}" = --full ]; then
	lab_capture full router lan "$lab/full.pcap" not ether proto 0x88b5
	captures+=("$started")
fi
lab_tick router lan
exporter flows 2055 -v 10 -A milli
exporter flows.v9 2056 -v 9
exporter flows.v5 2057 -v 5
# c12 has looked archive.example up and connects to it before the tap is there.
web c12 http://archive.example/slow/4 &
sleep 1.5
lab_capture dns router lan "$lab/dns.pcap" port 53 or port 5353
captures+=("$started")
story
sleep 3
lab_softflowd_end flows flows.v9 flows.v5
sleep 1
lab_stop "${captures[@]}"
lab_stop "$unbound"
lab_stop "$dnstap"

install -m 644 "$lab/dnstap.fstrm" "$lab/flows.pcap" "$demo"
install -m 644 "$lab/dns.pcap" "$lab/flows.v9.pcap" "$lab/flows.v5.pcap" "$here"
if [ "${1:-}" = --full ]; then install -m 644 "$lab/full.pcap" "$2"; fi
