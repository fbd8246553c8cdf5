#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks the core's C library:  newlib_test.sh ARCH NEWLIB OUT CC CORE_CFLAGS...   (x86-64 hosts)
#
# NEWLIB, the core's, must hold no floating-point or SIMD instruction and leave no other function to
# the core than those of newlib_test.c. OUT, for x86_64: the same without the kernel's code model, so
# that a program of this host can use it; that program checks what it does. The other architectures'
# libraries are the same C files.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
arch=$1
newlib=$2
out=$3
cc=$4
shift 4

"$here/../check_simd.py" "$newlib/libc.a"
if [ "$(tr '\n' ' ' <"$newlib/undefined.txt")" != "_free_r _malloc_r _realloc_r " ]; then
    echo "newlib_test: the archive expects more of the core than it did:" >&2
    cat "$newlib/undefined.txt" >&2
    exit 1
fi
if [ "$arch" != x86_64 ]; then
    echo "newlib_test: ok (built and read, not run)"
    exit 0
fi

set -- "$@" -mcmodel=small
"$here/newlib.sh" x86_64 "$out" "$cc" "$@"
"$cc" "$@" -std=gnu17 -Wall -Wextra -Werror -nostdinc -isystem "$("$cc" -print-file-name=include)" \
    -isystem "$out/include" -nostdlib -static -Wl,-e,check_start -Wl,--gc-sections \
    -mstackrealign -o "$out/newlib_test" "$here/newlib_test.c" "$out/libc.a"
"$out/newlib_test"
echo "newlib_test: ok"
