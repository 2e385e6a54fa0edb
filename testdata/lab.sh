# Small networks of namespaces for the scripts that record captures and for
# .ci/live. Sourced, not run; needs root and iproute2. Everything a script makes
# with these functions is gone when it ends, however it ends.
# shellcheck shell=bash

lab_pids=()
lab_hosts=()

# lab_open makes the directory $lab for sockets, configurations and logs, and
# arms the clean-up.
lab_open() {
	[ "$(id -u)" = 0 ] || { echo "$0: needs root, to make network namespaces" >&2; exit 1; }
	lab=$(mktemp -d)
	chmod 755 "$lab"
	trap lab_close EXIT
	trap 'exit 1' INT TERM
}

lab_close() {
	local status=$? host
	for pid in "${lab_pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${lab_pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	for host in "${lab_hosts[@]}"; do ip netns del "$(lab_ns "$host")" 2>/dev/null || true; done
	if [ "$status" != 0 ] && [ -n "${LAB_KEEP:-}" ]; then
		echo "logs are kept in $lab" >&2
	else
		rm -rf "$lab"
	fi
	exit "$status"
}

# lab_need says which programs are missing, before anything is made.
lab_need() {
	local missing=() program
	for program in "$@"; do
		command -v "$program" >/dev/null || missing+=("$program")
	done
	[ ${#missing[@]} = 0 ] && return
	echo "$0: not installed: ${missing[*]} (the Debian packages are listed at the top of the script)" >&2
	exit 1
}

# lab_ns HOST: the namespace's name, unlike that of any other run.
lab_ns() { echo "lab$$-$1"; }

# lab_host HOST...: a namespace each, with loopback up and nothing else in it.
lab_host() {
	local host
	for host in "$@"; do
		ip netns add "$(lab_ns "$host")"
		lab_hosts+=("$host")
		ip -n "$(lab_ns "$host")" link set lo up
	done
}

# lab_in HOST COMMAND...: runs it there. Where $lab/HOST.resolv exists, it is
# the host's /etc/resolv.conf.
lab_in() { (lab_exec "$@"); }

# lab_exec is lab_in in place of this shell, so that $! is the command's own id.
lab_exec() {
	local host=$1
	shift
	if [ -e "$lab/$host.resolv" ]; then
		set -- sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$lab/$host.resolv" "$@"
	fi
	exec ip netns exec "$(lab_ns "$host")" "$@"
}

# lab_cable HOST1 IF1 HOST2 IF2: a veth pair, up. Checksums are computed by the
# sender, so that captures hold the ones that a wire would carry.
lab_cable() {
	ip -n "$(lab_ns "$1")" link add "$2" type veth peer name "$4" netns "$(lab_ns "$3")"
	lab_up "$1" "$2"
	lab_up "$3" "$4"
}

lab_up() {
	ip -n "$(lab_ns "$1")" link set "$2" up
	if command -v ethtool >/dev/null; then lab_in "$1" ethtool -K "$2" tx off >/dev/null 2>&1 || true; fi
}

# lab_addr HOST IF ADDRESS/LEN...: gives the interface these addresses.
lab_addr() {
	local host=$1 dev=$2 addr
	shift 2
	for addr in "$@"; do
		case $addr in
		*:*) ip -n "$(lab_ns "$host")" addr add "$addr" dev "$dev" nodad ;;
		*) ip -n "$(lab_ns "$host")" addr add "$addr" dev "$dev" ;;
		esac
	done
}

# lab_start NAME HOST COMMAND...: in the background, output to $lab/NAME.log;
# the process id is left in $started.
lab_start() {
	local name=$1 host=$2
	shift 2
	(lab_exec "$host" "$@") >"$lab/$name.log" 2>&1 &
	started=$!
	lab_pids+=("$started")
}

# lab_stop PID...: ends background processes and waits for them.
lab_stop() {
	[ $# != 0 ] || return 0
	kill "$@" 2>/dev/null || true
	wait "$@" 2>/dev/null || true
}

# lab_until WHAT COMMAND...: tries the command until it succeeds, for at most
# ten seconds, or $patience tenths of one.
lab_until() {
	local what=$1 try
	shift
	for ((try = 0; try < ${patience:-100}; try++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	echo "$0: gave up waiting: $what" >&2
	tail -n 5 "$lab"/*.log >&2 || true
	return 1
}

# lab_capture NAME HOST IF FILE [TCPDUMP ARGUMENTS...]: starts tcpdump and
# returns when it captures; its process id is left in $started.
lab_capture() {
	local name=$1 host=$2 dev=$3 file=$4
	shift 4
	lab_start "$name" "$host" tcpdump -Z root --immediate-mode -n -U -s 0 -i "$dev" -w "$file" "$@"
	lab_until "tcpdump on $dev" grep -q 'listening on' "$lab/$name.log"
}

# lab_unbound HOST ADDRESS [CONFIGURATION FILES...]: an unbound on the address
# with the zone of $lab/zone, every line of which has its full name; returns
# when it answers.
lab_unbound() {
	local host=$1 address=$2 file
	shift 2
	cat >"$lab/unbound.conf" <<-CONF
	server:
	  interface: 0.0.0.0
	  interface: ::0
	  interface-automatic: yes
	  access-control: 0.0.0.0/0 allow
	  access-control: ::0/0 allow
	  username: ""
	  chroot: ""
	  directory: "$lab"
	  pidfile: "$lab/unbound.pid"
	  use-syslog: no
	  logfile: ""
	  module-config: "iterator"
	  num-threads: 1
	  so-reuseport: no
	  minimal-responses: yes
	  local-zone: "test." nodefault
	auth-zone:
	  name: "."
	  zonefile: "$lab/zone"
	  for-downstream: no
	  for-upstream: yes
	remote-control:
	  control-enable: yes
	  control-interface: "$lab/unbound.ctl"
	  control-use-cert: no
	CONF
	for file in "$@"; do echo "include: \"$file\"" >>"$lab/unbound.conf"; done
	lab_start unbound "$host" unbound -d -c "$lab/unbound.conf"
	lab_until "unbound on $address" lab_in "$host" dig +tries=1 +timeout=1 "@$address" . SOA
}

# lab_name RR: sets a record in the running unbound, in place of what that name
# had for local data.
lab_name() {
	local name=${1%% *}
	unbound-control -q -c "$lab/unbound.conf" local_data_remove "$name"
	unbound-control -q -c "$lab/unbound.conf" local_data "$1"
}

# lab_softflowd NAME HOST IF COLLECTOR:PORT FILTER [ARGUMENTS...]: a softflowd
# on the interface. lab_tick must run beside it.
lab_softflowd() {
	local name=$1 host=$2 dev=$3 collector=$4 filter=$5
	shift 5
	rm -f "$lab/$name.ctl"
	lab_start "$name" "$host" softflowd -d -i "$dev" -n "$collector" -c "$lab/$name.ctl" -p "$lab/$name.pid" \
		-C 1500 "$@" "($filter) or ether proto 0x88b5"
	lab_until "softflowd" test -S "$lab/$name.ctl"
}

# lab_softflowd_end NAME...: each exports what it still holds and ends.
lab_softflowd_end() {
	local name
	sleep 1.5 # until the block with the last packets is full, see lab_tick
	for name in "$@"; do softflowctl -c "$lab/$name.ctl" shutdown >/dev/null; done
}

# lab_tick HOST IF: about 350 kB a second of frames of the experimental
# EtherType 0x88b5, which nobody listens to. softflowd opens its interface with
# a timeout of 0, for which libpcap 1.10 asks the kernel to hand packets over
# only when a block of 256 KiB is full: on a quiet network, hours later.
lab_tick() {
	lab_start "tick-$2" "$1" python3 -c '
import socket, sys, time
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind((sys.argv[1], 0))
frame = b"\x02" + bytes(11) + b"\x88\xb5" + bytes(1400)
while True:
    for _ in range(25):
        sock.send(frame)
    time.sleep(0.1)' "$2"
}
