# SPDX-License-Identifier: Apache-2.0
"""Tiny guests on Socle: one behaviour per row, the verdict is the exit status.

SOCLE_ARCH, SOCLE_EFI and SOCLE_GUESTS (the folder of their files) say what to test, as `make
system-test` sets them; SOCLE_CPU another model of the emulated CPU.
"""

import os
import re
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))

# pylint: disable=wrong-import-position
import mkimage
import qemu
from qemu import Status

ARCH = os.environ.get("SOCLE_ARCH", "x86_64")
BOOT_NAME = {"x86_64": "BOOTX64.EFI", "arm64": "BOOTAA64.EFI"}[ARCH]
EFI = Path(os.environ.get("SOCLE_EFI", f"build/{ARCH}/{BOOT_NAME}"))
GUESTS = Path(os.environ.get("SOCLE_GUESTS", f"build/{ARCH}/guest"))
OWN_MEMORY = 192  # MiB: firmware and Socle


@dataclass
class Row:
    """One tiny guest and how it should end."""

    name: str
    guest: str = ""  # the file, where the row's name is another
    options: str = ""
    dies: str = ""  # it has to die, for a reason that matches
    hostile: bool = False  # it may die or power off: what counts is that Socle lives
    resets: int = 0  # it resets for ever: how often to look on
    memory: int = 64
    timeout: int = 60
    counted: bool = False  # by -icount: exact, and no thread of QEMU beside the CPU's
    cpu: str = ""  # model to emulate, "": the usual one
    nested: bool = False  # the guest is a hypervisor
    vcpus: int = 1
    bare: bool = False  # on the emulator alone: a check of the guest itself

    @property
    def file(self):
        return GUESTS / f"{self.guest or self.name}.bin"


X86_ROWS = [
    Row("cpuid"),
    Row("hypercall"),
    Row("msr"),
    Row("efer"),
    Row("cr0"),
    Row("cr3"),
    Row("cr4"),
    Row("xcr0"),
    Row("dr"),
    Row("regs"),
    Row("undefined"),
    Row("memory"),
    Row("memory-62M", "memory", options="size=62", memory=62),
    Row("memory-1026M", "memory", options="size=1026", memory=1026),
    Row("tlb"),
    Row("hlt"),
    Row("spin"),
    Row("life", options="ms=100"),
    Row("load", options="busy=1 period=5 ms=50"),
    Row("sweep"),
    Row("nmi"),
    Row("nmi_hlt"),
    Row("nmi_iret_fault"),
    Row("window"),
    Row("once"),
    Row("test_lines"),
    Row("cr8"),
    Row("ipi"),
    Row("reinject"),
    Row("singlestep"),
    Row("mmio_forms"),
    Row("mmio_page"),
    Row("smap"),
    Row("port_width"),
    Row("string_io"),
    Row("decode"),
    Row("codepage"),
    Row("fpu"),
    Row("apic-timer-one-shot", "apic_timer", options="mode=0"),
    Row("apic-timer-periodic", "apic_timer", options="mode=1"),
    Row("apic-timer-deadline", "apic_timer", options="mode=2"),
    Row("ioapic_pit"),
    Row("ioapic_level"),
    Row("pic_pit"),
    Row("rtc"),
    Row("uart"),
    Row("x2apic"),
    *(
        Row(f"x2apic-{guest}", guest, options=f"x2apic=1 {options}")
        for guest, options in (
            ("ipi", ""), ("cr8", ""), ("window", ""), ("hlt", ""), ("nmi", ""), ("nmi_hlt", ""),
            ("reinject", ""), ("apic_timer", "mode=1"), ("ioapic_pit", ""), ("ioapic_level", ""),
        )
    ),
    Row("xapic"),
    Row("tsc"),
    Row("pvclock"),
    Row("mode-compat", "modes", options="mode=0"),
    Row("mode-protected", "modes", options="mode=1"),
    Row("mode-paging32", "modes", options="mode=2"),
    Row("mode-pae", "modes", options="mode=3"),
    Row("mode-real", "modes", options="mode=4"),
    Row("mode_rules"),
    Row("reset-cf9", "reset", options="how=0", resets=3),
    Row("reset-keyboard", "reset", options="how=1", resets=3),
    Row("die-triple-fault", "die", options="how=0", dies="triple fault"),
    Row("die-jump", "die", options="how=1", dies="code at .*no memory"),
    Row("die-tables", "die", options="how=2", dies="page tables at .*no memory"),
    Row("die-table-entry", "die", options="how=3", dies="page tables at .*no memory"),
    Row("die-stack", "die", options="how=4", dies="stack or tables at .*no memory"),
    Row("die-halt", "die", options="how=5", dies="halted with interrupts off"),
    Row("die-simd", "die", options="how=6", dies="instruction not supported at device"),
    Row("die-push", "die", options="how=7", dies="instruction not supported at device"),
    Row("die-double-fault", "die", options="how=8", dies="triple fault"),
    Row("die-idt", "die", options="how=9", dies="stack or tables at .*no memory"),
    Row("hostile-msr", "hostile_msr"),
    Row("hostile-io", "hostile_io"),
    Row("hostile-memory", "hostile_memory"),
    Row("hostile-tables", "hostile_tables"),
    # QEMU's VMRUN changes its interrupt flags without a lock: with threads it can lose a timer's.
    Row("hostile-timer", "hostile_timer", counted=True, timeout=180),
    Row("hostile-cr", "hostile_cr"),
    Row("random-user", "hostile_random", options="cpl=3 seed=1", hostile=True),
    Row("random-kernel-1", "hostile_random", options="cpl=0 seed=1", hostile=True),
    Row("random-kernel-2", "hostile_random", options="cpl=0 seed=2", hostile=True),
    Row("random-kernel-3", "hostile_random", options="cpl=0 seed=3", hostile=True),
    Row("random-devices-1", "hostile_random", options="cpl=3 devices=1 seed=1", hostile=True),
    Row("random-devices-2", "hostile_random", options="cpl=3 devices=2 seed=2", hostile=True),
    Row("random-devices-3", "hostile_random", options="cpl=3 devices=2 seed=3", hostile=True),
]

# Guests that are hypervisors, on Socle and bare: what they ask for is the architecture's, not
# Socle's. emulated=1: less what QEMU 7.2's own SVM gets wrong, which the guests name.
NESTED = [
    Row(f"nested-{name}", f"nested_{guest}", options=options)
    for name, guest, options in (
        ("undefined", "undefined", ""),
        ("checks", "checks", ""),
        ("state", "state", ""),
        *(
            (f"{guest}{suffix}", guest, f"{options} {npt}".strip())
            for guest, options in (
                ("vmrun", ""), ("intercepts", "int3=0"), ("inject", ""), ("virq", "cr8=0"),
                ("gif", ""), ("timer", ""), ("tsc", ""),
            )
            for suffix, npt in (("", ""), ("-npt", "npt=1"))
        ),
        ("npt", "npt", ""),
        ("tlb", "tlb", ""),
        ("mode-32", "modes", "mode=2"),
        ("mode-pae", "modes", "mode=3"),
    )
]
LA57 = {"cpu": f"{qemu.TCG_CPU},+la57"}
NESTED.append(Row("nested-mode-la57", "nested_modes", options="mode=5", **LA57))
BARE = [
    replace(row, name=f"bare-{row.name}", options=f"{row.options} emulated=1".strip(), bare=True)
    for row in NESTED
    if row.name != "nested-mode-32"  # QEMU 7.2 ignores nested tables in that format
]
HOSTILE_L1 = [
    Row(f"nested-hostile-{name}", "nested_hostile", options=options, hostile=True, timeout=120)
    for name, options in (
        ("self", "part=0"), ("places", "part=1"), ("maps", "part=2"), ("vmcbs", "part=3"),
        ("storm", "part=4 seed=1"),
        *((f"random-{seed}", f"part=5 seed={seed}") for seed in (1, 2, 3)),
        *((f"wild-{seed}", f"part=5 wild=1 seed={seed}") for seed in (1, 2)),
    )
]
HOSTILE_L1 += [
    Row(f"nested-race-{name}", "nested_race", options=f"part={part}", hostile=True, vcpus=2)
    for part, name in enumerate(("tables", "vmcb"))
]
X86_ROWS += [
    replace(row, nested=True, counted=row.guest == "nested_inject") for row in NESTED + HOSTILE_L1
] + BARE

ARM64_ROWS = [
    Row("hello"),
    Row("hvc"),
    Row("smc", "hvc", options="smc=1"),
    Row("psci"),
    Row("psci-smc", "psci", options="smc=1"),
    Row("undefined"),
    Row("wfi"),
    Row("regs"),
    Row("fp"),
    Row("memory"),
    Row("memory-62M", "memory", options="size=62", memory=62),
    Row("memory-1026M", "memory", options="size=1026", memory=1026),
    Row("hole"),
    Row("mmu"),
    Row("gicd"),
    Row("spi"),
    Row("sgi"),
    Row("priority"),
    Row("active"),
    Row("many_irqs"),
    Row("vtimer"),
    Row("ptimer", "vtimer", options="physical=1"),
    Row("timers"),
    Row("pl011"),
    Row("pl031"),
    Row("mmio_forms"),
    Row("sysreg_traps"),
    Row("cache"),
    Row("tlb"),
    Row("reset", options="how=0", resets=3),
    Row("reset-smc", "reset", options="how=3", resets=3),
    Row("off-hvc", "reset", options="how=1"),
    Row("off-smc", "reset", options="how=2"),
    Row("off-refused", "reset", options="how=4"),
    Row("idregs"),
    Row("debug"),
    Row("pauth"),
    Row("el0"),
    Row("spin"),
    Row("life", options="ms=100"),
    Row("load", options="busy=1 period=5 ms=50"),
    Row("sweep"),
    Row("hostile-sysreg-1", "hostile_sysreg", options="part=0 parts=4"),
    Row("hostile-sysreg-2", "hostile_sysreg", options="part=1 parts=4"),
    Row("hostile-sysreg-3", "hostile_sysreg", options="part=2 parts=4"),
    Row("hostile-sysreg-4", "hostile_sysreg", options="part=3 parts=4"),
    Row("hostile-call", "hostile_call"),
    Row("hostile-call-immediates", "hostile_call", options="immediates=1", hostile=True),
    Row("hostile-memory", "hostile_memory"),
    Row("hostile-tables", "hostile_tables"),
    Row("hostile-gic", "hostile_gic"),
    Row("hostile-timer", "hostile_timer"),
    Row("random-user-1", "hostile_random", options="el=0 seed=1", hostile=True),
    Row("random-user-2", "hostile_random", options="el=0 seed=2", hostile=True),
    Row("random-kernel-1", "hostile_random", options="el=1 seed=1", hostile=True),
    Row("random-kernel-2", "hostile_random", options="el=1 seed=2", hostile=True),
    Row("random-kernel-3", "hostile_random", options="el=1 seed=3", hostile=True),
]

# A CPU without VHE reaches the guest's registers, the timers and its own tables another way.
NO_VHE = [
    replace(row, name=f"{row.name}-no-vhe", guest=row.guest or row.name, cpu="cortex-a72")
    for row in ARM64_ROWS
]
ROWS = {"x86_64": X86_ROWS, "arm64": ARM64_ROWS + NO_VHE}[ARCH]
REGISTERS = {  # as Socle shows them when a guest dies
    "x86_64": r"tiny: rip [0-9a-f]{4}:[0-9a-f]{16}",
    "arm64": r"tiny: pc [0-9a-f]{16}",
}[ARCH]


def tail(log, lines=40):
    return "\n".join(log.splitlines()[-lines:])


def run_until_reset(machine, row):
    """Runs until the guest has reset that often: it would go on for ever."""
    started = time.monotonic()
    with qemu.Console(machine, row.timeout) as console:
        for _ in range(row.resets):
            console.expect("tiny: resetting")
            console.expect("vm tiny: reset by the guest")
        console.expect("tiny: resetting")
    log = machine.log_path.read_text("utf-8", errors="replace")
    return qemu.Result(Status.QUIT, log, time.monotonic() - started)


def run_bare(row):
    """By the emulator's own loader, without firmware and Socle.

    Counted: QEMU 7.2 delivers what VMRUN injects once more if another thread of it asks the CPU to
    leave its loop just then."""
    direct = ["-kernel", str(row.file), "-append", row.options, *qemu.ICOUNT]
    machine = qemu.Machine(
        f"tiny-{row.name}", firmware=False, memory=row.memory, extra=direct,
        accelerator=qemu.tcg(row.cpu) if row.cpu else qemu.tcg(),
    )  # fmt: skip
    return qemu.run(machine, row.timeout)


def run_row(row):
    """One run from image to result."""
    if row.bare:
        return run_bare(row)
    name = f"tiny-{row.name}"
    guest = mkimage.linux_vm(
        name="tiny", initrd=False, options=row.options, memory=f"{row.memory}M"
    )
    guest += "\tnested   on\n" if row.nested else ""
    guest += f"\tvcpus    {row.vcpus}\n" if row.vcpus > 1 else ""
    config = mkimage.configuration([guest], debug_exit=True)
    machine = qemu.Machine(name, memory=row.memory + OWN_MEMORY)
    if ARCH == "x86_64":  # UEFI takes ten times as long as the guest
        machine.multiboot = mkimage.linux_files(None, row.file, None, config)
    else:
        machine.image = Path(f"build/system/{name}.img")
        mkimage.write_image(machine.image, mkimage.linux_files(EFI, row.file, None, config))
    if row.cpu:
        machine.accelerator = qemu.tcg(row.cpu)
    if row.counted:
        machine.accelerator = qemu.tcg()
        machine.extra = list(qemu.ICOUNT)
    result = run_until_reset(machine, row) if row.resets else qemu.run(machine, row.timeout)
    if machine.image:
        machine.image.unlink()
    return result


def check_death(row, log):
    """Socle has to say why, and show the registers."""
    reason = re.search(r"vm tiny: stopped: (.*)", log)
    assert reason, "Socle gave no reason; end of the log:\n" + tail(log)
    assert re.search(row.dies, reason.group(1)), f"reason: {reason.group(1)}"
    assert re.search(REGISTERS, log), "no registers"


def check_row(row, result):
    """Fails unless the run ended as the row says."""
    log = result.log
    told = re.search(r"tiny: FAIL: (.*)", log)
    assert not told, told.group(1)
    assert not re.search(r"error:|panic", log), "Socle complains:\n" + tail(log)
    if row.resets:
        assert result.status == Status.QUIT
    elif row.hostile:
        assert result.status in (Status.POWERED_OFF, Status.GUEST_DIED), tail(log)
        assert "tiny: pass" in log or "vm tiny: stopped: " in log, tail(log)
    elif row.dies:
        assert result.status == Status.GUEST_DIED, tail(log)
        check_death(row, log)
    else:
        assert result.status == Status.POWERED_OFF, tail(log)
        assert "tiny: pass" in log


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_tiny(row):
    check_row(row, run_row(row))


def test_every_guest_has_a_row():
    """A guest that nobody runs tests nothing."""
    built = {path.stem for path in GUESTS.glob("*.bin")}
    assert ROWS and built == {row.file.stem for row in ROWS}
