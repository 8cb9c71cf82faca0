#!/usr/bin/env bash
# Installs the load drivers that ours is compared with, builds ours and the
# servers, and measures. What is measured, and how to read it: docs/peers.md.
#
#   benches/peers/run.sh                     the whole comparison, about half an hour
#   benches/peers/run.sh --rounds 1 --seconds 2 --stall-rounds 1 --stall-seconds 4
#   benches/peers/run.sh --help              all options
#
# OHA=PROGRAM           an oha that is there already
# PEERS_INSTALL=0       install nothing; what is not there is left out by name
set -euo pipefail

readonly OHA_VERSION=1.16.0

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
tools=$target/peers

say() { printf '*** %s ***\n' "$*" >&2; }

have() { command -v "$1" >/dev/null; }

# Debian's package of a program, unless the program is there.
by_apt() {
    local program=$1 package=$2 as_root=()
    have "$program" && return
    if [[ ${PEERS_INSTALL:-1} = 0 ]] || ! have apt-get; then
        say "$program is not there and is not installed (apt package $package)"
        return
    fi
    if ((EUID != 0)); then
        have sudo || { say "$program is not installed: neither root nor sudo"; return; }
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get install -y --no-install-recommends "$package" >&2 ||
        say "$program cannot be installed: apt-get install $package failed (apt-get update first?)"
}

# oha of the pinned version, into a folder of its own.
by_cargo() {
    [[ -n ${OHA:-} ]] && return
    local own=$tools/bin/oha
    if [[ -x $own ]] && [[ $("$own" --version) = "oha $OHA_VERSION" ]]; then
        export OHA=$own
    elif have oha; then
        say "taking the oha of the path: $(oha --version)"
    elif [[ ${PEERS_INSTALL:-1} = 0 ]]; then
        say "oha is not there and is not installed (cargo install oha)"
    elif cargo install --locked --root "$tools" --target-dir "$tools/build" "oha@$OHA_VERSION" >&2; then
        export OHA=$own
    else
        say "oha cannot be installed: cargo install oha@$OHA_VERSION failed"
    fi
}

case " $* " in
*" --help "* | *" -h "*) ;;
*)
    by_apt wrk wrk
    by_apt hey hey
    by_apt h2load nghttp2-client
    by_cargo
    ;;
esac

cargo build --release -p authbench-cli --bin authbench >&2
cargo build --release -p authbench-load --example driver_cost >&2
cargo build --release -p authbench-benches --bin authbench-peers >&2

exec "$target/release/authbench-peers" measure \
    --authbench "$target/release/authbench" \
    "$@" \
    --null-server "$target/release/examples/driver_cost" null
