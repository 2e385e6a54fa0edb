#!/usr/bin/env bash
# Records small captures of DNS in the forms that are hard to read: over TCP,
# in fragments, in tunnels, in other file formats. A client asks an unbound by
# dig; each function below is one file of this directory and says what is in it.
# Runs for about 20 seconds, as root:
#
#	testdata/captures/record.sh [FUNCTION...]
#
# Debian packages: iproute2 ethtool tcpdump wireshark-common unbound
# bind9-dnsutils python3.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lab.sh
. "$here/../lab.sh"

v4=192.0.2.53
v6=2001:db8:1::53

zone() {
	cat <<-ZONE
	.                     3600 SOA   ns.example. hostmaster.example. 1 3600 600 86400 60
	.                     3600 NS    ns.example.
	ns.example.           3600 A     192.0.2.53
	www.example.           300 A     198.51.100.80
	www.example.           300 AAAA  2001:db8:2::80
	mail.example.          300 A     198.51.100.25
	only4.example.         300 A     203.0.113.4
	ftp.example.           300 CNAME files.example.
	files.example.         300 CNAME host.new.example.
	old.example.           300 DNAME new.example.
	host.new.example.      300 A     203.0.113.7
	host.new.example.      300 A     203.0.113.8
	svc.example.           300 HTTPS 1 . alpn=h2,h3 ipv4hint=198.51.100.80,198.51.100.81 ipv6hint=2001:db8:2::80
	alias.example.         300 HTTPS 0 svc.example.
	_dns.example.          300 SVCB  1 www.example. alpn=dot ipv4hint=198.51.100.53
	ZONE
	local i
	for i in $(seq 1 150); do echo "big.example. 300 A 198.51.100.$i"; done
}

network() {
	lab_host client resolver
	lab_cable client eth0 resolver eth0
	lab_addr client eth0 192.0.2.11/24 2001:db8:1::11/64
	lab_addr resolver eth0 "$v4/24" "$v6/64"
}

resolver() {
	zone >"$lab/zone"
	cat >"$lab/more.conf" <<-CONF
	server:
	  edns-buffer-size: 4096
	  max-udp-size: 4096
	  do-not-query-localhost: no
	  local-zone: "refused.test." refuse
	forward-zone:
	  name: "broken.test."
	  forward-addr: 127.0.0.1@9
	  forward-tcp-upstream: yes
	CONF
	cat >"$lab/dns64.conf" <<-CONF
	server:
	  module-config: "dns64 iterator"
	  dns64-prefix: 64:ff9b::/96
	CONF
	lab_unbound resolver "$v4" "$lab/more.conf" "$@"
	unbound=$started
}

ask() { lab_in client dig +tries=1 +timeout=5 +nocookie "$@" >>"$lab/answers"; }

# begin FILE [TCPDUMP ARGUMENTS...] and end enclose what is recorded.
begin() {
	file=$1
	lab_capture "tcpdump-$file" client "${device:-eth0}" "$lab/$file" "${@:2}"
	capture=$started
}

end() {
	sleep 0.3
	lab_stop "$capture"
	install -m 644 "$lab/$file" "$here"
}

# Several queries one after the other on one connection.
tcp() {
	begin tcp.pcap
	ask "@$v4" +tcp +keepopen www.example A www.example AAAA mail.example A gone.example A
	end
}

# Three queries in one segment; then one query cut into three segments.
pipelined() {
	begin pipelined.pcap
	lab_in client python3 - "$v4" <<-'PYTHON'
	import socket, struct, sys, time

	def query(number, name):
	    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
	    message = struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
	    return struct.pack("!H", len(message)) + message

	sock = socket.create_connection((sys.argv[1], 53))
	sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	answers = sock.makefile("rb")
	sock.sendall(query(1, "www.example") + query(2, "big.example") + query(3, "ftp.example"))
	for _ in range(3):
	    answers.read(*struct.unpack("!H", answers.read(2)))
	last = query(4, "mail.example")
	for piece in last[:1], last[1:9], last[9:]:
	    sock.sendall(piece)
	    time.sleep(0.1)
	answers.read(*struct.unpack("!H", answers.read(2)))
	PYTHON
	end
}

# A large answer in IP fragments: five of IPv4, two of IPv6.
fragments() {
	lab_in resolver ip link set eth0 mtu 600
	begin fragments4.pcap
	ask "@$v4" +bufsize=4096 +ignore big.example A
	end
	lab_in resolver ip link set eth0 mtu 1280
	lab_addr resolver eth0 "$v6/64"
	begin fragments6.pcap
	ask "@$v6" +bufsize=4096 +ignore big.example A
	end
	lab_in resolver ip link set eth0 mtu 1500
}

# TC by UDP, then the whole answer by TCP in several segments.
truncated() {
	begin truncated.pcap
	ask "@$v4" +bufsize=512 big.example A
	end
}

# What names nothing: NXDOMAIN, NODATA, SERVFAIL, REFUSED.
negative() {
	begin negative.pcap
	ask "@$v4" gone.example A
	ask "@$v4" only4.example AAAA
	ask "@$v4" www.broken.test A
	ask "@$v4" www.refused.test A
	end
}

# Two CNAMEs, a DNAME with its synthesised CNAME, a question in mixed case.
chain() {
	begin chain.pcap
	ask "@$v4" ftp.example A
	ask "@$v4" host.old.example A
	ask "@$v4" wWw.EXamPLe A
	end
}

# HTTPS and SVCB: hints, alias mode.
svcb() {
	begin svcb.pcap
	ask "@$v4" svc.example HTTPS
	ask "@$v4" alias.example HTTPS
	ask "@$v4" _dns.example SVCB
	end
}

# AAAA synthesised from A, beside one that is not.
dns64() {
	lab_stop "$unbound"
	resolver "$lab/dns64.conf"
	begin dns64.pcap
	ask "@$v6" only4.example AAAA
	ask "@$v6" www.example AAAA
	end
	lab_stop "$unbound"
	resolver
}

# The same two lookups in other captures: Linux cooked v1 and v2, nanoseconds,
# pcapng.
formats() {
	local format
	for format in LINUX_SLL LINUX_SLL2; do
		device=any begin "${format,,}.pcap" -y "$format" port 53
		ask "@$v4" www.example A
		ask "@$v6" www.example AAAA
		end
	done
	begin nanoseconds.pcap --time-stamp-precision=nano
	ask "@$v4" www.example A
	ask "@$v6" www.example AAAA
	end
	file=dumpcap.pcapng
	lab_start dumpcap client dumpcap -q -i eth0 -w "$lab/$file" -f "port 53"
	capture=$started
	lab_until "dumpcap" test -s "$lab/$file"
	ask "@$v4" www.example A
	ask "@$v6" www.example AAAA
	end
}

# lookups_over FILE DEVICE: on the cable, while they go through the device.
lookups_over() {
	local host
	for host in client:11 resolver:53; do
		lab_until "$2" ip -n "$(lab_ns "${host%:*}")" link set "$2" up
		lab_addr "${host%:*}" "$2" "203.0.113.${host#*:}/24" "2001:db8:3::${host#*:}/64"
	done
	begin "$1"
	ask @203.0.113.53 www.example A
	ask @2001:db8:3::53 mail.example A
	ask @203.0.113.53 +tcp ftp.example A
	end
	lab_stop "${ends[@]}"
	ip -n "$(lab_ns client)" link del "$2" 2>/dev/null || true
	ip -n "$(lab_ns resolver)" link del "$2" 2>/dev/null || true
}

# tunnel_ends ARGUMENTS CLIENT'S RESOLVER'S: tunnel.py at both ends.
tunnel_ends() {
	lab_start tunnel-client client python3 "$here/../tunnel.py" $1 $2
	ends=("$started")
	lab_start tunnel-resolver resolver python3 "$here/../tunnel.py" $1 $3
	ends+=("$started")
}

vlan() { tunnel_ends "vlan link0" "eth0 7" "eth0 7" && lookups_over vlan.pcap link0; }
qinq() { tunnel_ends "vlan link0" "eth0 100 7" "eth0 100 7" && lookups_over qinq.pcap link0; }
gre() { tunnel_ends "gre link0" "192.0.2.11 $v4" "$v4 192.0.2.11" && lookups_over gre.pcap link0; }
gre_key() { tunnel_ends "gre link0" "192.0.2.11 $v4 5" "$v4 192.0.2.11 5" && lookups_over gre_key.pcap link0; }

vxlan() {
	ends=()
	ip -n "$(lab_ns client)" link add link0 type vxlan id 42 remote "$v4" dstport 4789 dev eth0
	ip -n "$(lab_ns resolver)" link add link0 type vxlan id 42 remote 192.0.2.11 dstport 4789 dev eth0
	lookups_over vxlan.pcap link0
}

lab_need ip ethtool tcpdump dumpcap unbound dig python3
lab_open
network
resolver
if [ $# = 0 ]; then
	set -- tcp pipelined fragments truncated negative chain svcb dns64 formats vlan qinq gre gre_key vxlan
fi
for part in "$@"; do "$part"; done
