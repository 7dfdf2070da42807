# shellcheck shell=bash
# What the peers' `install` and `start` share; they source it first. It never runs as root what could run without, and
# writes nothing outside the cache and the run's folder.
set -euo pipefail
shopt -s nullglob

peer_folder=$(cd "$(dirname "$0")" && pwd)
peer=${peer_folder##*/}
# One folder for all peers, each has its own in it.
cache=${RINGWAY_BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ringway-bench}/peers/$peer
[[ $cache == /* ]] || cache=$PWD/$cache

# Connections that wait to be accepted. The kernel caps it at net.core.somaxconn, which is 4096 where nobody set it.
# shellcheck disable=SC2034
backlog=4096

die() {
  printf '%s: %s\n' "$peer" "$*" >&2
  exit 2
}

# ---- install -----------------------------------------------------------------

# install_once COMMAND INPUT…: runs COMMAND in the peer's emptied cache folder, unless it ran there with the same inputs
# already. Of two installs at once the second waits.
install_once() {
  local command=$1 digest
  shift
  mkdir -p "${cache%/*}"
  exec 9>"$cache.lock"
  flock 9
  digest=$(cat -- "$@" "$0" | sha256sum)
  [ "$(cat "$cache/installed" 2>/dev/null)" != "$digest" ] || return 0
  rm -rf "$cache"
  mkdir -p "$cache"
  # Nothing may read what the caller types, and standard output is for the versions. Errors end it, as everywhere.
  (cd "$cache" && "$command") </dev/null >&2
  printf '%s\n' "$digest" >"$cache/installed"
}

# unpack_debian PACKAGE: fetches it with whatever it depends on that this machine lacks, and unpacks them in the working
# folder. No root, no service started, nothing registered: only the files.
unpack_debian() {
  command -v apt-get dpkg-deb >/dev/null || die "install $1: this machine has no apt-get to fetch it with"
  # A machine that never looked for packages, or long ago, has no list of them to go by; making one takes root.
  fetch_debian "$1" || { apt-get update -q && fetch_debian "$1"; } || die "apt-get finds no package $1; apt-get update as root may help"
  local archive
  for archive in *.deb; do
    dpkg-deb -x "$archive" debian
    rm -- "$archive"
  done
}

fetch_debian() {
  local needs=()
  mapfile -t needs < <({ echo "$1" && apt-get install --simulate --no-install-recommends -qq "$1"; } | sed -E 's/^Inst ([^ ]+) .*/\1/; / /d' | sort -u)
  apt-get download -q "${needs[@]}"
}

# ---- programs ----------------------------------------------------------------

# program NAME: its path, where it is installed or unpacked; fails where it is neither. Debian keeps servers in sbin,
# which is on the PATH of root alone.
program() {
  PATH=$PATH:/usr/sbin:/usr/local/sbin:$cache/debian/usr/sbin:$cache/debian/usr/bin command -v "$1"
}

# use_libraries_of PROGRAM: what was unpacked with it, if it was.
use_libraries_of() {
  local folders=("$cache"/debian/{usr/,}lib/*-linux-gnu)
  [[ $1 != "$cache"/* || ${#folders[@]} -eq 0 ]] || export LD_LIBRARY_PATH="${folders[0]}${folders[1]:+:${folders[1]}}"
}

# ---- start -------------------------------------------------------------------

# need VARIABLE…: they must be in the environment.
need() {
  local name
  for name; do [ -n "${!name:-}" ] || die "$name is not set; bench/peers/README.md says what start reads"; done
}

# For proxies. UPSTREAM goes into their configuration as it is.
need_upstream() {
  need UPSTREAM
  [[ $UPSTREAM =~ ^[][A-Za-z0-9.:-]+:[0-9]+$ ]] || die "UPSTREAM is not host:port: $UPSTREAM"
}

# read_cpus: sets `cpus` to the cores of CPU, which is a list as taskset reads it: 0,2-3. Without it, to those that this
# process may run on.
read_cpus() {
  local part list=${CPU:-$(sed -n 's/^Cpus_allowed_list:\s*//p' /proc/self/status)}
  [[ $list =~ ^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$ ]] || die "CPU is not a list of cores such as 0,2-3: $list"
  # Not by a process substitution, whose process would stay on as a dead child of the server that `start` becomes.
  list=$(for part in ${list//,/ }; do seq "${part%-*}" "${part#*-}"; done)
  [ -n "$list" ] || die "CPU is a range that ends before it begins: ${CPU:-}"
  # shellcheck disable=SC2034  # the sourcing scripts read it
  mapfile -t cpus <<<"$list"
}

# raise_files_max: lets the server open as many files, and so connections, as this user may, within reason. Servers that
# would do so themselves warn or end where they may not; others do not try.
raise_files_max() {
  local most
  most=$(ulimit -Hn)
  [ "$most" != unlimited ] && [ "$most" -lt 65536 ] || most=65536
  ulimit -Sn "$most"
}

# The folder for this run's files: RINGWAY_BENCH_RUN, and who set it ends it. Without it a folder of its own, which stays.
run_folder() {
  if [ -n "${RINGWAY_BENCH_RUN:-}" ]; then
    mkdir -p "$RINGWAY_BENCH_RUN"
    echo "$RINGWAY_BENCH_RUN"
  else
    mktemp -d "${TMPDIR:-/tmp}/ringway-peer-$peer.XXXXXX"
  fi
}
