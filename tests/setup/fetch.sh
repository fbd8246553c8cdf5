#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches parts that the system's own packages cannot give:  fetch.sh CACHE PART...
#
#   gnu-efi   CACHE/arm64/gnu-efi/usr/{include,lib}   GNU-EFI for arm64
#   busybox   CACHE/arm64/busybox                     the arm64 guest's user space
#   libfdt    CACHE/src/libfdt/                       sources of the device tree library
#   zlib      CACHE/src/zlib/                         sources of zlib
#
# A part that is there already is left alone, so nothing is said and nothing is looked up. The suite
# is the same on every host, so that everybody builds the same; another serves where it is gone.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/setup/common.sh
. "$here/common.sh"
# shellcheck source=tests/setup/private_apt.sh
. "$here/private_apt.sh"

# part | folder or file | type | Debian package | suites, best first
table() {
    cat <<'TABLE'
gnu-efi|arm64/gnu-efi|deb|gnu-efi|bookworm trixie
busybox|arm64/busybox|deb|busybox-static|bookworm trixie
libfdt|src/libfdt|deb-src|device-tree-compiler|trixie bookworm sid
zlib|src/zlib|deb-src|zlib|trixie bookworm sid
TABLE
}

download() { # TYPE PACKAGE: into $apt_dir/get; a source package's own tarball is enough
    rm -rf "$apt_dir/get"
    mkdir "$apt_dir/get"
    cd "$apt_dir/get" || return 1
    if [ "$1" = deb ]; then
        apt-get -c "$apt_dir/apt.conf" -q download "$2"
    else
        apt-get -c "$apt_dir/apt.conf" -q --tar-only --download-only source "$2"
    fi
}

# One package list serves all parts of its suite and type.
find_package() { # TYPE PACKAGE SUITE...; apt's own words go to apt.log
    type=$1 package=$2
    shift 2
    for suite; do
        number=0
        while :; do
            list=$suite.$type.$number
            apt_dir=$work/$list
            mkdir -p "$apt_dir"
            private_apt "$apt_dir" "$number" "$suite" arm64 "$type" || break
            if { [ -e "$apt_dir/updated" ] || apt-get -c "$apt_dir/apt.conf" -q update; } &&
                touch "$apt_dir/updated" && (download "$type" "$package"); then
                return 0
            fi >>"$work/apt.log" 2>&1
            number=$((number + 1))
        done
    done
    return 1
}

unpack() { # TYPE PART OUT
    case $2 in
    busybox)
        dpkg-deb -x "$apt_dir"/get/*.deb "$work/busybox"
        cp "$work/busybox/bin/busybox" "$3" 2>/dev/null ||
            cp "$work/busybox/usr/bin/busybox" "$3"
        ;;
    gnu-efi)
        dpkg-deb -x "$apt_dir"/get/*.deb "$3"
        ;;
    *)
        mkdir "$3"
        tar -xf "$apt_dir"/get/*.orig.tar.* -C "$3" --strip-components=1
        ;;
    esac
}

fetch() { # PART: one of the table
    IFS='|' read -r part path type package suites <<ROW
$(table | grep "^$1|")
ROW
    [ -n "$part" ] || die "fetch.sh: no part '$1'"
    [ ! -e "$cache/$path" ] || return 0
    need_apt "$part comes" "put it at $cache/$path by hand"
    case $type in
    deb) say "fetching $package for arm64 from your Debian mirror into $cache" ;;
    *) say "fetching the sources of $package from your Debian mirror into $cache" ;;
    esac
    mkdir -p "$work" "$cache/${path%/*}"
    # shellcheck disable=SC2086  # a list of words
    if ! find_package "$type" "$package" $suites; then
        say "not found in Debian's ${suites}; what apt said:" >&2
        sed 's/^/    /' "$work/apt.log" >&2 2>/dev/null || true
        return 1
    fi
    rm -rf "${cache:?}/$path.new"
    unpack "$type" "$part" "$cache/$path.new"
    mv "$cache/$path.new" "$cache/$path"
}

if [ $# -lt 2 ]; then
    echo "usage: fetch.sh CACHE PART..." >&2
    exit 2
fi
mkdir -p "$1"
cache=$(cd "$1" && pwd)
shift
# One of its own: make -j fetches several parts at a time.
work=$cache/fetch.apt.$$
trap 'rm -rf "$work"' EXIT
for part; do
    fetch "$part"
done
