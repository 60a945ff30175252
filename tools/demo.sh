#!/bin/sh
# Shows what the suite is for: two containers on one bridge, as a person at a shell would make
# them. Everything happens in private namespaces, so the machine itself stays as it is.
set -eu
cd "$(dirname "$0")/.."
[ "${WEFT_DEMO_INSIDE:-}" = 1 ] ||
  WEFT_DEMO_INSIDE=1 exec unshare --mount --net --propagation private "$0" "$@"

bin=$PWD/dist/bin
conf=examples/mybridge.conf

main() {
  trap report EXIT
  prepare_host
  prepare_outside
  title "The network: $conf"
  cat "$conf"
  add 1234567890
  add 987654321
  look_inside
  ping_everything
  show_host
  delete_twice
  echo
  echo "Done. The private namespaces vanish with this process; nothing is left on the machine."
}

report() {
  ended=$?
  [ "$ended" = 0 ] || echo "The demo FAILED (status $ended), see above." >&2
}

# An empty host: its own network, and folders in memory where namespaces and leases are kept.
prepare_host() {
  mount -t tmpfs demo /run
  [ -L /var/run ] || mount --bind /run /var/run
  mount -t tmpfs demo /var/lib
  ip link set lo up
}

# A neighbour of the host. It has no route to the containers' network: it can only answer a packet
# that bears the host's own address.
prepare_outside() {
  ip netns add outside
  ip link add uplink type veth peer name wire netns outside
  ip address add 203.0.113.1/24 dev uplink
  ip link set uplink up
  ip -n outside address add 203.0.113.2/24 dev wire
  ip -n outside link set wire up
}

add() {
  title "Connect container $1"
  run ip netns add "$1"
  plugin ADD "$1"
}

# One call of the plugin, by the letter of the specification: variables, and JSON on stdin.
plugin() {
  echo "\$ CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_NETNS=/var/run/netns/$2 \\"
  echo "  CNI_IFNAME=eth12 CNI_PATH=\$PWD/dist/bin dist/bin/bridge < $conf"
  CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_NETNS=/var/run/netns/$2 \
    CNI_IFNAME=eth12 CNI_PATH=$bin dist/bin/bridge <"$conf"
  echo
}

look_inside() {
  title "What container 1234567890 has now"
  run ip -n 1234567890 -br address
  run ip -n 1234567890 route
}

ping_everything() {
  title "Who reaches whom"
  reaches 1234567890 10.15.20.3 "the other container"
  reaches 987654321 10.15.20.2 "the first container"
  reaches 1234567890 10.15.20.1 "the host"
  reaches host 10.15.20.2 "the first container"
  reaches 1234567890 203.0.113.2 "outside, which answers the host's address only: masquerade works"
}

reaches() {
  if [ "$1" = host ]; then set -- "$@" ping; else set -- "$@" ip netns exec "$1" ping; fi
  from=$1 address=$2 what=$3
  shift 3
  "$@" -n -q -c 1 -w 60 "$address" >/dev/null || fail "$from does not reach $address ($what)"
  printf '  %-10s -> %-11s  %s\n' "$from" "$address" "$what"
}

show_host() {
  title "What was made on the host"
  run ip -br link
  run ip -br address show dev cni_bridge0
  run bridge link
  run nft list ruleset
  run ls /var/lib/cni/networks/mybridge
}

delete_twice() {
  title "Disconnect both, and once more: deleting what is gone is no error"
  for id in 1234567890 987654321 1234567890 987654321; do plugin DEL $id; done
  run ip -n 1234567890 -br link
  run ip -br link
  [ -z "$(ip -n 1234567890 -br link show type veth)" ] || fail "eth12 is still there"
  [ -z "$(ip -br link show master cni_bridge0)" ] || fail "the bridge still has ports"
  [ ! -e /var/lib/cni/networks/mybridge/10.15.20.2 ] || fail "10.15.20.2 is still reserved"
  echo "The bridge stays for the next container; all else is gone."
}

title() {
  printf '\n== %s\n' "$*"
}

run() {
  echo "\$ $*"
  "$@"
}

fail() {
  echo "$*" >&2
  exit 1
}

main
