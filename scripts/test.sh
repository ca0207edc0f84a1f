#!/usr/bin/env bash
# Runs every test with the race detector. Needs Go; what else is missing is
# installed with the system's package manager, or named.
set -euo pipefail
cd "$(dirname "$0")/.."

need() { # command, Debian package
	command -v "$1" >/dev/null && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
	fi
	command -v "$1" >/dev/null || { echo "test: $1 is missing; install the package $2" >&2; exit 2; }
}
need git git
need gcc gcc        # the race detector links with it
# The independent double is JavaScript; it is used where it lies beside the checkout.
[ ! -d ../shared/github-double ] || need npm npm

# The race detector makes everything several times slower, so the matrices of
# faults and what needs Node are sampled or left out here (-short). SQLite, which
# is C turned into Go, is not watched: that costs more than all the rest, and its
# memory is its own …
CGO_ENABLED=1 go test -race -gcflags='modernc.org/...=-race=false' -short -timeout 60m ./...
# … and run whole without it.
go test -timeout 30m -run 'Killed|Fault|Interleaving|Outage|Double|KillNine|DiskFull|Flapping' ./fallback ./cmd/redundancy
