# SPDX-License-Identifier: Apache-2.0
"""Guests that are hypervisors: a stock Linux whose KVM boots stock Linuxes of its own.

The guest's initramfs (tests/system/nested) carries a small user of /dev/kvm, a kernel and the guest's
guest's initramfs (tests/system/nested_l2). `make system-test` has time for some rows, `make test-nested`
runs all (SOCLE_NESTED_ROWS=all). Tiny guests that are hypervisors: test_tiny.py.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import qemu
from linux_guest import CONSOLE, KERNELS, mkimage, row_ids, tail
from qemu import Status

import mkinitramfs  # linux_guest has told where

if qemu.TARGET is not qemu.X86_64:
    pytest.skip("of AMD SVM", allow_module_level=True)

KVM_VMM = Path(os.environ.get("SOCLE_KVM_VMM", "build/bench/kvm_vmm"))
ALL = os.environ.get("SOCLE_NESTED_ROWS") == "all"
HERE = Path(__file__).resolve().parent
L1_MIB = 1536  # more than kvm_vmm gives its guest
L2_WORDS = ["userspace reached", "memory ok", "clock ok"]
# Pages of L2 that L1 made one of with others, pages that it looked at to move.
MERGED = r"nested: merged: [1-9]\d{3}"
MOVED = r"nested: moved: [1-9]\d{3}"


@dataclass
class Row:
    """One L1, and the names of the guests that it runs."""

    name: str
    options: str
    guests: tuple = ("guest-1",)
    kernel: str = "6.12"
    vcpus: int = 1
    cpu: str = qemu.TCG_CPU
    says: tuple = ()  # patterns
    suite: bool = False  # make system-test has time for it
    timeout: int = 900


ROWS = [
    Row("nested-linux", "nested.run=linux", suite=True, timeout=300),
    Row("nested-linux-vgif", "nested.run=linux", cpu=qemu.VGIF_CPU),
    Row("nested-linux-6.1", "nested.run=linux", kernel="6.1"),
    Row("nested-linux-no-npt", "nested.run=linux nested.npt=0"),
    Row("nested-linux-10-times", "nested.run=linux nested.times=10",
        guests=tuple(f"guest-{i + 1}" for i in range(10)), timeout=1800),
    Row("nested-pressure", "nested.run=pressure",
        says=(*(rf"l2: guest-1: round {i + 1} ok" for i in range(3)), MERGED, MOVED)),
    Row("nested-two-linuxes", "nested.run=two", guests=("left", "right"), vcpus=2),
    Row("nested-two-linuxes-vgif", "nested.run=two", guests=("left", "right"), vcpus=2, cpu=qemu.VGIF_CPU),
]  # fmt: skip


def archive(scripts, modules=None, files=()):
    """An initramfs, not compressed; files go to /bin."""
    cpio = mkinitramfs.Cpio()
    for member in sorted(mkinitramfs.members(Path(shutil.which("busybox")), scripts, modules)):
        cpio.add(*member)
    for name, content in files:
        cpio.add(f"bin/{name}", 0o100755, content)
    return cpio.finish()


def write_initramfs(series, path):
    files = [
        ("kvm_vmm", KVM_VMM.read_bytes()),
        ("vmlinuz", (KERNELS / series / "vmlinuz").read_bytes()),
        ("l2.cpio.gz", archive(HERE / "nested_l2")),
    ]
    path.write_bytes(archive(HERE / "nested", KERNELS / series / "modules", files))


def run_row(row):
    initramfs = Path(f"build/system/{row.name}.cpio")
    initramfs.parent.mkdir(parents=True, exist_ok=True)
    write_initramfs(row.kernel, initramfs)
    guest = mkimage.linux_vm(options=f"{CONSOLE} quiet {row.options}", memory=f"{L1_MIB}M")
    guest += f"\tnested   on\n\tvcpus    {row.vcpus}\n"
    config = mkimage.configuration([guest], debug_exit=True)
    kernel = KERNELS / row.kernel / "vmlinuz"
    machine = qemu.Machine(
        row.name, multiboot=mkimage.linux_files(None, kernel, initramfs, config),
        memory=L1_MIB + 512, cpus=row.vcpus, accelerator=qemu.tcg(row.cpu),
    )  # fmt: skip
    result = qemu.run(machine, row.timeout)
    initramfs.unlink()
    return result


@pytest.mark.parametrize("row", ROWS, ids=row_ids(ROWS))
def test_nested(row):
    if not row.suite and not ALL:
        pytest.skip("of make test-nested")
    result = run_row(row)
    log = result.log
    for name in row.guests:
        for words in L2_WORDS:
            assert f"l2: {name}: {words}" in log, f"not said: {words}; the end:\n{tail(log)}"
        assert re.search(rf"nested: {name}: status 0\b", log), tail(log)
    for pattern in row.says:
        assert re.search(pattern, log), f"not said: {pattern}; the end:\n{tail(log)}"
    assert not re.search(r"nested: complaint|error:|panic[^=]", log), tail(log)
    assert result.status == Status.POWERED_OFF, tail(log)
