# What the live tests share: flowname in the namespace "router", softflowd on
# its interface "lan", the client's connections. Sourced, not run; $root is the
# project's root.
# shellcheck shell=bash

# shellcheck source=../testdata/lab.sh
. "$root/testdata/lab.sh"

# protocols are what exporters start and want wants.
protocols=(NETFLOW_V5 NETFLOW_V9 IPFIX)

fail() {
	echo "FAIL: $*" >&2
	tail -n 20 "$lab"/flowname*.log >&2 || true
	exit 1
}

pass() { echo "ok: $*"; }

build() {
	if [ -n "${1:-}" ]; then
		flowname=$(realpath "$1")
		[ -x "$flowname" ] || { echo "$0: $1 is no program" >&2; exit 2; }
		return
	fi
	flowname=$lab/flowname
	(cd "$root" && CGO_ENABLED=0 go build -o "$flowname" ./cmd/flowname) || fail "the build"
}

# exporters: one softflowd a protocol, all on the interface that is captured.
# They start after the daemon and end before it: softflowd repeats its templates
# only every sixteen packets.
exporters() {
	local short=(-t maxlife=5 -t expint=1 -t tcp.fin=1 -t udp=2)
	local filter="tcp and not port 53"
	lab_softflowd v5 router lan 127.0.0.1:2055 "$filter" "${short[@]}" -v 5
	lab_softflowd v9 router lan 127.0.0.1:2055 "$filter" "${short[@]}" -v 9
	lab_softflowd ipfix router lan 127.0.0.1:2055 "$filter" "${short[@]}" -v 10 -A milli
}

# daemon NAME ARGUMENTS...: flowname run in the router, output to $lab/NAME.jsonl,
# history in $lab/data.
daemon() {
	out=$lab/$1.jsonl
	lab_start "flowname-$1" router "$flowname" run --netflow 127.0.0.1:2055 --http 127.0.0.1:8470 \
		--data "$lab/data" --out "$out" "${@:2}"
	daemon=$started
	lab_until "flowname run (healthz)" lab_in router curl -sf http://127.0.0.1:8470/healthz ||
		fail "flowname run does not get healthy"
}

# terminate ends the daemon as a service manager does; it must leave with 0 and
# whole lines.
terminate() {
	local status=0
	kill -TERM "$daemon"
	wait "$daemon" || status=$?
	[ "$status" = 0 ] || fail "flowname run left with status $status after SIGTERM"
	jq -e . "$out" >/dev/null || fail "a torn line in $out"
	[ -z "$(tail -c 1 "$out" | tr -d '\n')" ] || fail "no newline at the end of $out"
}

# fetch PORT URL [CURL ARGUMENTS...]: the client's connection from that port.
fetch() { lab_in client curl -s -o /dev/null --max-time 20 --local-port "$1" "${@:2}" || fail "curl $2"; }

# flows TYPE PORT FILTER: whether such flows of the connection are there in both
# directions and the jq filter holds for all of them; X is the server's end.
flows() {
	jq -es --arg type "$1" --argjson port "$2" '
		def server_end($x): with_entries(select(.key | startswith($x + "_")) | .key |= sub("^" + $x; "X")) + {unnamed};
		map(select(.type == $type))
		| map(select(.src_port == $port) | server_end("dst")) as $there
		| map(select(.dst_port == $port) | server_end("src")) as $back
		| ($there | length > 0) and ($back | length > 0) and ($there + $back | all('"$3"'))' "$out"
}

# want PORT FILTER WHAT: flows, by every protocol, within half a minute.
want() {
	local type
	for type in "${protocols[@]}"; do
		if ! patience=300 lab_until "$type: $3" flows "$type" "$1" "$2"; then
			jq -c "select(.src_port == $1 or .dst_port == $1)" "$out" >&2 || true
			fail "$type: $3"
		fi
	done
	pass "$3 (${protocols[*]})"
}

named() { want "$1" ".X_name == \"$2\" and .X_name_basis == \"client\"" "port $1 is named $2 by the client's own answer"; }
