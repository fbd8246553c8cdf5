#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the tracked tree afresh in another folder and compares with the build at hand byte by
# byte; then builds it with clang.
set -eu
arch=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/gcc" "$work/clang"
git ls-files -z | xargs -0 cp --parents -t "$work/gcc"
git ls-files -z | xargs -0 cp --parents -t "$work/clang"
# What has been fetched once is the same.
for tree in gcc clang; do
    mkdir "$work/$tree/build"
    ln -s "$PWD/build/cache" "$work/$tree/build/cache"
done
make -s -C "$work/gcc" -j2 ARCH="$arch"
for image; do
    cmp "$work/gcc/$image" "$image"
done
make -s -C "$work/clang" -j2 ARCH="$arch" CC=clang
tests/check_simd.py "$work/clang/build/$arch/socle.elf"
tests/check_elf.py "$work/clang/build/$arch/socle.elf"
echo "gcc: two builds are byte-identical; clang: builds"
