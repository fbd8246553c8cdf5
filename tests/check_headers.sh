#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that every header compiles alone, twice included, with all warnings, by each
# architecture's compiler.
#
#   check_headers.sh [CC]     from anywhere; CC is gcc (the default) or clang
#
# arm64 is left out, and says so, where its compiler is not installed.
set -u

cd "$(dirname "$0")/.." || exit 2
warnings="-Wall -Wextra -Werror -Wconversion -Wshadow -Wundef -Wvla -Wcast-qual
	-Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum"
count=0
bad=0

compile() { # HEADER FLAGS...
	header=$1
	shift
	count=$((count + 1))
	# shellcheck disable=SC2086
	if ! printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		$cc -std=gnu17 -fsyntax-only $warnings -I. "$@" -x c -; then
		echo "check_headers: $header does not compile alone ($arch)"
		bad=$((bad + 1))
	fi
}

headers() { # FOLDER...
	find "$@" -name '*.h' 2>/dev/null | LC_ALL=C sort
}

check_target() { # ARCH OTHER FLAGS...: what runs on the target
	arch=$1
	other=$2
	shift 2
	for header in $(headers mm vmm nested "arch/$arch" "tests/guest/$arch" | grep -vE "^nested/$other"); do
		compile "$header" "-Iarch/$arch/include" "$@"
	done
	for header in $(headers boot tests/system | grep -vE "/$other"); do
		compile "$header" -fshort-wchar "-Iarch/$arch/include" "$@"
	done
}

check_host() { # what runs here and pretends to be of either architecture
	for header in $(headers tests | grep -vE "^tests/(guest|system)/"); do
		case $header in
		*arm64*) arch=arm64 ;;
		*) arch=x86 ;;
		esac
		compile "$header" "-Iarch/$arch/include" -Itests/host
	done
}

compiler=${1:-gcc}
cc=$compiler
check_target x86 '(arm64|aarch64)' -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
check_host

case $compiler in
*clang*) cc="$compiler --target=aarch64-linux-gnu" ;;
*) cc=aarch64-linux-gnu-gcc ;;
esac
if command -v aarch64-linux-gnu-gcc >/dev/null; then
	newlib="-ffreestanding -nostdinc -isystem $($cc -print-file-name=include)
		-isystem build/arm64/newlib/include"
	efi=build/cache/arm64/gnu-efi/usr/include/efi
	# shellcheck disable=SC2086
	check_target arm64 x86 $newlib -isystem "$efi" -isystem "$efi/aarch64" \
		-isystem build/arm64/lib/include
else
	echo "check_headers: no aarch64-linux-gnu-gcc: arm64 is not checked"
fi

echo "check_headers: $count headers, $bad problems"
[ "$bad" -eq 0 ] && [ "$count" -gt 0 ]
