#!/bin/sh
# Brings what an image for arm64 is built with into .cache/arm64: the C library and BearSSL of Debian's
# arm64, and a compiler that uses them. This machine's own packages stay as they are, with one architecture.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$root/.cache"
cache=$(cd "$root/.cache" && pwd -P)/arm64
packages="musl musl-dev libbearssl-dev"

main() {
  [ ! -e "$cache/gcc" ] || exit 0
  echo "Bringing $packages for arm64"
  rm -rf "$cache" && mkdir -p "$cache/debs"
  fetch update
  (cd "$cache/debs" && fetch download $packages)
  for file in "$cache"/debs/*.deb; do dpkg-deb -x "$file" "$cache/root"; done
  (cd "$cache/debs" && for file in *.deb; do dpkg-deb -W --showformat='${Package} ${Version}\n' "$file"; done) >"$cache/versions"
  usr=$cache/root/usr
  sed "s|/usr/lib/aarch64|$usr/lib/aarch64|g; s|/usr/include/aarch64|$usr/include/aarch64|g" \
    "$usr/lib/aarch64-linux-musl/musl-gcc.specs" >"$cache/specs"
  printf '#!/bin/sh\nexec aarch64-linux-gnu-gcc "$@" -specs "%s"\n' "$cache/specs" >"$cache/gcc.new"
  chmod 755 "$cache/gcc.new"
  mv "$cache/gcc.new" "$cache/gcc"
  rm -rf "$cache/apt" "$cache/debs"
  "$root/tools/owner.sh" "$root/.cache"
}

fetch() {
  "$root/tools/foreign-apt.sh" arm64 "$cache/apt" apt-get -qq "$@" >/dev/null
}

main
