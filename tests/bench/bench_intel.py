#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of an exit round trip on Intel: `make bench VENDOR=intel`. Arguments: as
bench.py.

Bochs' TSC ticks once an instruction and runs repeat exactly. The same tiny guest as bench.py's runs on
Socle and on KVM in a stock Linux, on the same emulated CPU, both started by the same firmware.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import bench
import several
from machine import BenchError, mkimage
import bochs
from qemu import Status

TIMEOUT = 1200
# Instructions to a second of the machine's clocks. More of them, and fewer of Linux's timer ticks would
# fall into what is measured; but the serial line wants slow clocks (see run.py).
IPS = 200_000_000
# What a million instructions may take: Bochs' TSC may be off by the instruction that reads it; a Linux
# with KVM has timer interrupts of its own.
NEARLY = (999_998, 1_000_002)
DISTURBED = (999_998, 2_000_000)
OUT = Path("build/bench")


def socle_machine(name, efi, files, cpu):
    """Socle with a guest of 256 MiB; files: (kernel, initrd or None, options)."""
    kernel, initrd, options = files
    vm = mkimage.linux_vm(initrd=bool(initrd), options=options, memory="256M")
    config = mkimage.configuration([vm], debug_exit=True)
    image = OUT / f"{name}.img"
    mkimage.write_image(image, mkimage.linux_files(efi, kernel, initrd, config))
    return bochs.Machine(name, image, cpu, memory=512, ips=IPS, errors="ignore")


def several_machine(setting, guest):
    """Socle with the VMs of the setting, started by GRUB: its BIOS has tables that tell of the CPUs."""
    config = setting.config(mkimage.DEBUG_EXIT)
    files = mkimage.linux_files(None, guest, None, config)
    return bochs.Machine(
        f"bench-intel-{setting.name}", multiboot=files, cpus=setting.cpus, memory=512, ips=IPS,
        errors="ignore",
    )  # fmt: skip


def linux_machine(name, files, cpu):
    """Linux as an application of the firmware's, started by the shell's script."""
    kernel, initrd, options = files
    script = f"fs0:\\linux\\vmlinuz.efi initrd=\\linux\\initrd.img {options}\r\n"
    stick = {"linux/vmlinuz.efi": kernel, "linux/initrd.img": initrd}
    stick["startup.nsh"] = script.encode()
    image = OUT / f"{name}.img"
    mkimage.write_image(image, stick)
    return bochs.Machine(name, image, cpu, memory=1024, ips=IPS, errors="ignore")


def run(this, until):
    """The log of a machine that has ended well, or said `until`."""
    print(f"Socle bench: {this.name} on {this.cpu} ...", flush=True)
    result = bochs.run(this, TIMEOUT, until)
    print(f"Socle bench: {this.name}: {result.seconds:.0f} s", flush=True)
    if result.status not in (Status.POWERED_OFF, Status.QUIT):
        end = "\n".join(result.log.splitlines()[-20:])
        raise BenchError(f"{this.name}: {result.status.name}; end of its log:\n{end}")
    if this.image:
        this.image.unlink()
    return result.log


SEVERAL_NOTES = f"Whoever waits is halted. On two CPUs both run at the same time.\n{several.TICK_NOTE}"
NOTES = """\
VMREAD and VMWRITE count as one instruction each, as VMRESUME does: silicon takes longer, and equally
for both columns. KVM runs with the mitigations that a stock kernel gives it, and its means have some
of its host's timer interrupts in them. It runs without APICv (enable_apicv=0), Socle with it: that the
x2APIC's rows do not exit is the CPU's doing. The older CPU has none of it."""


def measure(arguments):
    """Runs everything; the report's lines."""
    kvm = (arguments.kernel, arguments.kvm_initrd, "console=ttyS0 quiet")
    guest, efi = (arguments.guest, None, ""), arguments.efi
    boot = (arguments.kernel, arguments.boot_initrd, "console=ttyS0")
    machines = [
        linux_machine("bench-intel-kvm", kvm, bochs.SKYLAKE),
        socle_machine("bench-intel-boot", efi, boot, bochs.SKYLAKE),
        socle_machine("bench-intel", efi, guest, bochs.SKYLAKE),
        socle_machine("bench-intel-old", efi, guest, bochs.ARRANDALE),
        *(several_machine(setting, arguments.guest) for setting in several.SETTINGS),
    ]
    # Without ACPI tables Linux cannot power off: it says so last, and Socle then how many exits.
    ends = [r"reboot: Power down|System halted", *[r"by the guest after \d+ exits\s"] * 3]
    ends += [None] * len(several.SETTINGS)
    with ThreadPoolExecutor(2) as pool:
        logs = dict(zip((m.name for m in machines), pool.map(run, machines, ends)))
    socle = bench.rows(logs["bench-intel"], "Socle", NEARLY)
    old = bench.rows(logs["bench-intel-old"], "Socle", NEARLY)
    started = bench.socle_boot(logs["bench-intel-boot"])
    version = bench.find(logs["bench-intel-boot"], r"Linux version (\S+)", "kernel version")
    other = [f"{name:20} {old[name][0]:7} {old[name][1]:7}" for name in socle if name in old]
    return [
        f"Instructions of a round trip, in the guest's eyes (minimum, mean); Bochs, {bochs.SKYLAKE}",
        "",
        *bench.exit_table(socle, bench.kvm_rows(logs["bench-intel-kvm"], DISTURBED)),
        NOTES,
        "",
        *several.report(
            {s.name: logs[f"bench-intel-{s.name}"] for s in several.SETTINGS}, IPS, SEVERAL_NOTES
        ),
        "",
        f"The same exits on {bochs.ARRANDALE}, Socle alone:",
        *other,
        "",
        f"Linux {version}, kernel entry to the first instruction of init: {started.total:,} instructions,"
        f" {started.exits:,} exits to power-off",
    ]


if __name__ == "__main__":
    if bochs.missing():
        sys.exit(f"Socle bench: {bochs.missing()}")
    bench.main(measure)
