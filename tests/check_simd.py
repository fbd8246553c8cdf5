#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the core has no FP or SIMD instruction: the guest's registers are live in there.

Disassembles the code sections and fails on an x87 mnemonic or an operand mm, xmm, ymm, zmm, k
(x86-64), or v, q, d, s, h, b, z, p (arm64), outside the functions of ALLOWED. The instructions that
save and restore the whole state (FXSAVE, XSAVE...) name no such register and are free.
Usage: check_simd.py CORE.elf (or an archive of one machine's code); $OBJDUMP names the disassembler.
"""
import os
import re
import struct
import subprocess
import sys

EM_X86_64, EM_AARCH64 = 62, 183
OBJDUMP = {EM_X86_64: "objdump", EM_AARCH64: "aarch64-linux-gnu-objdump"}
# The functions that handle the guest's FP state, by symbol.
ALLOWED = {EM_X86_64: frozenset(), EM_AARCH64: frozenset({"fp_save", "fp_load"})}

FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\t(.*)$")
X86_REGISTER = re.compile(r"%([xyz]?mm\d+|st\b|k[0-7]\b|tmm\d)")
X86_PREFIX = re.compile(r"^(?:(?:lock|rep\w*|notrack|bnd|data16|addr32|[c-gs]s|rex\S*) +)+")
X86_MNEMONIC = re.compile(r"^(f(?!x(save|rstor)|s\b)\w*|emms|wait|vzero\w+|v?(ld|st)mxcsr)\b")
# What a branch or an ADRP goes to is printed as hexadecimal digits, which may look like a register.
ARM64_TARGET = re.compile(r"\b[0-9a-f]+ <[^>]*>")
ARM64_REGISTER = re.compile(r"(?<![\w.#<+])([vqdshb]([12]?\d|3[01])|[zp]\d+)(?![\w>])")


def is_fp_x86(text):
    text = X86_PREFIX.sub("", text.split("#")[0].split("<")[0].strip())
    return bool(X86_REGISTER.search(text) or X86_MNEMONIC.match(text))


def is_fp_arm64(text):
    mnemonic, _, operands = text.split("//")[0].partition("\t")
    operands = ARM64_TARGET.sub("", operands)
    return not mnemonic.startswith(".") and bool(ARM64_REGISTER.search(operands))


def machine_of(path):
    """The ELF machine of a file, or of the first ELF file in an archive."""
    with open(path, "rb") as f:
        data = f.read()
    start = data.find(b"\x7fELF")
    machine = struct.unpack_from("<H", data, start + 18)[0] if start >= 0 else 0
    if machine not in OBJDUMP:
        sys.exit(f"check_simd: {path} holds no ELF file of x86-64 or AArch64")
    return machine


def disassemble(path, machine):
    objdump = os.environ.get("OBJDUMP", OBJDUMP[machine])
    result = subprocess.run(
        [objdump, "-d", "--no-show-raw-insn", path], stdout=subprocess.PIPE, text=True, check=True
    )
    return result.stdout.splitlines()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    machine = machine_of(sys.argv[1])
    is_fp = is_fp_arm64 if machine == EM_AARCH64 else is_fp_x86
    function, count, bad = "?", 0, 0
    for line in disassemble(sys.argv[1], machine):
        found = FUNCTION.match(line)
        if found:
            function = found.group(1)
            continue
        found = INSTRUCTION.match(line)
        if not found:
            continue
        count += 1
        if is_fp(found.group(1)) and function not in ALLOWED[machine]:
            print(f"{sys.argv[1]}: {function}: {line.strip()}")
            bad += 1
    print(f"check_simd: {count} instructions, {bad} of FP or SIMD")
    return 1 if bad or count == 0 else 0


sys.exit(main())
