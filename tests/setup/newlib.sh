#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the core's C library out of Debian's newlib-source package.
#
#   newlib.sh ARCH OUT CC CFLAGS...      e.g. newlib.sh x86_64 build/x86_64/newlib gcc -O2 ...
#
# ARCH is x86_64 or arm64; $CROSS is the prefix of ar and nm for it. This leaves OUT/libc.a, OUT/include and, next to the archive, OUT/undefined.txt: what the archive
# expects of its user (the core's vmm/libc.c).
#
# Only the files listed below are built, with the core's own flags (no FP, no SIMD, so newlib's own
# make cannot be used: its double conversions do not compile so). Everything is newlib's portable C;
# the assembly versions of mem* and str* use SIMD. Of the printf family there is the integer-only,
# string-only formatter: newlib's sniprintf.c and vsniprintf.c are compiled under the ISO names
# snprintf and vsnprintf, which is what the core's <stdio.h> declares. %f and %s of wide characters
# are not supported; ll, z, j, t and hh are. One thread: newlib's locks are empty and the one
# `struct _reent` (errno) is shared, so the core serialises the few callers that touch it.
set -eu

# shellcheck source=tests/setup/common.sh
. "$(dirname "$0")/common.sh"

if [ $# -lt 3 ]; then
    echo "usage: newlib.sh ARCH OUT CC CFLAGS..." >&2
    exit 2
fi
arch=$1
case $arch in
arm64) machine=aarch64 ;;
*) machine=$arch ;;
esac
cross=${CROSS:-}
mkdir -p "$2"
out=$(cd "$2" && pwd)
cc=$3
shift 3

srcdir=${NEWLIB_SOURCE:-/usr/src/newlib}
tarball=$(find "$srcdir" -name 'newlib-*.tar.*' 2>/dev/null | sort -V | tail -n 1)
if [ -z "$tarball" ]; then
    die "no newlib tarball in $srcdir (Debian package newlib-source)"
fi

# Portable C, by folder under libc/. A file marked with '?' is not in every version: newlib 4 split the
# formatter.
files="
string: memchr memcmp memcpy memmove memset memrchr memccpy mempcpy
string: strchr strchrnul strcmp strcpy strcspn strlcat strlcpy strlen strncat strncmp strncpy
string: strnlen strpbrk strrchr strsep strspn strstr strtok_r
ctype: ctype_ isalnum isalpha isdigit islower isprint isspace isupper isxdigit tolower toupper
stdlib: strtol strtoul strtoll strtoull abs labs div ldiv
stdlib: mbtowc_r wctomb_r
search: qsort bsearch
locale: locale localeconv
errno: errno
reent: impure
stdio: ssprint_r? ssputs_r?
"

work=$out/work
rm -rf "$work" "$out/include" "$out/libc.a" "$out/configure.log"
mkdir -p "$work/obj" "$out/include"
trap 'rm -rf "$work"' EXIT

say "building newlib ($(basename "$tarball")) for $arch with $(basename "$cc")"

# Unpacked once for all builds.
cache=$(cd "$(dirname "$0")/../.." && pwd)/build/cache/newlib
src=$cache/$(basename "$tarball")
if [ ! -d "$src" ]; then
    mkdir -p "$work/src" "$cache"
    tar -xf "$tarball" -C "$work/src" --strip-components=1
    mv "$work/src" "$src"
fi

# One include tree, as newlib's own install makes it: generic, then the machine's on top.
newlib=$src/newlib
cp -r "$newlib/libc/include/." "$out/include/"
for dir in machine sys; do
    if [ -d "$newlib/libc/machine/$machine/$dir" ]; then
        mkdir -p "$out/include/$dir"
        find "$newlib/libc/machine/$machine/$dir" -name '*.h' -exec cp {} "$out/include/$dir/" \;
    fi
done
: >"$out/include/newlib.h"
: >"$out/include/_newlib_version.h"

# The compiler's own headers (stdarg, stdint, stdatomic), then newlib's, and nothing of the host.
includes="-nostdinc -isystem $("$cc" -print-file-name=include) -isystem $out/include"

# The generated headers. Top level only: the per-folder configures would just choose files.
(cd "$work/obj" && CC="$cc $* $includes -nostdlib" CPP="$cc $* -E $includes" CFLAGS='' \
    "$newlib/configure" --host="$machine-elf" \
    --no-recursion --disable-multilib --disable-newlib-supplied-syscalls \
    --disable-newlib-multithread --enable-newlib-reent-small --enable-newlib-io-c99-formats \
    --enable-newlib-io-long-long >configure.log 2>&1) || {
    cat "$work/obj/configure.log" "$work/obj/config.log" >"$out/configure.log"
    die "newlib's configure failed; see $out/configure.log"
}
cp "$work/obj/newlib.h" "$work/obj/_newlib_version.h" "$out/include/"

accepts() {
    echo 'int x;' | "$cc" -Werror "$@" -xc -c -o /dev/null - 2>/dev/null
}

# -fno-builtin and its companion keep memset() from being compiled into a call of memset().
# newlib is old C: its warnings are not ours to fix.
flags="-fno-builtin -w -D__SINGLE_THREAD__ -D_COMPILING_NEWLIB -DMISSING_SYSCALL_NAMES -D_LIBC"
if accepts -fno-tree-loop-distribute-patterns; then
    flags="$flags -fno-tree-loop-distribute-patterns"
fi

compile() ( # OBJECT SOURCE FLAGS...
    object=$1 source=$2
    shift 2
    # shellcheck disable=SC2086
    cd "$newlib" && "$cc" "$@" $flags $includes -I"$newlib/libc/${source%/*}" \
        -ffile-prefix-map="$src"=newlib -ffile-prefix-map="$out"=newlib \
        -c -o "$work/obj/$object.o" "$newlib/libc/$source"
)

# A folder's files at a time.
echo "$files" | while read -r folder names; do
    for name in $names; do
        source=${folder%:}/${name%\?}.c
        [ "$name" = "${name%\?}" ] || [ -e "$newlib/libc/$source" ] || continue
        compile "${name%\?}" "$source" "$@" || touch "$work/failed" &
    done
    wait
done
[ ! -e "$work/failed" ] || die "newlib does not compile"
compile svfiprintf stdio/vfprintf.c "$@" -DINTEGER_ONLY -DSTRING_ONLY -Dfprintf=fiprintf
compile snprintf stdio/sniprintf.c "$@" -Dsniprintf=snprintf -D_sniprintf_r=_snprintf_r
compile vsnprintf stdio/vsniprintf.c "$@" -Dvsniprintf=vsnprintf -D_vsniprintf_r=_vsnprintf_r

(cd "$work/obj" && find . -name '*.o' | LC_ALL=C sort | xargs "${cross}ar" rcsD "$out/libc.a")

# What is left for the core to define.
"${cross}nm" -g "$out/libc.a" 2>/dev/null | awk '
    NF == 3 { defined[$3] = 1 }
    $1 == "U" { wanted[$2] = 1 }
    END { for (s in wanted) if (!(s in defined)) print s }' | LC_ALL=C sort >"$out/undefined.txt"
