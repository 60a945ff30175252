#!/bin/sh
# Puts the executables in place, or takes them away:
#   tools/install.sh install SOURCE DIRECTORY
#   tools/install.sh uninstall DIRECTORY
# Each name changes in one step (rename), after the bytes are on the disk: a runtime sees the old
# program or the new one, whole, and a program that is running goes on. All names are hard links
# to one file. If anything fails before the first rename, nothing has changed.
set -eu

main() {
  case "${1:-} $#" in
    "install 3") install_all "$2" "${3%/}" ;;
    "uninstall 2") uninstall_all "${2%/}" ;;
    *) fail "usage: tools/install.sh install SOURCE DIRECTORY | uninstall DIRECTORY" ;;
  esac
}

install_all() {
  source=$1 target=$2
  [ -x "$source/weft" ] || fail "Cannot install from \"$source\": there is no executable \"weft\" in it"
  make_directory
  names=$(ls "$source")
  for name in $names; do check_name "$name"; done
  new="$target/.weft-install-$$"
  trap 'rm -rf "$new"' EXIT
  trap 'exit 1' HUP INT TERM
  stage
  for name in $names; do replace "$name"; done
  rmdir "$new"
  sync "$target"
}

make_directory() {
  [ ! -d "$target" ] || return 0
  mkdir -p "$target"
  echo "$target: created"
}

check_name() {
  is_same "$source/$1" "$source/weft" ||
    fail "Cannot install \"$1\": it is not a hard link to \"$source/weft\", build again"
  [ ! -d "$target/$1" ] || [ -L "$target/$1" ] ||
    fail "Cannot install \"$target/$1\": a directory has that name"
}

is_same() {
  [ -f "$1" ] && [ "$(stat -L -c %d:%i "$1")" = "$(stat -L -c %d:%i "$2")" ]
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

# Ours are the names that are hard links to the installed "weft".
uninstall_all() {
  target=$1
  [ -e "$target/weft" ] || fail "Cannot uninstall from \"$target\": there is no \"weft\" in it"
  for file in "$target"/*; do
    if [ "$file" != "$target/weft" ] && is_same "$file" "$target/weft"; then
      rm -f "$file"
      echo "$file: removed"
    fi
  done
  rm -f "$target/weft"
  echo "$target/weft: removed"
  sync "$target"
}

fail() {
  echo "$*" >&2
  exit 1
}

main "$@"
