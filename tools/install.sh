#!/bin/sh
# Puts the executables in place, or takes them away:
#   tools/install.sh install SOURCE DIRECTORY [LINK]
#   tools/install.sh uninstall DIRECTORY [LINK]
# Each name changes in one step (rename), after the bytes are on the disk: a runtime sees the old
# program or the new one, whole, and a program that is running goes on. All names are hard links
# to one file, also if SOURCE is a copy that has lost its links. If anything fails before the
# first rename, nothing has changed. LINK is a symbolic link to DIRECTORY/weft, for shells to find
# it. DESTDIR, if set, goes before DIRECTORY and LINK, to fill an image of another machine.
set -eu

main() {
  case "${1:-} $#" in
    "install 3" | "install 4") install_all "$2" "$3" "${4:-}" ;;
    "uninstall 2" | "uninstall 3") uninstall_all "$2" "${3:-}" ;;
    *) fail "usage: tools/install.sh install SOURCE DIRECTORY [LINK] | uninstall DIRECTORY [LINK]" ;;
  esac
}

install_all() {
  source=$1
  set_places "$2" "$3"
  [ -x "$source/weft" ] || fail "Cannot install from \"$source\": there is no executable \"weft\" in it"
  [ -n "${DESTDIR:-}" ] || check_processor
  make_directory
  names=$(ls "$source")
  for name in $names; do check_name "$name"; done
  new="$target/.weft-install-$$"
  trap 'rm -rf "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  stage
  for name in $names; do replace "$name"; done
  rmdir "$new"
  [ -z "$link" ] || make_link
  sync "$target"
}

# Where the programs go, where the link goes, and what it leads to.
set_places() {
  directory=${1%/} link=
  case $directory in /*) ;; *) directory=$PWD/$directory ;; esac
  target=${DESTDIR:-}$directory program=$directory/weft
  case $2 in "" | "$program") ;; *) link=${DESTDIR:-}$2 ;; esac
}

# A program for another processor would end the network of all new containers.
check_processor() {
  case $(uname -m) in
    x86_64) expected="7f 45 4c 46 3e 00" ;;
    aarch64) expected="7f 45 4c 46 b7 00" ;;
    *) return 0 ;;
  esac
  # shellcheck disable=SC2046 # the first four bytes, and those that name the processor
  set -- $(od -An -v -tx1 -N20 "$source/weft")
  [ "$#" = 20 ] || set -- 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
  [ "$1 $2 $3 $4 ${19} ${20}" = "$expected" ] ||
    fail "Cannot install from \"$source\": \"weft\" is not a program for this processor"
}

make_directory() {
  [ ! -d "$target" ] || return 0
  mkdir -p "$target"
  echo "$target: created"
}

check_name() {
  is_same "$source/$1" "$source/weft" ||
    fail "Cannot install \"$1\": it is another file than \"$source/weft\", copy or build again"
  [ ! -d "$target/$1" ] || [ -L "$target/$1" ] ||
    fail "Cannot install \"$target/$1\": a directory has that name"
}

# One file, or two with the same bytes: a copy does not always keep hard links.
is_same() {
  [ -f "$1" ] && cmp -s "$1" "$2"
}

# A folder in the target itself: only there a rename is one step.
stage() {
  mkdir -m 0700 "$new"
  cp "$source/weft" "$new/weft"
  chmod 0755 "$new/weft"
  sync "$new/weft"
  for name in $names; do [ "$name" = weft ] || ln "$new/weft" "$new/$name"; done
}

replace() {
  state=installed
  if [ -L "$target/$1" ]; then
    state="installed, was a link to $(readlink "$target/$1")"
  elif [ -e "$target/$1" ] && cmp -s "$target/$1" "$new/$1"; then
    state="installed, the same as before"
  elif [ -e "$target/$1" ]; then
    state="installed, replaced $(stat -c "another file of %s bytes" "$target/$1")"
  fi
  mv -f -T "$new/$1" "$target/$1"
  echo "$target/$1: $state"
}

# For people only, so it is no reason to fail.
make_link() {
  folder=$(dirname "$link")
  mkdir -p "$folder" 2>/dev/null || true
  if [ "$(readlink "$link" || true)" = "$program" ]; then
    echo "$link: link to $program, as before"
  elif [ -e "$link" ] || [ -L "$link" ]; then
    echo "$link: something else has this name, no link was made"
  elif ln -s "$program" "$link" 2>/dev/null; then
    echo "$link: link to $program"
  else
    echo "$link: no link was made, \"$folder\" cannot be written"
  fi
}

# Ours are the names that are the installed "weft", by link or by copy.
uninstall_all() {
  set_places "$1" "$2"
  [ -e "$target/weft" ] || fail "Cannot uninstall from \"$target\": there is no \"weft\" in it"
  for file in "$target"/*; do
    if [ "$file" != "$target/weft" ] && [ ! -L "$file" ] && is_same "$file" "$target/weft"; then
      rm -f "$file"
      echo "$file: removed"
    fi
  done
  if [ -n "$link" ] && [ "$(readlink "$link" || true)" = "$program" ]; then
    rm -f "$link"
    echo "$link: removed"
  fi
  rm -f "$target/weft"
  echo "$target/weft: removed"
  sync "$target"
}

fail() {
  echo "$*" >&2
  exit 1
}

main "$@"
