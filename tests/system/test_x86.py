# SPDX-License-Identifier: Apache-2.0
"""Stock Linux on Socle: one row per test.

The environment says what to test, as `make system-test` sets it: SOCLE_EFI, SOCLE_KERNELS (a folder
of series), SOCLE_INITRD.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))

# pylint: disable=wrong-import-position
import mkimage
import qemu
from qemu import Status

EFI = Path(os.environ.get("SOCLE_EFI", "build/x86_64/BOOTX64.EFI"))
KERNELS = Path(os.environ.get("SOCLE_KERNELS", "build/cache/kernels"))
INITRD = Path(os.environ.get("SOCLE_INITRD", "build/guest/initramfs.cpio.gz"))
# The guest's view of QEMU without Socle: the same CPU, without what Socle must hide.
BARE_CPU = qemu.TCG_CPU.replace("+svm,+npt", "-svm")
SELFTESTS = 12


@dataclass
class Row:
    """One run of the guest's self-test."""

    name: str
    kernel: str
    memory: int = 512
    disk: str = "virtio"
    options: str = ""
    timeout: int = 120


ON_SOCLE = [
    Row("selftest-6.1", "6.1"),
    Row("selftest-6.12", "6.12"),
    Row("selftest-128M", "6.12", memory=128),
    Row("selftest-1G", "6.12", memory=1024),
    Row("selftest-usb", "6.12", disk="usb"),
    Row("selftest-nox2apic", "6.12", options="nox2apic"),
]


def row_ids(rows):
    return [row.name for row in rows]


def bare_machine(name, kernel, options, memory=512):
    """QEMU alone, entered by its -kernel."""
    direct = ["-kernel", str(KERNELS / kernel / "vmlinuz"), "-initrd", str(INITRD)]
    return qemu.Machine(
        name,
        firmware=False,
        memory=memory,
        accelerator=qemu.Accelerator("TCG", ["-accel", "tcg", "-cpu", BARE_CPU]),
        extra=[*direct, "-append", f"console=ttyS0 {options}"],
    )


def socle_machine(name, kernel, options, memory=512, disk="virtio"):
    """A machine with Socle on its stick and one guest."""
    guest = mkimage.linux_vm(options=f"console=ttyS0 {options}", memory=f"{memory}M")
    config = mkimage.configuration([guest], debug_exit=True)
    image = Path(f"build/system/{name}.img")
    files = mkimage.linux_files(EFI, KERNELS / kernel / "vmlinuz", INITRD, config)
    mkimage.write_image(image, files)
    return qemu.Machine(name, image=image, disk=disk, memory=memory + 512)


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


@pytest.mark.parametrize("row", ON_SOCLE, ids=row_ids(ON_SOCLE))
def test_selftest(row):
    machine = socle_machine(row.name, row.kernel, selftest_options(row), row.memory, row.disk)
    check_selftest(qemu.run(machine, row.timeout))


def test_reset_is_not_power_off():
    """The harness's own: a machine that resets must never count as a good end."""
    machine = bare_machine("bare-reset", "6.12", "rdinit=/bin/busybox -- reboot -f")
    assert qemu.run(machine, 60).status == Status.MACHINE_RESET


def use_console(machine):
    """Types at the guest's shell as a user does, job control included."""
    with qemu.Console(machine, timeout=60) as console:
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


def test_console():
    assert use_console(socle_machine("console", "6.12", "quiet")) == Status.POWERED_OFF
