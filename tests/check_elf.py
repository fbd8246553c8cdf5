#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that no page of an ELF file is writable and executable.

Every PT_LOAD is W or X at most, begins at a page of its own, and the entry lies in an executable
one. Usage: check_elf.py CORE.elf
"""
import struct
import sys

PAGE = 4096
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK = 1, 2, 3, 0x6474E551
X, W, R = 1, 2, 4


def program_headers(data):
    """Returns the entry address and a list of (type, flags, vaddr, memsz)."""
    if data[:6] != b"\x7fELF\x02\x01":
        sys.exit("check_elf: not a little-endian ELF64 file")
    entry, phoff = struct.unpack_from("<QQ", data, 24)
    phentsize, phnum = struct.unpack_from("<HH", data, 54)
    headers = []
    for i in range(phnum):
        kind, flags, _, vaddr, _, _, memsz, _ = struct.unpack_from(
            "<IIQQQQQQ", data, phoff + i * phentsize
        )
        headers.append((kind, flags, vaddr, memsz))
    return entry, headers


def flag_text(flags):
    return "".join(c for c, bit in (("R", R), ("W", W), ("X", X)) if flags & bit)


def find_problems(entry, headers):
    loads = sorted((v, v + size, f) for kind, f, v, size in headers if kind == PT_LOAD and size)
    problems = [] if loads else ["no PT_LOAD"]
    for start, end, flags in loads:
        if flags & W and flags & X:
            problems.append(f"segment {start:#x}-{end:#x} is {flag_text(flags)}")
    for (_, end, before), (start, _, after) in zip(loads, loads[1:]):
        if before != after and (end - 1) // PAGE >= start // PAGE:
            problems.append(
                f"page {start // PAGE * PAGE:#x} belongs to segments"
                f" {flag_text(before)} and {flag_text(after)}"
            )
    if not any(start <= entry < end and flags & X for start, end, flags in loads):
        problems.append(f"entry {entry:#x} is in no executable segment")
    for kind, flags, _, _ in headers:
        if kind == PT_GNU_STACK and flags & X:
            problems.append("PT_GNU_STACK asks for an executable stack")
        if kind in (PT_DYNAMIC, PT_INTERP):
            problems.append("the file is not static")
    return problems


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as f:
        entry, headers = program_headers(f.read())
    problems = find_problems(entry, headers)
    for problem in problems:
        print(f"{sys.argv[1]}: {problem}")
    print(f"check_elf: {len(headers)} program headers, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
