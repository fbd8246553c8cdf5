# SPDX-License-Identifier: Apache-2.0
"""Rows of test_boot.py that only x86-64 has."""

import qemu
from machine_rows import (
    BAD_KERNEL, KERNEL, UNABLE_HEAD, check_guest_death, config_text, loader_machine, loader_report,
    machine_kind, report_kernel, row,
)  # fmt: skip

NEEDS_ONE = (
    "needs virtualisation: AMD SVM (CPUID 8000_0001 ECX bit 2) or Intel VMX (CPUID 0000_0001 ECX bit 5)"
    " found {}"
)
# On QEMU's largest CPU model Linux misses an ACPI table for amd_pstate, also without us.
CPU_MAX = {"accelerator": qemu.tcg("max")}

REPORTED_KERNELS = {
    "report-not-a-kernel": (
        bytes(4096),
        BAD_KERNEL.format("boot_flag", "expected 0xaa55 as in every bzImage, found 0x0000"),
    ),
    "report-short-kernel": (
        b"MZ",
        BAD_KERNEL.format("size", "expected a bzImage of at least 616 bytes, found 2"),
    ),
}
for _name, _arguments in REPORTED_KERNELS.items():
    row(_name, *_arguments)(report_kernel)


@row("report-cut-kernel")
def report_cut_kernel(name):
    whole = KERNEL.read_bytes()
    needed = (whole[0x1F1] + 1) * 512 + int.from_bytes(whole[0x1F4:0x1F8], "little") * 16
    problem = f"expected {needed} bytes, found {1 << 20}: the file is cut off"
    report_kernel(name, whole[: 1 << 20], BAD_KERNEL.format("syssize", problem))


@row("report-no-svm", "qemu64,-svm", "neither; this machine is itself virtual: switch nested")
@row("report-no-vmx", "Haswell-v1,-hypervisor", "no VMX: the CPU lacks it, or the firmware")
def report_cpu(name, cpu, found):
    config = config_text("\tmemory 128M")
    report = loader_report(loader_machine(name, config, b"", accelerator=qemu.tcg(cpu)))
    assert UNABLE_HEAD + NEEDS_ONE.format(found) in report, report


@row("guest-death")
def guest_death(name):
    """A wrong kernel runs for a while and dies."""
    kernel = bytearray(KERNEL.read_bytes())
    entry = (kernel[0x1F1] + 1) * 512 + 0x200  # of 64-bit mode
    # mov $0x4000, %ecx; 1: out %al, $0x80; loop 1b; ud2
    kernel[entry : entry + 11] = bytes.fromhex("b900400000 e680 e2fc 0f0b")
    machine = loader_machine(name, config_text("\tmemory 128M"), bytes(kernel))
    lines = [r"vm linux: stopped: triple fault$", r"linux: rip [0-9a-f]{4}:[0-9a-f]{16}"]
    check_guest_death(machine, lines)


MACHINES = {
    "machine-i440fx": ({"kind": "pc"}, 512),
    "machine-6G": ({"memory": 6144}, 4096),
    "machine-256M": ({"memory": 256}, 128),
    "machine-2-cpus": ({"cpus": 2}, 512),
    "machine-cpu-max": (CPU_MAX, 512, "initcall_blacklist=amd_pstate_init"),
}
for _name, _arguments in MACHINES.items():
    row(_name, *_arguments)(machine_kind)
