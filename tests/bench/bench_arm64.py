#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of an exit round trip and of a Linux boot: `make bench ARCH=arm64`.

    bench_arm64.py --efi BOOTAA64.EFI --core socle.elf --guest guest.bin --kvm-initrd FILE
                   --boot-initrd FILE --kernel vmlinuz --out bench.txt

As bench.py, whose parts it uses: QEMU's -icount and a counter of 1 GHz make a tick an instruction.
The same guest runs on Socle with VHE and without, on KVM in a stock Linux, and on nothing; the same
Linux boots with and without Socle.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import bench
import profile_trip
import several
from machine_arm64 import BARE, NO_VHE, linux_machine, several_machine, socle_machine

AIMS = {"hvc": 160, "gicd-typer": 200, "sgi": 1000, "vtimer": 1000}

MEANING = {
    "hvc": "HVC, unknown SMCCC function",
    "id-register": "ID_AA64PFR0_EL1",
    "gicd-typer": "GICD_TYPER, by MMIO (KVM: in its kernel)",
    "gicr-typer": "GICR_TYPER, likewise",
    "pl011-fr": "PL011's UARTFR (KVM: in user space)",
    "cntp-ctl": "CNTP_CTL_EL0 read",
    "iar": "ICC_IAR1_EL1, an interrupt pending",
    "eoi": "ICC_EOIR1_EL1, an interrupt in service",
    "sgi": "SGI to itself: ICC_SGI1R_EL1 to handler",
    "sgi-round": "the same to the end of its handler",
    "vtimer": "CNTV_CVAL_EL0 reached to handler, guest busy",
    "vtimer-wfi": "the same out of WFI",
    "fresh-2m-region": "first touch of 2 MiB never used",
    "fresh-4k-page": "first touch of a page never used (mean counts)",
    "fresh-2m-region, 4K": "the same, KVM without huge pages",
    "fresh-4k-page, 4K": "the same, KVM without huge pages",
}

NOTES = """\
Each row holds the one instruction it names. "To handler": to the handler's first instruction. KVM runs
as a stock kernel does, with VHE; its means hold its timer tick and what else its Linux does. Fresh
memory: KVM zeroes a page at its first touch (2 MiB are 32768 DC ZVA), Socle all of a guest's memory
before it starts."""


def exit_table(vhe, no_vhe, kvm, bare):
    """Lines of the table of operations."""
    lines = [
        f"{'':20} {'Socle':>7} {'':>7} {'no VHE':>7} {'KVM':>8} {'':>8} {'':>9} {'bare':>5}",
        f"{'operation':20} {'min':>7} {'mean':>7} {'min':>7} {'min':>8} {'mean':>8} "
        f"{'KVM/Socle':>9} {'min':>5}",
    ]
    for name, meaning in MEANING.items():
        own = name.removesuffix(", 4K")
        low, mean = vhe[own]
        kvm_low, kvm_mean = kvm[name]
        by_mean = own == "fresh-4k-page"
        ratio = kvm_mean / mean if by_mean else kvm_low / low
        aim = AIMS.get(name)
        note = f" (aim {aim}: {'met' if low <= aim else 'not met'})" if aim else ""
        lines.append(
            f"{name:20} {low:7} {mean:7} {no_vhe[own][0]:7} {kvm_low:8} {kvm_mean:8} "
            f"{ratio:9.1f} {bare[own][0]:5}  {meaning}{note}"
        )
    return lines


def padded(guest, kernel):
    """A file with the guest that takes as long to load as the kernel."""
    path = guest.with_name("padded.bin")
    path.write_bytes(guest.read_bytes())
    os.truncate(path, kernel.stat().st_size)
    return path


def boot_lines(logs):
    """The boots, and what Socle does between the counter's start and the kernel's."""
    entry, bare_entry = (
        int(bench.find(logs[f"bench-arm64-{name}"], r"bench: entry (\d+) ", "entry"))
        for name in ("entry", "bare")
    )
    loading = entry - bare_entry
    socle = bench.socle_boot(logs["bench-arm64-boot"])
    socle.total -= loading
    log = logs["bench-arm64-boot-bare"]
    version = bench.find(log, r"Linux version (\S+)", "kernel version")
    return [
        *bench.boot_table(socle, bench.Boot(bench.userspace_arrival(log)), version),
        f"  before that    {loading:14,}   Socle's loading of the guest",
        "  Linux' own threads run before init or behind it as interrupts have it: +-1.5 %",
    ]


def measure(arguments):
    """Runs everything, as many at a time as there are CPUs; the report's lines."""
    console = "console=ttyAMA0"
    boot = (arguments.kernel, arguments.boot_initrd, console)
    kvm = (arguments.kernel, arguments.kvm_initrd, console)
    efi, guest = arguments.efi, (arguments.guest, None, "")
    like_kernel = padded(arguments.guest, arguments.kernel)
    machines = [
        linux_machine("bench-arm64-kvm", kvm, 1024, hypervisor=True),
        socle_machine("bench-arm64-boot", efi, boot),
        linux_machine("bench-arm64-boot-bare", boot, 256, hypervisor=False, cpu=BARE),
        socle_machine("bench-arm64-vhe", efi, guest),
        socle_machine("bench-arm64-no-vhe", efi, guest, cpu=NO_VHE),
        socle_machine("bench-arm64-entry", efi, (like_kernel, arguments.boot_initrd, "")),
        linux_machine("bench-arm64-bare", guest, 256, hypervisor=False),
        *(several_machine(setting, efi, arguments.guest) for setting in several.SETTINGS),
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        logs = dict(zip((m.name for m in machines), pool.map(bench.run, machines)))
    columns = [bench.rows(logs[f"bench-arm64-{name}"], name) for name in ("vhe", "no-vhe", "bare")]
    target = profile_trip.TARGETS["arm64"]
    trips = profile_trip.measure(target, efi, arguments.core, arguments.guest, "hvc")
    return [
        "Instructions of a round trip, in the guest's eyes (minimum, mean); QEMU -icount shift=0",
        "",
        *exit_table(*columns[:2], bench.kvm_rows(logs["bench-arm64-kvm"]), columns[2]),
        NOTES,
        "",
        *several.report({s.name: logs[f"bench-arm64-{s.name}"] for s in several.SETTINGS}),
        "",
        *profile_trip.report(target, "hvc", trips, arguments.core),
        "",
        *boot_lines(logs),
        "",
        *bench.size_table(arguments.core, logs["bench-arm64-vhe"]),
    ]


if __name__ == "__main__":
    bench.main(measure)
