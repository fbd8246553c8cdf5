# SPDX-License-Identifier: Apache-2.0
"""Stock Linux as a guest, with the self-test in its initramfs or with a user at its console.

The environment says what to test, as `make system-test` sets it: SOCLE_EFI, SOCLE_KERNELS (a folder
of series), SOCLE_INITRD, and what qemu.py reads.
"""

import functools
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))

# pylint: disable=wrong-import-position
import mkimage
import qemu
from qemu import Status

EFI = Path(os.environ.get("SOCLE_EFI", f"build/{qemu.ARCH}/{qemu.TARGET.loader}"))
KERNELS = Path(os.environ.get("SOCLE_KERNELS", "build/cache/kernels"))
INITRD = Path(os.environ.get("SOCLE_INITRD", "build/guest/initramfs.cpio.gz"))
SELFTESTS = 13 if qemu.TARGET is qemu.ARM64 else 12
CONSOLE = f"console={qemu.TARGET.console}"


@dataclass
class Row:
    """One run of the guest's self-test."""

    name: str
    kernel: str
    memory: int = 256
    disk: str = "virtio"  # "": none, Socle is started without UEFI
    options: str = ""
    cpu: str = ""  # the model to emulate, where it is not the usual one
    kind: str = qemu.TARGET.kind
    timeout: int = 120


def row_ids(rows):
    return [row.name for row in rows]


def bare_machine(name, kernel, options, memory=512, cpu=qemu.TARGET.bare_cpu):
    """QEMU alone, entered by its -kernel: without Socle, and without what Socle must hide."""
    direct = ["-kernel", str(KERNELS / kernel / "vmlinuz"), "-initrd", str(INITRD)]
    return qemu.Machine(
        name,
        kind=qemu.TARGET.bare_kind,
        firmware=False,
        memory=memory,
        accelerator=qemu.tcg(cpu),
        extra=[*direct, "-append", f"{CONSOLE} {options}"],
    )


def socle_files(efi, kernel, options, memory):
    """Socle's configuration and one guest's files."""
    guest = mkimage.linux_vm(options=f"{CONSOLE} {options}", memory=f"{memory}M")
    config = mkimage.configuration([guest], debug_exit=True)
    return mkimage.linux_files(efi, KERNELS / kernel / "vmlinuz", INITRD, config)


def socle_machine(name, kernel, options, memory=512, disk="virtio"):
    """A machine with Socle on its stick and one guest."""
    image = Path(f"build/system/{name}.img")
    mkimage.write_image(image, socle_files(EFI, kernel, options, memory))
    return qemu.Machine(name, image=image, disk=disk, memory=memory + 512)


def quick_machine(name, kernel, options, memory=512):
    """The same by the Multiboot loader, where there is one: UEFI takes seconds."""
    if qemu.ARCH != "x86_64":
        return socle_machine(name, kernel, options, memory)
    files = socle_files(None, kernel, options, memory)
    return qemu.Machine(name, multiboot=files, memory=memory + 512)


def row_machine(row):
    """The machine of a row on Socle."""
    make = functools.partial(socle_machine, disk=row.disk) if row.disk else quick_machine
    machine = make(row.name, row.kernel, selftest_options(row), row.memory)
    machine.kind = row.kind
    if row.cpu:
        machine.accelerator = qemu.tcg(row.cpu)
    return machine


def check_selftest(result):
    """The guest ran all its checks, all passed, and it powered off."""
    failures = re.findall(r"selftest: (\S+ FAIL.*|warning: .*)", result.log)
    assert not failures, "\n".join(failures)
    done = re.search(r"selftest: done (\d+) ok (\d+) failed", result.log)
    assert done, f"the self-test did not finish ({result.status.name}); end of the log:\n" + tail(
        result.log
    )
    assert (int(done.group(1)), int(done.group(2))) == (SELFTESTS, 0)
    assert result.status == Status.POWERED_OFF, tail(result.log)


def tail(log, lines=30):
    return "\n".join(log.splitlines()[-lines:])


def selftest_options(row):
    return f"socle.test socle.mem={row.memory}M {row.options}".strip()


def use_console(machine, kind=qemu.Console, timeout=60):
    """Types at the guest's shell as a user does, job control included."""
    with kind(machine, timeout) as console:
        console.expect("socle-guest: userspace reached")
        console.expect("# ")
        console.send("echo $((6 * 7))-works\r")
        console.expect("\n42-works")
        console.expect("# ")
        console.send("sh -c 'echo now; exec sleep 1000'\r")
        console.expect("\nnow")
        console.send("\x03")
        console.expect("# ")
        # More than any FIFO holds, both ways.
        word = "0123456789abcdef" * 40
        console.send(f"echo {word} | wc -c\r")
        console.expect(f"\n{len(word) + 1}\r")
        console.expect("# ")
        console.send("poweroff\r")
        return console.finish()
