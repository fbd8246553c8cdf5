# SPDX-License-Identifier: Apache-2.0
"""Socle on Bochs, whose CPUs have what QEMU's emulated ones lack: one row per test.

Above all Intel's VMX, on a CPU with the newer features (Skylake) and on the oldest that Socle can use
(Arrandale); besides, an SVM that has next-RIP and flush-by-ASID (Ryzen).

SOCLE_BOCHS_ROWS chooses: "suite", what `make test` has time for, or "all", as `make test-bochs` does;
the rest of the environment is that of test_tiny.py and test_x86.py.
"""

import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))

# pylint: disable=wrong-import-position
import bochs
import bochs_line
import mkimage
import test_console
import test_tiny
import test_vms
from linux_guest import EFI, INITRD, KERNELS, check_selftest, tail, use_console
from qemu import Status
from test_smp import BROUGHT_UP, check_hotplug, check_untimed
from test_vms import check_sound, ended_well, vm_lines

LACKING = bochs.missing()
pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"Bochs: {LACKING}")

FIRMWARE_MEMORY = 256  # MiB: firmware and Socle, besides the guests
MADT = Path(os.environ.get("SOCLE_MADT", "build/x86_64/guest/madt.efi"))
SUITE_ONLY = os.environ.get("SOCLE_BOCHS_ROWS", "all") == "suite"
ROWS = {}


def row(name, *arguments, suite=True):
    """Registers a row: its name, what to call for it, whether it is part of `make test`."""

    def register(function):
        assert name not in ROWS
        if suite or not SUITE_ONLY:
            ROWS[name] = lambda: function(name, *arguments)
        return function

    return register


def linux_machine(name, cpu, kernel, vms, memory, cpus=1):
    """A machine with guests of this Linux; at this speed its clocks are no burden to it."""
    image = Path(f"build/system/bochs-{name}.img")
    files = bochs.loader_files(EFI, MADT, cpus)
    files |= {"guests/vmlinuz": KERNELS / kernel / "vmlinuz", "guests/initrd.img": INITRD}
    files["socle/socle.conf"] = mkimage.configuration(vms, debug_exit=True).encode()
    mkimage.write_image(image, files)
    return bochs.Machine(
        f"bochs-{name}", image=image, cpu=cpu, cpus=cpus, memory=memory + FIRMWARE_MEMORY,
        ips=50_000_000, errors="ignore",
    )  # fmt: skip


def linux_vm(options, name="linux", vcpus=1, memory=256):
    return vm_lines(name, "vmlinuz", f"console=ttyS0 {options}", memory, True, vcpus)


# Stock Linux: the longest rows are the first, so that no CPU is idle at the end.


# Linux warns of RETBleed on a Skylake without IBRS, as Bochs' is.
SELFTEST = "socle.test socle.mem=256M retbleed=off"


def linux(name, cpu, kernel, told):
    machine = linux_machine(name, cpu, kernel, [linux_vm(SELFTEST)], 256)
    result = bochs.run(machine, 900)
    machine.image.unlink()
    assert re.search(told, result.log), tail(result.log)
    check_selftest(result)


row("skylake-linux-6.12", bochs.SKYLAKE, "6.12", "1 GiB.*and dirty.*timer yes; virtual interrupts yes")(linux)
row("arrandale-linux-6.1", bochs.ARRANDALE, "6.1", "2 MiB pages; VPID yes;.*timer no; virtual interrupts no")(linux)
row("skylake-linux-6.1", bochs.SKYLAKE, "6.1", "EPT with 1 GiB", suite=False)(linux)
row("arrandale-linux-6.12", bochs.ARRANDALE, "6.12", "EPT with 2 MiB", suite=False)(linux)
row("ryzen-linux-6.12", bochs.RYZEN, "6.12", "next-RIP yes", suite=False)(linux)


def linux_smp(name, cpu, vcpus, cpus):
    """Several vCPUs: IPIs, and on several CPUs kicks and VMCSs that move between them."""
    vms = [linux_vm(f"{SELFTEST} socle.vcpus={vcpus}", vcpus=vcpus)]
    machine = linux_machine(name, cpu, "6.12", vms, 256, cpus)
    result = bochs.run(machine, 1800)
    machine.image.unlink()
    assert re.search(BROUGHT_UP.format(vcpus), result.log), tail(result.log)
    assert cpus == 1 or f"CPUs: {cpus}" in result.log
    check_untimed(result, vcpus)
    check_sound(result)


row("skylake-linux-2-vcpus", bochs.SKYLAKE, 2, 1, suite=False)(linux_smp)
row("arrandale-linux-2-vcpus", bochs.ARRANDALE, 2, 1, suite=False)(linux_smp)
row("skylake-linux-2-vcpus-2-cpus", bochs.SKYLAKE, 2, 2, suite=False)(linux_smp)
row("arrandale-linux-2-vcpus-2-cpus", bochs.ARRANDALE, 2, 2, suite=False)(linux_smp)
row("skylake-linux-3-vcpus-2-cpus", bochs.SKYLAKE, 3, 2, suite=False)(linux_smp)
row("skylake-linux-4-vcpus", bochs.SKYLAKE, 4, 1, suite=False)(linux_smp)
row("arrandale-linux-8-vcpus", bochs.ARRANDALE, 8, 1, suite=False)(linux_smp)
row("skylake-linux-4-vcpus-4-cpus", bochs.SKYLAKE, 4, 4, suite=False)(linux_smp)
row("arrandale-linux-8-vcpus-4-cpus", bochs.ARRANDALE, 8, 4, suite=False)(linux_smp)


@row("arrandale-hotplug", bochs.ARRANDALE, 1, suite=False)
@row("skylake-hotplug-2-cpus", bochs.SKYLAKE, 2, suite=False)
def hotplug(name, cpu, cpus):
    machine = linux_machine(name, cpu, "6.12", [linux_vm("quiet", vcpus=2)], 256, cpus)
    with bochs_line.Console(machine, 900) as console:
        check_hotplug(console)
    machine.image.unlink()


@row("arrandale-vms-2-cpus", bochs.ARRANDALE, 2, suite=False)
@row("skylake-vms-2-cpus", bochs.SKYLAKE, 2, suite=False)
@row("skylake-vms", bochs.SKYLAKE, 1, suite=False)
def two_vms(name, cpu, cpus):
    """Two Linux side by side; the second, which says more, is shown when the first has ended."""
    talkative = f"initcall_debug ignore_loglevel {SELFTEST}"
    vms = [linux_vm(f"quiet {SELFTEST}", "one"), linux_vm(talkative, "two")]
    machine = linux_machine(name, cpu, "6.12", vms, 512, cpus)
    result = bochs.run(machine, 1800)
    machine.image.unlink()
    assert ended_well(result.log, "one") and ended_well(result.log, "two"), tail(result.log)
    assert result.log.count("selftest: done") == 2, tail(result.log)
    check_sound(result)
    assert result.status == Status.POWERED_OFF, tail(result.log)


@row("ryzen-console", bochs.RYZEN, suite=False)
@row("skylake-console", bochs.SKYLAKE, suite=False)
def console(name, cpu):
    machine = linux_machine(name, cpu, "6.12", [linux_vm("quiet")], 256)
    status = use_console(machine, bochs_line.Console, timeout=300)
    machine.image.unlink()
    assert status == Status.POWERED_OFF


@row("skylake-lives", bochs.SKYLAKE, suite=False)
@row("arrandale-lives", bochs.ARRANDALE, suite=False)
def lives(name, cpu):
    """Two VMs, led by keys; an address of one that runs and of one that is paused."""
    vms = [test_vms.vm_lines("steady", "life.bin"), test_vms.vm_lines("other", "life.bin")]
    files = test_vms.stick_files(vms, ["life"], efi=False)
    machine = bochs.Machine(
        f"bochs-{name}", multiboot=files, cpu=cpu, memory=128 + FIRMWARE_MEMORY
    )
    with bochs_line.Console(machine, 300) as console:
        test_console.lead_lives(console)
        test_console.key(console, "0")
        test_console.next_turn(console)
        test_console.explain(console, f"{test_console.ADDRESS:x}")
        console.expect(r"host-physical [0-9a-f]+, write-back")
        test_console.key(console, "z")
        console.expect("vm steady: paused")
        test_console.explain(console, f"{test_console.ADDRESS:x}")
        console.expect(r"host-physical [0-9a-f]+, write-back")
        test_console.key(console, "X")
        console.expect("no guest is left: powering off")
        assert console.finish() == Status.POWERED_OFF


# CPUs that Socle refuses: it says what it needs and returns to the firmware.
REFUSED = {
    "report-no-ept": (bochs.PENRYN, "needs extended page tables, EPT", "found VMX without EPT"),
    "report-no-unrestricted": (
        bochs.LYNNFIELD, "needs unrestricted guest", "found VMX without unrestricted guest",
    ),
}  # fmt: skip


def refusal(name, cpu, *words):
    machine = linux_machine(name, cpu, "6.12", [linux_vm("quiet", memory=128)], 128)
    result = bochs.run(machine, 120, until=r"BdsDxe: (loading|starting) Boot[^\n]*\n.*EFI Internal")
    machine.image.unlink()
    report = " ".join(result.log.partition("Socle: UEFI loader")[2].split())
    for word in ("This machine cannot run Socle:", *words, "Returning to the firmware."):
        assert word in report, tail(result.log)
    assert "Starting the hypervisor" not in report


for _name, _arguments in REFUSED.items():
    row(_name, *_arguments)(refusal)


def tiny(name, cpu, guest_row):
    """Runs one of test_tiny.py's rows and judges it as that does."""
    guest = mkimage.linux_vm(
        name="tiny", initrd=False, options=guest_row.options, memory=f"{guest_row.memory}M"
    )
    guest += "\tnested   on\n" if guest_row.nested else ""
    config = mkimage.configuration([guest], debug_exit=True)
    files = mkimage.linux_files(None, guest_row.file, None, config)
    machine = bochs.Machine(
        f"bochs-{name}", multiboot=files, cpu=cpu, memory=guest_row.memory + FIRMWARE_MEMORY,
        ips=200_000_000 if re.search("timer|cpuid", name) else 50_000_000, errors="ignore",
    )  # fmt: skip
    until = rf"(?s)(tiny: resetting.*){{{guest_row.resets + 1}}}" if guest_row.resets else None
    result = bochs.run(machine, guest_row.timeout, until)
    Path(f"build/system/bochs-{name}.iso").unlink()
    test_tiny.check_row(guest_row, result)


# What a CPU's features make different: page table formats, interrupts, modes, faults, hostile guests.
BY_FEATURE = (
    r"cr\d|efer|dr|regs|msr|memory|tlb|hlt|nmi.*|window|reinject|singlestep|x2apic.*|mmio_page"
    r"|string_io|decode|mode.*|die-tables|hostile-(tables|msr)|random-(user|kernel-1)"
)
# What depends on the preemption timer or on virtual interrupts: Skylake has both, Ivy Bridge only the
# timer, Arrandale neither that can be used.
BY_APICV = r"x2apic.*|xapic|apic-timer.*|hlt|ipi|cr8|window|nmi.*|reinject|spin|tsc|ioapic.*|hostile-timer"
for tiny_row in test_tiny.X86_ROWS:
    if tiny_row.bare or tiny_row.cpu:
        continue
    PATIENT = replace(tiny_row, timeout=300)
    BOTH = bool(re.fullmatch(BY_FEATURE, tiny_row.name))
    if not tiny_row.nested:  # of SVM
        row(f"skylake-{tiny_row.name}", bochs.SKYLAKE, PATIENT)(tiny)
        row(f"arrandale-{tiny_row.name}", bochs.ARRANDALE, PATIENT, suite=BOTH)(tiny)
    row(f"ryzen-{tiny_row.name}", bochs.RYZEN, PATIENT, suite=False)(tiny)
    if re.fullmatch(BY_APICV, tiny_row.name):
        row(f"ivybridge-{tiny_row.name}", bochs.IVY_BRIDGE, PATIENT, suite=False)(tiny)


@pytest.mark.parametrize("name", ROWS)
def test_bochs(name):
    ROWS[name]()
