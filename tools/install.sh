#!/bin/sh
# Puts the executables in place, or takes them away:
#   tools/install.sh install SOURCE DIRECTORY [LINK [SHARE]]
#   tools/install.sh uninstall DIRECTORY [LINK [SHARE]]
# Each name changes in one step (rename), after the bytes are on the disk: a runtime sees the old
# program or the new one, whole, and a program that is running goes on. Another's program of the same
# name is kept as .weft-before.NAME, and is back after uninstall, as `weft install` does. All names are
# hard links to one file, also if SOURCE is a copy that has lost its links. If anything fails before the
# first rename, nothing has changed; if it is killed, each name is whole, and the next run does the rest.
# LINK is a symbolic link to DIRECTORY/weft, for shells to find it; "" is none. Into SHARE, such as
# /usr/local/share, go the manual and completion for shells, if they lie beside SOURCE. DESTDIR, if set,
# goes before all but SOURCE, to fill an image of another machine.
set -eu

main() {
  case "${1:-} $#" in
    "install 3" | "install 4" | "install 5") install_all "$2" "$3" "${4:-}" "${5:-}" ;;
    "uninstall 2" | "uninstall 3" | "uninstall 4") uninstall_all "$2" "${3:-}" "${4:-}" ;;
    *) fail "usage: tools/install.sh install SOURCE DIRECTORY [LINK [SHARE]]" \
      "| uninstall DIRECTORY [LINK [SHARE]]" ;;
  esac
}

install_all() {
  source=$1
  set_places "$2" "$3" "$4"
  [ -x "$source/weft" ] || fail "Cannot install from \"$source\": there is no executable \"weft\" in it"
  [ -n "${DESTDIR:-}" ] || check_processor
  make_directory
  names=$(ls "$source")
  for name in $names; do check_name "$name"; done
  remove_leftovers
  new="$target/.weft-install-$$"
  trap 'rm -rf "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  stage
  for name in $names; do replace "$name"; done
  rmdir "$new"
  [ -z "$link" ] || make_link
  [ -z "$share" ] || fill_share
  sync "$target"
}

# Where the programs go, where the link goes, what it leads to, and where words for people go.
set_places() {
  directory=${1%/} link=
  case $directory in /*) ;; *) directory=$PWD/$directory ;; esac
  target=${DESTDIR:-}$directory program=$directory/weft
  case $2 in "" | "$program") ;; *) link=${DESTDIR:-}$2 ;; esac
  share=${3:+${DESTDIR:-}${3%/}}
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

# What an installation has left that was killed: the folder of a process that is no more.
remove_leftovers() {
  for left in "$target"/.weft-install-*; do
    [ ! -d "$left" ] || kill -0 "${left##*-}" 2>/dev/null || rm -rf "$left"
  done
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
  if [ ! -L "$target/$1" ] && [ -e "$target/$1" ] && cmp -s "$target/$1" "$new/$1"; then
    state="installed, the same as before"
  elif [ ! -L "$target/$1" ] && is_image "$target/$1"; then
    state="installed, replaced another weft"
  elif [ -L "$target/$1" ] || [ -e "$target/$1" ]; then
    state="installed, what was there is kept as .weft-before.$1"
    rm -f "$target/.weft-before.$1"
    ln -P "$target/$1" "$target/.weft-before.$1"
  fi
  mv -f -T "$new/$1" "$target/$1"
  echo "$target/$1: $state"
}

# By what every image of weft says to who runs it setuid, and no other program.
is_image() {
  [ -f "$1" ] && grep -q -a -F "weft: this file is setuid or setgid" "$1"
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

# For people only as well. Nothing that others made is replaced.
fill_share() {
  beside=$(dirname "$source")
  count=0
  for file in "$beside"/man/man1/*.1 "$beside"/completion/*; do
    [ -f "$file" ] || continue
    to=$(place_of "$file")
    if ! is_free "$to"; then
      echo "$to: something else has this name, it was left alone"
    elif mkdir -p "$(dirname "$to")" 2>/dev/null && cp "$file" "$to.$$" 2>/dev/null; then
      chmod 0644 "$to.$$"
      mv -f -T "$to.$$" "$to"
      count=$((count + 1))
    else
      rm -f "$to.$$" 2>/dev/null || true
      echo "$share: no manual and no completion, it cannot be written"
      return 0
    fi
  done
  [ "$count" = 0 ] || echo "$share: $count files of manual and completion"
}

# Where the manual and the shells look for a file.
place_of() {
  case $(basename "$1") in
    *.1) echo "$share/man/man1/$(basename "$1")" ;;
    weft.bash) echo "$share/bash-completion/completions/weft" ;;
    _weft) echo "$share/zsh/site-functions/_weft" ;;
    *) echo "$share/fish/vendor_completions.d/$(basename "$1")" ;;
  esac
}

is_free() {
  [ ! -L "$1" ] && { [ ! -e "$1" ] || is_of_weft "$1"; }
}

# By what all these files say of themselves at their beginning.
is_of_weft() {
  [ -f "$1" ] && [ ! -L "$1" ] && head -n 2 "$1" | grep -q ' of weft[ ,]'
}

empty_share() {
  for file in "$share"/man/man1/weft.1 "$share"/man/man1/weft-*.1 \
    "$share/bash-completion/completions/weft" "$share/zsh/site-functions/_weft" \
    "$share/fish/vendor_completions.d/weft.fish"; do
    if is_of_weft "$file"; then
      rm -f "$file"
      echo "$file: removed"
    fi
  done
}

# Ours are the names that are the installed "weft", by link or by copy.
uninstall_all() {
  set_places "$1" "$2" "$3"
  [ -e "$target/weft" ] || fail "Cannot uninstall from \"$target\": there is no \"weft\" in it"
  remove_leftovers
  for file in "$target"/*; do
    if [ "$file" != "$target/weft" ] && [ ! -L "$file" ] && is_same "$file" "$target/weft"; then
      give_back "${file##*/}"
    fi
  done
  if [ -n "$link" ] && [ "$(readlink "$link" || true)" = "$program" ]; then
    rm -f "$link"
    echo "$link: removed"
  fi
  [ -z "$share" ] || empty_share
  give_back weft
  sync "$target"
}

give_back() {
  kept=$target/.weft-before.$1
  if [ -L "$kept" ] || [ -e "$kept" ]; then
    mv -f -T "$kept" "$target/$1"
    echo "$target/$1: removed, what was there before is back"
  else
    rm -f "$target/$1"
    echo "$target/$1: removed"
  fi
}

fail() {
  echo "$*" >&2
  exit 1
}

main "$@"
