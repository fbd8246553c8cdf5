#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds Bochs, the emulator with Intel VMX and a fuller SVM than QEMU's:  bochs.sh CACHE
#
# This leaves CACHE/{bochs,version}. It is built once, and again when FLAGS below or the patches in
# tests/setup/bochs/ change; else nothing is said and nothing is looked up. Debian 12's own package is
# too old and slow, so the source package of a newer suite is fetched from the user's mirror by a
# private apt, and built without a screen and without Bochs' own debugger, which costs much speed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/setup/common.sh
. "$here/common.sh"
# shellcheck source=tests/setup/private_apt.sh
. "$here/private_apt.sh"

# Best first. Not every mirror still has the tarball that its package list names.
SUITES="forky sid trixie"
JOBS=2
# Without show-ips, which is on by default: it logs from a signal handler, amid another log line.
FLAGS="--with-nogui --without-x11 --without-x --disable-docbook --disable-debugger
--enable-cpu-level=6 --enable-x86-64 --enable-vmx=2 --enable-svm --enable-smp --enable-avx
--enable-evex --enable-cet --enable-protection-keys --enable-perfmon --enable-memtype
--enable-x86-debugger --enable-monitor-mwait --enable-alignment-check --enable-configurable-msrs
--enable-long-phy-address --enable-pci --enable-all-optimizations --disable-show-ips
CFLAGS=-O2 CXXFLAGS=-O2"

fail() { # WHAT LOG
    say "$1; the end of $2:" >&2
    tail -n 15 "$2" 2>/dev/null | sed 's/^/    /' >&2
    say "nothing of Socle on AMD or ARM64 needs Bochs: only what runs on Intel's VMX goes without" >&2
    exit 1
}

download() { # into $work/get: Debian's tarball of the sources
    for suite in $SUITES; do
        number=0
        apt_dir=$work/$suite
        mkdir -p "$apt_dir"
        while private_apt "$apt_dir" "$number" "$suite" amd64 deb-src; do
            rm -rf "$work/get"
            mkdir "$work/get"
            if apt-get -c "$apt_dir/apt.conf" -q update &&
                (cd "$work/get" &&
                    apt-get -c "$apt_dir/apt.conf" -q --tar-only --download-only source bochs) &&
                ls "$work/get"/bochs_*.orig.tar.*; then
                return 0
            fi
            number=$((number + 1))
        done
    done >>"$work/log" 2>&1
    return 1
}

unpack() {
    mkdir "$work/src"
    tar -xf "$work/get"/bochs_*.orig.tar.* -C "$work/src" --strip-components=1 || return 1
    for patch in "$here"/bochs/*.patch; do
        [ -e "$patch" ] || continue
        say "applying ${patch##*/}"
        patch -d "$work/src" -p1 --no-backup-if-mismatch <"$patch" >>"$work/log" 2>&1 || return 1
    done
}

configure() {
    # shellcheck disable=SC2086  # a list of words
    (cd "$work/src" && nice ./configure $FLAGS CC=gcc CXX=g++ >>"$work/log" 2>&1)
}

compile() { # says how far it has come, four times
    total=$(cd "$work/src" && make -n bochs 2>/dev/null | grep -c -- ' -c ') || total=1000
    (cd "$work/src" && nice make -j$JOBS bochs 2>&1 || echo "bochs.sh: make failed") |
        awk -v total="$total" -v log_path="$work/log" '
            { print >>log_path }
            / -c / && ++count * 4 >= total * (shown + 1) && shown < 4 {
                shown++
                printf "Socle set-up: compiling Bochs: %d of %d files\n", count, total
                fflush()
            }'
    [ -x "$work/src/bochs" ]
}

if [ $# != 1 ]; then
    echo "usage: bochs.sh CACHE" >&2
    exit 2
fi
mkdir -p "$1"
cache=$(cd "$1" && pwd)
key=$({ echo "$FLAGS" && cat "$here"/bochs/*.patch; } 2>/dev/null | cksum)
if [ -x "$cache/bochs" ] && [ "$(cat "$cache/key" 2>/dev/null)" = "$key" ]; then
    exit 0
fi

need_apt "the sources of Bochs come" "only what runs on an emulated CPU with Intel's VMX needs them"
work=$cache/work
rm -rf "$work"
mkdir "$work"
trap 'rm -rf "$work/get" "$work/src" "$work"/*/' EXIT
say "fetching the sources of Bochs (4 MB) from your Debian mirror"
download || fail "no sources of Bochs in Debian's $SUITES" "$work/log"
version=$(basename "$work/get"/bochs_*.orig.tar.* | sed 's/bochs_\(.*\)\.orig.*/\1/; s/+dfsg//')
say "building Bochs $version in $cache: once, 2 to 10 minutes on $JOBS CPUs"
unpack || fail "the sources of Bochs cannot be unpacked or patched" "$work/log"
configure || fail "Bochs cannot be configured" "$work/log"
compile || fail "Bochs cannot be compiled" "$work/log"
strip -o "$cache/bochs" "$work/src/bochs"
echo "$version" >"$cache/version"
echo "$key" >"$cache/key"
rm -rf "$work"
say "Bochs $version is built"
