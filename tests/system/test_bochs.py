# SPDX-License-Identifier: Apache-2.0
"""Socle on Bochs, whose CPUs have what QEMU's emulated ones lack: one row per test.

`make test-bochs` builds Bochs and sets the environment of test_tiny.py and test_x86.py. The rows run
side by side, one per CPU, and each test waits for its own.
"""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))

# pylint: disable=wrong-import-position
import bochs
import mkimage
import test_tiny
from qemu import Status
from test_x86 import EFI, INITRD, KERNELS, check_selftest, tail

LACKING = bochs.missing()
pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"Bochs: {LACKING}")

FIRMWARE_MEMORY = 256  # MiB: firmware and Socle, besides the guests
ROWS = {}


def row(name, *arguments):
    """Registers a row: its name and what to call for it."""

    def register(function):
        assert name not in ROWS
        ROWS[name] = lambda: function(name, *arguments)
        return function

    return register


def linux_machine(name, cpu, options, memory, firmware_memory=FIRMWARE_MEMORY):
    """A machine with Linux 6.12 on its stick."""
    guest = mkimage.linux_vm(options=f"console=ttyS0 {options}", memory=f"{memory}M")
    config = mkimage.configuration([guest], debug_exit=True)
    image = Path(f"build/system/{name}.img")
    files = mkimage.linux_files(EFI, KERNELS / "6.12" / "vmlinuz", INITRD, config)
    mkimage.write_image(image, files)
    return bochs.Machine(name, image=image, cpu=cpu, memory=memory + firmware_memory)


# Intel: this version of Socle says what it needs and returns to the firmware.


@row("report-skylake", bochs.SKYLAKE)
@row("report-haswell", bochs.HASWELL)
@row("report-penryn", bochs.PENRYN)
def report_intel(name, cpu):
    machine = linux_machine(f"bochs-{name}", cpu, "quiet", 128)
    result = bochs.run(machine, 120, until=r"BdsDxe: (loading|starting) Boot[^\n]*\n.*EFI Internal")
    machine.image.unlink()
    report = " ".join(result.log.partition("Socle: UEFI loader")[2].split())
    assert "Intel VMX, which this version does not support yet" in report, tail(result.log)
    assert "Returning to the firmware." in report, tail(result.log)
    assert "Starting the hypervisor" not in report


# AMD: the CPU tells the next RIP and flushes by ASID.


def tiny(name, guest_row):
    """Runs one of test_tiny.py's rows and judges it as that does."""
    name = f"bochs-{name}"
    guest = mkimage.linux_vm(
        name="tiny", initrd=False, options=guest_row.options, memory=f"{guest_row.memory}M"
    )
    config = mkimage.configuration([guest], debug_exit=True)
    image = Path(f"build/system/{name}.img")
    mkimage.write_image(image, mkimage.linux_files(EFI, guest_row.file, None, config))
    memory = guest_row.memory + FIRMWARE_MEMORY
    machine = bochs.Machine(name, image=image, cpu=bochs.RYZEN, memory=memory, errors="ignore")
    result = bochs.run(machine, guest_row.timeout)
    image.unlink()
    test_tiny.check_row(guest_row, result)
    return result


# These had not ended after some minutes, and why was not looked into: on QEMU alone. Rows of resets
# have no end by themselves.
EXCEPT = {"hostile-timer", "random-kernel-1", "random-kernel-2", "random-kernel-3"}

for tiny_row in test_tiny.X86_ROWS:
    if not tiny_row.resets and tiny_row.name not in EXCEPT:
        row(f"tiny-{tiny_row.name}", replace(tiny_row, timeout=180))(tiny)


@row("linux")
def linux(name):
    machine = linux_machine(f"bochs-{name}", bochs.RYZEN, "socle.test socle.mem=256M", 256)
    machine.errors = "ignore"
    machine.ips = 50_000_000
    result = bochs.run(machine, 400)
    machine.image.unlink()
    assert re.search(r"next-RIP yes", result.log), tail(result.log)
    check_selftest(result)


@pytest.fixture(scope="module")
def verdicts(request):
    """The selected rows, as futures."""
    selected = [
        item.callspec.params["name"]
        for item in request.session.items
        if item.module is request.module and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield {name: pool.submit(ROWS[name]) for name in selected}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", ROWS)
def test_bochs(name, verdicts):
    verdicts[name].result()
