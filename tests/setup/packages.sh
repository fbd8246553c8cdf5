#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what the named groups need, and only that:  packages.sh GROUP...
#
#   build   the hypervisor          run    make run (QEMU, firmware, a guest)
#   test    make test               check  make check (format, tidy, coverage)
#   bochs   an emulator with VMX, besides run or test
#   sign    make sign
#   build-arm64, run-arm64          what ARCH=arm64 needs besides
#
# Debian 12 and later: asks dpkg what is missing and installs it with apt-get (as root or by sudo)
# from the sources the user already has. Elsewhere: probes for each command and file and lists what
# is missing. Nothing missing: says nothing.
set -eu

# shellcheck source=tests/setup/common.sh
. "$(dirname "$0")/common.sh"

# group | Debian package | how to find it elsewhere | what it is for
table() {
    cat <<'TABLE'
build|gcc|command gcc|the compiler
build|binutils|command objcopy|linker and object tools
build|gnu-efi|file efi/efi.h|headers and start-up code of UEFI applications
build|newlib-source|file newlib/newlib-*.tar.*|the core's C library
build|xz-utils|command xz|unpacks newlib and the guest kernels
build|acpica-tools|command iasl|compiles the guests' ACPI tables
build|console-setup-linux|file consolefonts/Uni2-VGA16.psf.gz|the console's font
build|python3|command python3|set-up and test scripts
build-arm64|gcc-aarch64-linux-gnu|command aarch64-linux-gnu-gcc|the compiler for arm64
build-arm64|binutils-aarch64-linux-gnu|command aarch64-linux-gnu-ld|linker and object tools for arm64
run-arm64|qemu-system-arm|command qemu-system-aarch64|the arm64 machine that make run starts
run-arm64|qemu-efi-aarch64|file AAVMF/AAVMF_CODE.fd|UEFI firmware for it
run|qemu-system-x86|command qemu-system-x86_64|the machine that make run starts
run|ovmf|file OVMF/OVMF_CODE*.fd|UEFI firmware for QEMU
run|mtools|command mcopy|writes the stick image's file system
run|gdisk|command sgdisk|writes the stick image's partition table
run|busybox-static|command busybox|the guest's user space
test|libc6-dev|file stdlib.h|headers for the host tests
test|libc6-dev-arm64-cross|file ../aarch64-linux-gnu/include/stdlib.h|what make bench runs in a guest
test|libfdt-dev|file libfdt.h|device trees in host tests
test|zlib1g-dev|file zlib.h|unpacking in host tests
test|libcmocka-dev|file cmocka.h|unit tests
test|libzydis-dev|file Zydis/Zydis.h|the instruction decoder's oracle
test|sbsigntool|command sbsign|signs loaders for Secure Boot
test|openssl|command openssl|keys for Secure Boot
test|python3-pytest|module pytest|system tests
test|python3-pytest-xdist|module xdist|system tests side by side
test|python3-pexpect|module pexpect|console tests
test|clang|command clang|second compiler, fuzz targets
test|lld|command ld.lld|second linker
test|libclang-rt-dev|command clang|sanitizer and fuzzer run-times
sign|sbsigntool|command sbsign|signs loaders for Secure Boot
bochs|g++|command g++|compiles Bochs, the emulator with VMX
bochs|patch|command patch|patches Bochs
bochs|vgabios|file vgabios/vgabios.bin|the firmware of Bochs' screen
bochs|grub-common|command grub-mkimage|a boot loader for Bochs
bochs|grub-pc-bin|file ../lib/grub/i386-pc/multiboot2.mod|its modules
bochs|xorriso|command xorriso|a CD with it
check|clang-format|command clang-format|source format
check|clang-tidy|command clang-tidy|static checks
check|gcovr|command gcovr|coverage report
check|shellcheck|command shellcheck|checks of shell scripts
TABLE
}

rows() { # GROUP...: the groups' rows of the table
    for group; do
        table | grep "^$group|"
    done
}

# Not Debian: look for the thing itself.
is_present() { # KIND WHAT
    case $1 in
    command) command -v "$2" >/dev/null ;;
    module) /usr/bin/python3 -c "import $2" 2>/dev/null ;;
    file)
        for dir in /usr/include /usr/local/include /usr/share /usr/src /usr/share/edk2; do
            # shellcheck disable=SC2086  # a pattern, to be expanded
            ls $dir/$2 >/dev/null 2>&1 && return 0
        done
        return 1
        ;;
    esac
}

probe() { # GROUP...
    missing=$(rows "$@" | while IFS='|' read -r _ package how purpose; do
        is_present "${how%% *}" "${how#* }" ||
            printf '  %-28s %s (Debian: %s)\n' "${how#* }" "$purpose" "$package"
    done)
    [ -n "$missing" ] || exit 0
    say "this is not Debian 12 or later, so nothing is installed for you. Missing:" >&2
    echo "$missing" >&2
    exit 1
}

is_known() { # PACKAGE: can apt-get install it with the package lists it has?
    apt-cache policy "$1" 2>/dev/null | grep -q '^ *Candidate: [^(]'
}

apt() {
    # A fresh system may be busy with its own upgrades: wait for dpkg's lock.
    # shellcheck disable=SC2086  # $sudo is empty or one word
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

install_missing() { # PACKAGE...
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo=sudo
        command -v sudo >/dev/null || die "these Debian packages are missing, and there is no sudo
to install them with. As root:
  apt-get install --no-install-recommends $*"
    fi
    say "installing with apt: $*"
    fresh=
    for package; do
        if ! is_known "$package"; then
            say "updating apt's package lists (${package} is not in them)"
            apt update || die "apt-get update failed"
            fresh=1
            break
        fi
    done
    apt install -y --no-install-recommends "$@" && return
    [ -z "$fresh" ] || die "apt-get could not install: $*"
    say "that failed; updating apt's package lists and trying once more"
    apt update || die "apt-get update failed"
    apt install -y --no-install-recommends "$@" || die "apt-get could not install: $*"
}

[ $# -gt 0 ] || die "usage: packages.sh GROUP..."
for group; do
    rows "$group" >/dev/null || die "packages.sh: no group '$group'"
done
if [ "$(os_field ID)" != debian ] || ! command -v apt-get >/dev/null ||
    ! command -v dpkg-query >/dev/null; then
    probe "$@"
fi
version=$(os_field VERSION_ID) # testing and unstable have none
if [ -n "$version" ] && [ "${version%%.*}" -lt 12 ]; then
    die "this is Debian $version; Socle needs Debian 12 or later"
fi

wanted=$(rows "$@" | cut -d '|' -f 2 | sort -u)
# shellcheck disable=SC2086  # a list of words
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
    sed -n 's/^installed //p' | sort -u)
missing=$(printf '%s\n' "$wanted" | grep -vxF "$installed" || true)
# shellcheck disable=SC2086
[ -z "$missing" ] || install_missing $missing
