# How Debians are made here; tools/fresh/setup.sh and tools/vm/system.sh source it.
# shellcheck shell=bash

# The sources of this machine, if it is a Debian, with suite $1 in place of its own. Without any (an
# Ubuntu), mmdebstrap knows where Debian is.
print_sources() {
  local own
  own=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  # shellcheck disable=SC2016 # apt-get fills them in
  apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v own="${own:-none}" -v suite="$1" '
      $1 == "Debian" && index($3, own) == 1 { print "deb", $2, suite substr($3, length(own) + 1), $4 }
    ' | sort -u
}

# How this machine's apt comes to its mirrors.
print_apt_options() {
  apt-config dump | grep -E '^Acquire::(http|https|ftp|Retries|Check-)' || true
}
