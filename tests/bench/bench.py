#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of an exit round trip and of a Linux boot: `make bench`.

    bench.py --efi BOOTX64.EFI --core socle.elf --guest guest.bin --kvm-initrd FILE
             --boot-initrd FILE --kernel vmlinuz --l1 l1.bin --out bench.txt
             [--inner-initrd FILE --outer-initrd FILE]

QEMU's -icount makes the TSC tick once an instruction, whoever's it is, and runs repeatable. The same
tiny guest runs on Socle and on KVM in a stock Linux, on the same emulated machine; the same Linux
boots to its first instruction in user space with and without Socle. A hypervisor as small as one can
be runs an L2 on both; with the last two files KVM does, too, on Socle and on KVM, and boots a Linux
(slow).
"""

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import profile_trip
import several
from machine import BenchError, linux_machine, mkimage, qemu, several_machine, socle_machine
from qemu import Status

TIMEOUT = 1200
SLOW_TIMEOUT = 5400
FAULTS = Path("build/bench/faults")
ROW = re.compile(r"^bench: (\S+) (\d+) (\d+)\r?$", re.M)
AIMS = {"cpuid-0": 400, "hypercall": 400, "in-pic": 500}

MEANING = {
    "cpuid-0": "CPUID, leaf 0",
    "cpuid-80000008": "CPUID, leaf 80000008",
    "hypercall": "VMMCALL or VMCALL, unknown number",
    "rdmsr-apicbase": "RDMSR of IA32_APIC_BASE",
    "in-pic": "IN from the 8259 (KVM: in its kernel)",
    "mov-cr4": "MOV to CR4 that toggles PGE",
    "lapic-read": "local APIC register by MMIO",
    "ioapic-read": "I/O APIC register by MMIO",
    "xapic-eoi": "EOI by MMIO, an interrupt in service",
    "rdmsr-x2apic": "local APIC register by x2APIC",
    "x2apic-eoi": "EOI by x2APIC, an interrupt in service",
    "x2apic-self-ipi": "self-IPI to the end of its handler (2 exits)",
    "hlt-timer": "TSC deadline to handler, out of HLT",
    "fresh-2m-region": "first touch of 2 MiB never used",
    "fresh-4k-page": "first touch of a page never used (mean counts)",
    "fresh-2m-region, 4K": "the same, KVM without huge pages",
    "fresh-4k-page, 4K": "the same, KVM without huge pages",
}

# Seen from L1 or L2, L1's own instructions included.
NESTED_MEANING = {
    "vmrun-vmmcall": "VMRUN to #VMEXIT, L2 exits at once",
    "vmrun-flush": "the same, and L2's ASID is flushed",
    "l2-cpuid-l1": "CPUID in L2, L1 emulates: VMRUN alone",
    "l2-cpuid-l1-whole": "the same, with CLGI, VMLOAD, VMSAVE, VMLOAD, STGI",
    "l2-cpuid-l0": "CPUID in L2 that L1 does not intercept",
    "vmsave": "VMSAVE in L1",
    "vmload": "VMLOAD in L1",
    "clgi": "CLGI in L1",
    "stgi": "STGI in L1",
    "l2-page-l0": "first touch in L2 of a 4K page that L1's tables map",
    "l2-page-l1": "the same, L1 maps it upon the fault",
}


def run(machine, timeout=TIMEOUT):
    """The log of a machine that powered off."""
    print(f"Socle bench: {machine.name} ...", flush=True)
    result = qemu.run(machine, timeout)
    print(f"Socle bench: {machine.name}: {result.seconds:.0f} s", flush=True)
    if result.status != Status.POWERED_OFF:
        end = "\n".join(result.log.splitlines()[-20:])
        raise BenchError(f"{machine.name}: {result.status.name}; end of its log:\n{end}")
    return result.log


def find(log, pattern, what):
    match = re.search(pattern, log)
    if not match:
        raise BenchError(f"no {what} in the log")
    return match.group(1)


EXACT = (1000000, 1000000)


def rows(log, what, million=EXACT):
    """{operation: (min, mean)}; million: what its loop of so many instructions may take, in ticks."""
    found = {name: (int(low), int(mean)) for name, low, mean in ROW.findall(log)}
    ticks = found.pop("ticks-of-1000000", (0, 0))
    if min(ticks) < million[0] or max(ticks) > million[1]:
        raise BenchError(f"{what}: a tick of the counter is not an instruction")
    if "fresh-4k-page" not in found:
        raise BenchError(f"{what}: the guest did not finish")
    return found


KVM_NESTED = r"(?s)kvm: nested\r?\n(.*?)kvm: nested: status 0"


def nested_rows(log, what):
    """{operation: (min, mean)} of l1.bin, its first line apart."""
    found = {name: (int(low), int(mean)) for name, low, mean in ROW.findall(log)}
    if any(name not in found for name in NESTED_MEANING):
        raise BenchError(f"{what}: the nested guest did not finish")
    return found


def two_columns(what, meanings, socle, kvm):
    """Lines of a table without aims."""
    lines = [f"{what:20} {'Socle':>7} {'mean':>7} {'KVM':>8} {'mean':>8} {'KVM/Socle':>9}"]
    for name, meaning in meanings.items():
        (low, mean), (kvm_low, kvm_mean) = socle[name], kvm[name]
        ratio = f"{kvm_mean / mean:.1f}" if mean else "-"
        lines.append(
            f"{name:20} {low:7} {mean:7} {kvm_low:8} {kvm_mean:8} {ratio:>9}  {meaning}"
        )
    return lines


def kvm_rows(log, million=EXACT):
    """KVM's rows with huge pages, and the rows of fresh memory without."""
    huge, small = (find(log, rf"(?s)kvm: {pages} pages\r?\n(.*?)kvm: {pages} pages: status 0",
                        f"run of KVM with {pages} pages") for pages in ("huge", "small"))  # fmt: skip
    result, without = rows(huge, "KVM", million), rows(small, "KVM", million)
    for name in ("fresh-2m-region", "fresh-4k-page"):
        result[f"{name}, 4K"] = without[name]
    return result

NOTES = """\
KVM runs with the mitigations and the timer advance that a stock kernel gives it; hlt-timer is a delay,
not an amount of work: KVM may come early and spin. Fresh memory: KVM zeroes a page at its first touch
(2 MiB are 262144 stores), Socle all of a guest's memory before it starts."""


def exit_table(socle, kvm):
    """Lines of the table of operations."""
    head = f"{'operation':20} {'Socle':>7} {'mean':>7} {'KVM':>8} {'mean':>8} {'KVM/Socle':>9}"
    lines = [head]
    for name, meaning in MEANING.items():
        low, mean = socle[name.removesuffix(", 4K")]
        kvm_low, kvm_mean = kvm[name]
        ratio = f"{kvm_mean / mean:.1f}" if mean else "-"
        aim = AIMS.get(name)
        note = f" (aim {aim}: {'met' if low <= aim else 'not met'})" if aim else ""
        lines.append(
            f"{name:20} {low:7} {mean:7} {kvm_low:8} {kvm_mean:8} {ratio:>9}  {meaning}{note}"
        )
    return lines


@dataclass
class Boot:
    """One boot to user space, in instructions."""

    total: int
    exits: int = 0


def userspace_arrival(log):
    """What the counter said at init's first instruction."""
    return int(find(log, r"bench: userspace-\w+ (\d+)", "arrival in user space"))


def socle_boot(log):
    """The guest's counter starts at 0 before Socle copies its kernel into place."""
    exits = int(find(log, r"powered off by the guest after (\d+) exits", "number of exits"))
    return Boot(userspace_arrival(log), exits)


def bare_boot(log, entry_log):
    """Less what the BIOS takes to the kernel's real-mode entry, seen by a kernel that only tells."""
    entry = int(find(entry_log, r"bench: real-mode-entry ([0-9A-F]+)", "entry"), 16)
    return Boot(userspace_arrival(log) - entry)


def boot_table(socle, bare, version):
    more = (socle.total - bare.total) / bare.total * 100
    return [
        f"Linux {version}, kernel entry to the first instruction of init, instructions:",
        f"  with Socle     {socle.total:14,}   {socle.exits:,} exits to power-off",
        f"  without Socle  {bare.total:14,}   (QEMU's own devices instead of Socle's)",
        f"  difference     {socle.total - bare.total:+14,}   {more:+.1f} %",
    ]


def size_table(core, log):
    text = subprocess.run(["size", core], capture_output=True, text=True, check=True).stdout
    code, data, bss = map(int, text.splitlines()[1].split()[:3])
    memory = find(log, r"\] (memory: .*)", "line on memory").strip()
    return [
        f"core: text and read-only data {code / 1024:.0f} KiB, data {data / 1024:.0f} KiB, "
        f"zeroed {bss / 1024:.0f} KiB",
        f"after boot: {memory}",
    ]


def fault_lines():
    """Faults of several threads on one table, by the clock of this machine."""
    rows = subprocess.run([FAULTS, "1", "2", "4", "8"], capture_output=True, text=True, check=True).stdout
    return [
        f"4 KiB faults on one table under its one lock, a thread for each vCPU, {os.cpu_count()} CPUs "
        "here (by the clock: only on an idle machine):",
        *(f"  {line}" for line in rows.splitlines()),
    ]


def measure_kvm_in_guest(arguments):
    """Lines of the table of KVM's guest where KVM itself is a guest, of Socle's and of KVM's.

    On a CPU with virtual GIF, as all of AMD's have had since 2017."""
    console = "console=ttyS0"
    inner = (arguments.kernel, arguments.inner_initrd, console)
    outer = (arguments.kernel, arguments.outer_initrd, console)
    machines = [
        socle_machine("bench-kvm-on-socle", arguments.efi, inner, memory=1024, nested=True),
        linux_machine("bench-kvm-on-kvm", outer, 2048),
    ]
    for machine in machines:
        machine.accelerator = qemu.tcg(qemu.VGIF_CPU)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        logs = list(pool.map(run, machines, [SLOW_TIMEOUT] * 2))
    # A timer's interrupt may come into that loop, too.
    socle, kvm = (kvm_rows(log, (1000000, 1200000)) for log in logs)
    return [
        "",
        *two_columns("guest of KVM on", MEANING, socle, kvm),
        "",
        *inner_boot_table(*(inner_boot(log) for log in logs)),
    ]


def inner_boot(log):
    """Of a Linux as L2: instructions as it counts them, exits to the KVM that is L1."""
    part = find(log, r"(?s)kvm: linux\r?\n(.*)kvm: linux: status 0", "boot of an L2")
    exits = int(find(part, r"kvm_vmm: exits (\d+)", "number of exits to L1"))
    return Boot(userspace_arrival(part), exits)


def inner_boot_table(socle, kvm):
    return [
        "The same Linux as guest of KVM, to the first instruction of init, instructions:",
        f"  KVM on Socle   {socle.total:14,}   {socle.exits:,} exits to KVM",
        f"  KVM on KVM     {kvm.total:14,}   {kvm.exits:,} exits to KVM",
        f"  ratio          {kvm.total / socle.total:14.1f}",
    ]


def measure(arguments):
    """Runs everything, as many at a time as there are CPUs; the report's lines."""
    console = "console=ttyS0"
    boot = (arguments.kernel, arguments.boot_initrd, console)
    kvm = (arguments.kernel, arguments.kvm_initrd, console)
    guest, efi = arguments.guest, arguments.efi
    machines = [
        socle_machine("bench-socle", efi, (guest, None, "")),
        socle_machine("bench-socle-boot", efi, boot),
        socle_machine("bench-socle-nested", efi, (arguments.l1, None, ""), nested=True),
        linux_machine("bench-kvm", kvm, 1024),
        linux_machine("bench-boot", boot, 256),
        linux_machine("bench-entry", (guest, arguments.boot_initrd, console), 256),
        *(several_machine(setting, guest) for setting in several.SETTINGS),
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        logs = dict(zip((m.name for m in machines), pool.map(run, machines)))
    target = profile_trip.TARGETS["x86_64"]
    trips = profile_trip.measure(target, efi, arguments.core, guest, "cpuid-0")
    version = find(logs["bench-boot"], r"Linux version (\S+)", "kernel version")
    return [
        "Instructions of a round trip, in the guest's eyes (minimum, mean); QEMU -icount shift=0",
        "",
        *exit_table(rows(logs["bench-socle"], "Socle"), kvm_rows(logs["bench-kvm"])),
        NOTES,
        "",
        *several.report({s.name: logs[f"bench-{s.name}"] for s in several.SETTINGS}),
        "",
        *two_columns(
            "guest hypervisor",
            NESTED_MEANING,
            nested_rows(logs["bench-socle-nested"], "Socle"),
            nested_rows(find(logs["bench-kvm"], KVM_NESTED, "nested run of KVM"), "KVM"),
        ),
        *(measure_kvm_in_guest(arguments) if arguments.outer_initrd else []),
        "",
        *profile_trip.report(target, "cpuid-0", trips, arguments.core),
        "  svm_enter is the floor: 30 moves of registers, VMLOAD, VMRUN, VMSAVE, VMLOAD",
        "",
        *boot_table(
            socle_boot(logs["bench-socle-boot"]),
            bare_boot(logs["bench-boot"], logs["bench-entry"]),
            version,
        ),
        "",
        *size_table(arguments.core, logs["bench-socle"]),
        "",
        *fault_lines(),
    ]


def main(lines_of=measure):
    """The command line of a benchmark; lines_of(arguments) measures."""
    parser = argparse.ArgumentParser()
    for name in ("efi", "core", "guest", "kvm-initrd", "boot-initrd", "kernel", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("l1", "inner-initrd", "outer-initrd"):
        parser.add_argument(f"--{name}", type=Path)
    arguments = parser.parse_args()
    try:
        text = "\n".join(lines_of(arguments)) + "\n"
    except (BenchError, mkimage.ImageError, FileNotFoundError) as error:
        sys.exit(f"Socle bench: {error}")
    arguments.out.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
