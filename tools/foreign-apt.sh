#!/bin/sh
# Runs apt-get or apt-cache for another architecture, with lists of its own in a folder; this machine's
# packages and lists stay as they are:  tools/foreign-apt.sh ARCHITECTURE FOLDER apt-get|apt-cache WORD…
set -eu
architecture=$1
folder=$2
program=$3
shift 3

mkdir -p "$folder/lists/partial" "$folder/archives/partial"
[ -e "$folder/status" ] || : >"$folder/status"
exec "$program" -o APT::Architecture="$architecture" -o APT::Architectures::="$architecture" \
  -o APT::Sandbox::User=root -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder" \
  -o Dir::State::status="$folder/status" "$@"
