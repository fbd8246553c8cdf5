#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that every header compiles alone, twice included, with all warnings.
#
#   check_headers.sh [CC]     from anywhere; CC defaults to gcc
#
# CC is a compiler for x86-64; the headers of arch/arm64/ go to CC_ARM64, where it is installed.
set -u

cd "$(dirname "$0")/.." || exit 2
cc=${1:-gcc}
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
		echo "check_headers: $header does not compile alone"
		bad=$((bad + 1))
	fi
}

headers() { # FOLDER...
	find "$@" -name '*.h' 2>/dev/null | LC_ALL=C sort
}

for header in $(headers mm vmm nested arch/x86 tests); do
	compile "$header" -Iarch/x86/include -Itests/host
done
for header in $(headers boot); do
	compile "$header" -fshort-wchar -isystem /usr/include/efi -isystem /usr/include/efi/x86_64
done
cc=${CC_ARM64:-aarch64-linux-gnu-gcc}
if command -v "$cc" >/dev/null; then
	for header in $(headers arch/arm64); do
		compile "$header" -Iarch/arm64/include
	done
fi

echo "check_headers: $count headers, $bad problems"
[ "$bad" -eq 0 ] && [ "$count" -gt 0 ]
