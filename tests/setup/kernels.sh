#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches stock Debian kernels to run as guests:  kernels.sh CACHE SERIES...   (6.1, 6.12)
#
# leaves CACHE/SERIES/{vmlinuz,version,modules/}. A series that is there already is left alone, so
# nothing is said and nothing is looked up. Remove its folder to fetch the newest again.
#
# The packages come from the user's own Debian mirror: a copy of its source entry, with the suite
# that has the series, in a private apt directory below CACHE. The system's apt is not touched and
# no privilege is needed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/setup/common.sh
. "$here/common.sh"

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

private_apt() { # DIR NUMBER SUITE: sets up an apt of our own; fails when there is no such entry
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/empty"
    : >"$1/status"
    /usr/bin/python3 "$here/apt_source.py" "$2" "$3" >"$1/socle.sources" || return 1
    cat >"$1/apt.conf" <<CONF
Dir::Etc::SourceList "$1/socle.sources";
Dir::Etc::SourceParts "$1/empty";
Dir::Etc::Preferences "$1/none";
Dir::Etc::PreferencesParts "$1/empty";
Dir::State "$1";
Dir::State::Lists "$1/lists";
Dir::State::Status "$1/status";
Dir::Cache "$1/cache";
APT::Architecture "amd64";
#clear APT::Architectures;
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::Contents-deb;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
CONF
}

newest_package() { # APT_DIR SERIES: the plain amd64 flavour, signed where Debian signs it
    series=$(echo "$2" | sed 's/\./\\./g')
    apt-cache -c "$1/apt.conf" pkgnames "linux-image-$2." |
        grep -E "^linux-image-$series\.[0-9.]+([+~][a-z0-9.]+)*(-[0-9]+)?-amd64(-unsigned)?\$" |
        sed 's/-unsigned$/ -unsigned/' | sort -V | awk '
            $2 == "" { signed = $1 }
            { last = $1 $2 }
            END { print signed != "" ? signed : last }'
}

find_package() { # SERIES APT_DIR: prints the package's name; apt's own words go to apt.log
    for suite in $(suites "$1"); do
        number=0
        while private_apt "$2" "$number" "$suite"; do
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
    /usr/bin/python3 "$here/extract_kernel.py" "$apt_dir/$package"_*.deb "$cache/$1.new"
    echo "$package" >"$cache/$1.new/version"
    rm -rf "$apt_dir" "${cache:?}/$1"
    mv "$cache/$1.new" "$cache/$1"
}

if [ $# -lt 2 ]; then
    echo "usage: kernels.sh CACHE SERIES..." >&2
    exit 2
fi
cache=$1
shift

for series; do
    [ -e "$cache/$series/version" ] && continue
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        say "the guest kernels come from Debian's packages, and this system has no apt-get." >&2
        say "give a kernel of your own by KERNEL=/path/to/vmlinuz" >&2
        exit 1
    fi
    mkdir -p "$cache"
    cache=$(cd "$cache" && pwd)
    fetch "$series"
done
