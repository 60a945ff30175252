#!/usr/bin/env bash
# Shows that README's two commands work on a new machine:  tools/fresh/run.sh [SUITE…]
# For each suite (bookworm, trixie) the commits of HEAD are cloned into a minimal Debian to which
# only git, make, nodejs and npm were added, and "make demo" and "make test" run there. The Debian
# is a root of its own in namespaces of its own; only the network to the registries is the machine's.
# Variables: TESTS (only these spec-tests, and no demo), WEFT_FRESH_COMMAND (another command).
# Prints one line per suite at the end; what each printed is in .cache/fresh/SUITE.log.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
cache=$project/.cache/fresh
PATH=$PATH:/usr/sbin:/sbin

main() {
  [ $# -gt 0 ] || set -- bookworm trixie
  [ "$(id -u)" = 0 ] || fail "Cannot make a Debian: not root, run: sudo make test-fresh"
  trap stop EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  git_status=$(as_owner git -C "$project" status --porcelain)
  [ -z "$git_status" ] || echo "fresh: what is not committed is not in the clone" >&2
  local suite verdicts=() failed=0
  for suite in "$@"; do
    if try "$suite"; then
      verdicts+=("$suite: passed")
    else
      verdicts+=("$suite: FAILED, see .cache/fresh/$suite.log") failed=1
    fi
  done
  printf 'fresh: %s\n' "${verdicts[@]}"
  return "$failed"
}

# The root is for this one run: what is installed there must not help the next one.
try() {
  local suite=$1
  "$here/setup.sh" "$suite" || return 1
  root=$(mktemp -d "$cache/run.XXXXXX")
  tar -x --numeric-owner -C "$root" -f "$cache/$suite.tar"
  as_owner git -C "$project" bundle create --quiet - HEAD >"$root/root/weft.bundle"
  write_host_files
  print_job >"$root/root/job"
  say "$suite: running, see .cache/fresh/$suite.log"
  local ended=0
  enter >"$cache/$suite.log" 2>&1 &
  running=$!
  wait "$running" || ended=$?
  running=
  tail -n 25 "$cache/$suite.log"
  remove_root
  "$here/../owner.sh" "$project/.cache"
  return "$ended"
}

# Everything mounted there is in a mount namespace that ends with its first process, and so does
# every process in it.
enter() {
  # shellcheck disable=SC2046 # one word per variable
  exec setpriv --pdeathsig KILL env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root TERM=dumb LANG=C.UTF-8 $(registry_variables) \
    unshare --mount --pid --fork --kill-child --uts --ipc --propagation private \
    "$here/enter.sh" "$root" /bin/sh /root/job
}

# How the machine itself comes to its registries: what its npm, proxies and certificates say.
registry_variables() {
  local name value
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY \
    NODE_EXTRA_CA_CERTS SSL_CERT_FILE SSL_CERT_DIR; do
    [ -z "${!name:-}" ] || echo "$name=${!name}"
  done
  for name in registry proxy https-proxy noproxy cafile strict-ssl; do
    value=$(npm config get "$name" 2>/dev/null || true)
    case $value in '' | null | undefined) ;; *) echo "npm_config_${name//-/_}=$value" ;; esac
  done
}

write_host_files() {
  local file
  cp -L /etc/resolv.conf /etc/hosts "$root/etc"
  for file in /etc/ssl/certs/ca-certificates.crt "${NODE_EXTRA_CA_CERTS:-}" "$(npm config get cafile 2>/dev/null || true)"; do
    [ ! -f "$file" ] || install -D -m 644 "$file" "$root$file"
  done
}

# README's commands, or a part of them.
print_job() {
  local commands="make demo && make test"
  [ -z "${TESTS:-}" ] || commands="make setup spec TESTS='$TESTS'"
  cat <<end
set -eux
cd /root
git -c advice.detachedHead=false clone --quiet weft.bundle weft
cd weft
${WEFT_FRESH_COMMAND:-$commands}
end
}

# git refuses a checkout of somebody else, even to root.
as_owner() {
  if [ -O "$project" ]; then "$@"; else setpriv --reuid "$(stat -c %u "$project")" --clear-groups "$@"; fi
}

# shellcheck disable=SC2317 # the trap calls it
stop() {
  [ -z "${running:-}" ] || ! kill -KILL "$running" 2>/dev/null || wait "$running" 2>/dev/null || true
  remove_root
}

remove_root() {
  [ -z "${root:-}" ] || rm -rf --one-file-system "$root"
  root=
}

say() {
  echo "fresh: $*" >&2
}

fail() {
  echo "$*" >&2
  exit 1
}

main "$@"
