# SPDX-License-Identifier: Apache-2.0
"""The benchmark's machines of several vCPUs, VMs and CPUs, and what their logs say.

Each measures one thing, on the same tiny guest, whose command line says which; 64 MiB a VM.
"""

import re
from dataclasses import dataclass

from machine import BenchError

MEMORY = 64  # MiB, of a VM


@dataclass
class Setting:
    """VMs by their guests' command lines; vCPUs of each; CPUs of the machine."""

    name: str
    vms: list
    vcpus: int = 1
    cpus: int = 1

    def config(self, debug_exit):
        """Socle's configuration; the kernel is \\guests\\vmlinuz."""
        text = f"debug-exit {debug_exit:#x}\n"
        for index, options in enumerate(self.vms):
            text += f"vm vm{index}\n\tlinux \\guests\\vmlinuz\n\toptions {options}\n"
            text += f"\tvcpus {self.vcpus}\n\tmemory {MEMORY}M\n"
        return text


SETTINGS = [
    Setting("one", ["tick"]),
    Setting("smp-1", ["smp"], vcpus=2),
    Setting("smp-2", ["smp"], vcpus=2, cpus=2),
    Setting("two-vms", ["gaps", "tick"]),
]

TICK_NOTE = """other-vm-tick: what a running VM misses while another's timer interrupt ends its halt, is taken
and ended, sets the next one, and the VM halts again; in its own eyes the handler and its end take tick-own."""
NOTES = (
    "Whoever waits is halted. On two CPUs the emulator runs one after the other: what both do in that "
    f"time is counted.\n{TICK_NOTE}"
)


def numbers(log, pattern):
    match = re.search(pattern, log)
    if not match:
        raise BenchError(f"no match of {pattern} in the log")
    return tuple(int(text) for text in match.groups())


def row(log, name):
    """(minimum, mean)"""
    return numbers(log, rf"bench: {name} (\d+) (\d+)")


def state_kib(log):
    return numbers(log, r"memory of VMs: \d+ MiB, and (\d+) KiB for their state")[0]


def first_instruction(log, hz):
    """From the core's first line to the guest's first instruction: to a millisecond, and exactly."""
    seconds, thousandths = numbers(log, r"\[socle (\d+)\.(\d+)\] vm vm0: starting")
    return (seconds * 1000 + thousandths) * hz // 1000, row(log, "entry")[0]


def report(logs, hz=10**9, notes=NOTES):
    """Lines; logs: {name of the setting: its log}; hz: instructions to a second of the machine's clocks."""
    one = state_kib(logs["one"])
    rows = [
        ("ipi-to-halted", "IPI to a halted vCPU, to its handler"),
        ("ipi-round-trip", "and its IPI back to the first, which has halted, too"),
    ]
    lines = [f"{'several vCPUs':20} {'1 CPU':>7} {'mean':>7} {'2 CPUs':>7} {'mean':>7}"]
    for name, meaning in rows:
        single, double = row(logs["smp-1"], name), row(logs["smp-2"], name)
        lines.append(f"{name:20} {single[0]:7} {single[1]:7} {double[0]:7} {double[1]:7}  {meaning}")
    tick, own = row(logs["two-vms"], "other-vm-tick"), row(logs["two-vms"], "tick-own")
    started, loaded = first_instruction(logs["one"], hz)
    return [
        *lines,
        f"{'other-vm-tick':20} {tick[0]:7} {tick[1]:7} {'':15}  two VMs: see below",
        f"{'tick-own':20} {own[0]:7} {own[1]:7}",
        notes,
        "",
        f"memory beside the guest's: {one} KiB for a VM of {MEMORY} MiB with one vCPU, "
        f"{state_kib(logs['smp-1']) - one} KiB for one more vCPU, "
        f"{state_kib(logs['two-vms']) - one} KiB for one more VM; second-level tables come with use",
        f"start: {started // 1000000} million instructions from the core's first line to the VM's start, "
        f"{loaded:,} from there to the guest's first",
    ]
