# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What the set-up scripts share; to be sourced.

say() {
    echo "Socle set-up: $*"
}

die() {
    say "$*" >&2
    exit 1
}

os_field() { # NAME: of os-release, empty when there is none
    sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "${OS_RELEASE:-/etc/os-release}" 2>/dev/null
}
