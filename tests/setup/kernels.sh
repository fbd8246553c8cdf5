#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches stock Debian kernels to run as guests:  kernels.sh ARCH CACHE SERIES...   (6.1, 6.12)
#
# ARCH is x86_64 or arm64. This leaves CACHE/SERIES/{vmlinuz,version,modules/}. A series that is there already is left alone, so
# nothing is said and nothing is looked up. Remove its folder to fetch the newest again.
#
# The packages come from the user's own Debian mirror: a copy of its source entry, with the suite
# that has the series, in a private apt directory below CACHE.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/setup/common.sh
. "$here/common.sh"
# shellcheck source=tests/setup/private_apt.sh
. "$here/private_apt.sh"

suites() { # SERIES: where Debian has it, best first
    case $1 in
    6.1) echo bookworm ;;
    6.12)
        if [ "$(os_field VERSION_CODENAME)" = bookworm ]; then
            echo bookworm-backports trixie
        else
            echo trixie bookworm-backports
        fi
        ;;
    *) die "no Debian suite is known for kernel series $1" ;;
    esac
}

newest_package() { # APT_DIR SERIES: the plain flavour, signed where Debian signs it
    series=$(echo "$2" | sed 's/\./\\./g')
    apt-cache -c "$1/apt.conf" pkgnames "linux-image-$2." |
        grep -E "^linux-image-$series\.[0-9.]+([+~][a-z0-9.]+)*(-[0-9]+)?-$debian_arch(-unsigned)?\$" |
        sed 's/-unsigned$/ -unsigned/' | sort -V | awk '
            $2 == "" { signed = $1 }
            { last = $1 $2 }
            END { print signed != "" ? signed : last }'
}

find_package() { # SERIES APT_DIR: prints the package's name; apt's own words go to apt.log
    for suite in $(suites "$1"); do
        number=0
        while private_apt "$2" "$number" "$suite" "$debian_arch"; do
            if apt-get -c "$2/apt.conf" -q update >>"$2/apt.log" 2>&1; then
                package=$(newest_package "$2" "$1")
                if [ -n "$package" ]; then
                    echo "$package"
                    return 0
                fi
            fi
            number=$((number + 1))
        done
    done
    return 1
}

fetch() { # SERIES
    suites "$1" >/dev/null || return 1
    say "looking for Debian's newest kernel $1 on your mirror"
    apt_dir=$cache/$1.apt
    rm -rf "$apt_dir" "${cache:?}/$1.new"
    mkdir -p "$apt_dir"
    if ! package=$(find_package "$1" "$apt_dir"); then
        say "none found in $(suites "$1" | sed 's/ / or /'); what apt said:" >&2
        sed 's/^/    /' "$apt_dir/apt.log" >&2 2>/dev/null || true
        say "give a kernel of your own by KERNEL=/path/to/vmlinuz" >&2
        return 1
    fi
    say "fetching $package (some 100 MB) into $cache"
    (cd "$apt_dir" && apt-get -c "$apt_dir/apt.conf" -q download "$package")
    say "unpacking $package"
    /usr/bin/python3 "$here/extract_kernel.py" "$arch" "$apt_dir/$package"_*.deb "$cache/$1.new"
    echo "$package" >"$cache/$1.new/version"
    rm -rf "$apt_dir" "${cache:?}/$1"
    mv "$cache/$1.new" "$cache/$1"
}

if [ $# -lt 3 ]; then
    echo "usage: kernels.sh ARCH CACHE SERIES..." >&2
    exit 2
fi
arch=$1
cache=$2
shift 2
case $arch in
x86_64) debian_arch=amd64 ;;
arm64) debian_arch=arm64 ;;
*) die "kernels.sh: no architecture '$arch'" ;;
esac

is_there() { # SERIES: with all the modules that are wanted of it
    [ -e "$cache/$1/version" ] && { [ "$arch" = arm64 ] || [ -e "$cache/$1/modules/kvm-intel.ko" ]; }
}

for series; do
    is_there "$series" && continue
    need_apt "the guest kernels come" "give a kernel of your own by KERNEL=/path/to/vmlinuz"
    mkdir -p "$cache"
    cache=$(cd "$cache" && pwd)
    fetch "$series"
done
