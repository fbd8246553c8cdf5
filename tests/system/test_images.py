# SPDX-License-Identifier: Apache-2.0
"""Kernels that are not Linux' own formats: ELF, Multiboot, PVH (x86-64), raw bytes (ARM64)."""

import lzma
import re
from pathlib import Path

import pytest

import mkimage
import qemu
from linux_guest import CONSOLE, EFI, INITRD, KERNELS, check_selftest, tail
from qemu import Status
from test_tiny import GUESTS

X86 = qemu.TARGET is qemu.X86_64
TIMEOUT = 120
ELF32 = GUESTS / "image.elf32"
MEMORY = (64 << 20) - (0x100000 - 0x9FC00)  # of a VM of 64 MiB, less the hole below 1 MiB


def run(name, lines, files, memory=64):
    """One VM of these configuration lines and files."""
    config = f"debug-exit {mkimage.DEBUG_EXIT:#x}\nvm image\n\tmemory {memory}M\n"
    config += "".join(f"\t{line}\n" for line in lines)
    content = {"socle/socle.conf": config.encode(), **files}
    if X86:  # UEFI takes its time
        return qemu.run(qemu.Machine(name, multiboot=content, memory=memory + 512), TIMEOUT)
    image = Path(f"build/system/{name}.img")
    mkimage.write_image(image, {f"EFI/BOOT/{qemu.TARGET.loader}": EFI, **content})
    result = qemu.run(qemu.Machine(name, image=image, memory=memory + 512), TIMEOUT)
    image.unlink()
    return result


def vmlinux(series):
    """The ELF file in a bzImage ("The Linux/x86 Boot Protocol", payload_offset and _length)."""
    image = (KERNELS / series / "vmlinuz").read_bytes()
    start = (image[0x1F1] + 1) * 512 + int.from_bytes(image[0x248:0x24C], "little")
    size = int.from_bytes(image[0x24C:0x250], "little")
    return lzma.LZMADecompressor().decompress(image[start : start + size])


SMALL = {
    "multiboot": (
        ["multiboot \\k", "module \\m one two", "module \\n", "options a=1 b"],
        [
            "multiboot flags 24d upper fc00",
            f"memory {MEMORY:x} in ranges 5",
            'options "\\k a=1 b"',
            'module of 6 "\\m one two" begins first',
            'module of 7 "\\n" begins second',
        ],
    ),
    "pvh": (
        ["pvh \\k", "module \\m one two", "module \\n", "options a=1 b"],
        [
            "pvh version 1 with ACPI",
            f"memory {MEMORY:x} in ranges 5",
            'options "a=1 b"',
            'module of 6 "\\m one two" begins first',
            'module of 7 "\\n" begins second',
        ],
    ),
    "elf32": (
        ["elf \\k", "initrd \\m", "options a=1 b"],
        [
            "linux",
            f"memory {MEMORY:x} in ranges 5",
            'options "a=1 b"',
            'module of 6 "a=1 b" begins first',
        ],
    ),
}


@pytest.mark.skipif(not X86, reason="x86-64's kinds")
@pytest.mark.parametrize("kind", SMALL)
def test_image_small(kind):
    """What a 32-bit kernel is told, and its end by the debug-exit port."""
    lines, expected = SMALL[kind]
    files = {"k": ELF32, "m": b"first\0", "n": b"second\0"}
    result = run(f"image-{kind}", [*lines, "debug-exit 0xf4"], files)
    assert re.findall(r"^image: (.*?)\r?$", result.log, re.M) == expected, tail(result.log)
    assert "vm image: debug exit: value 16, status 33" in result.log
    assert result.status == Status.POWERED_OFF, tail(result.log)


@pytest.mark.skipif(not X86, reason="x86-64's kinds")
@pytest.mark.parametrize("kind,initrd", [("elf", "initrd"), ("pvh", "module")])
def test_image_vmlinux(kind, initrd):
    """Linux without its bzImage."""
    options = f"options {CONSOLE} socle.test socle.mem=256M"
    files = {"vmlinux": vmlinux("6.1"), "initrd.img": INITRD}
    lines = [f"{kind} \\vmlinux", f"{initrd} \\initrd.img", options]
    check_selftest(run(f"image-vmlinux-{kind}", lines, files, 256))


@pytest.mark.skipif(X86, reason="ARM64's kind")
def test_image_raw():
    """Code that does not mind where it runs, by its first byte."""
    result = run("image-raw", ["raw \\k"], {"k": GUESTS / "hello.bin"})
    assert result.status == Status.POWERED_OFF, tail(result.log)
