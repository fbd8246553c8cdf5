# SPDX-License-Identifier: Apache-2.0
"""Guests with several vCPUs: Linux brings them up, takes them off and on, and works on all of them.

`make system-test` has time for some rows of vCPUs, CPUs and memory, `make test-smp` runs all
(SOCLE_SMP_ROWS=all).
"""

import os
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))

# pylint: disable=wrong-import-position
import qemu
from linux_guest import CONSOLE, check_selftest, tail
from qemu import Status
from test_vms import check_sound, machine, vm_lines

# What the self-test measures by the clock, or what its kernel complains of when time is late: not
# judged where a vCPU can be preempted anywhere, or the emulator's CPUs wait for each other.
BY_THE_CLOCK = ("sleep", "timer-interrupts", "rtc", "kernel-log")
ALL = os.environ.get("SOCLE_SMP_ROWS") == "all"
BROUGHT_UP = r"smp: Brought up 1 node, {} CPU"


def linux(name, vcpus, options="", memory=256, **more):
    vms = [vm_lines("linux", "vmlinuz", f"{CONSOLE} {options}", memory, True, vcpus)]
    return machine(name, vms, linux=True, memory=memory + 256, **more)


def check_untimed(result, vcpus):
    """The checks that do not depend on the clock, and the end."""
    failed = re.findall(r"selftest: (\S+) FAIL", result.log)
    assert not set(failed) - set(BY_THE_CLOCK), failed
    assert f"selftest: cpus ok {vcpus} online" in result.log, tail(result.log)
    assert re.search(r"selftest: done \d+ ok", result.log), tail(result.log)
    assert result.status == Status.POWERED_OFF, tail(result.log)


# vCPUs, CPUs, MiB; one vCPU on one CPU and on two is test_boot.py's.
# Not two rows of several CPUs behind each other: side by side each waits for the other's.
SUITE = [(n, cpus, 256) for n, cpus in ((4, 2), (8, 1), (4, 4))]
ROWS = SUITE + [
    (1, 2, 256), (2, 1, 256), (4, 1, 256), (2, 2, 256), (8, 2, 256), *((n, 4, 256) for n in (1, 2, 8)),
    *((n, cpus, 128) for n, cpus in ((1, 1), (2, 1), (8, 1), (4, 2), (8, 4))),
    *((n, cpus, 1024) for n, cpus in ((1, 1), (4, 1), (2, 2), (8, 2), (4, 4))),
]


@pytest.mark.parametrize(("vcpus", "cpus", "memory"), ROWS)
def test_selftest(vcpus, cpus, memory):
    """The self-test of one CPU, with several: nothing of it depends on their number."""
    if (vcpus, cpus, memory) not in SUITE and not ALL:
        pytest.skip("of make test-smp")
    options = f"socle.test socle.mem={memory}M socle.vcpus={vcpus}"
    if memory < 256:
        options += " cma=8M"  # Debian's ARM64 kernel sets 64 MiB apart for devices
    guest = linux(f"smp-{vcpus}-{cpus}-{memory}", vcpus, options, memory, cpus=cpus)
    result = qemu.run(guest, 1200 if ALL else 400)
    if vcpus > 1:
        assert re.search(BROUGHT_UP.format(vcpus), result.log), tail(result.log)
    if cpus > 1:
        assert f"CPUs: {cpus}" in result.log
    if vcpus > 1:
        check_untimed(result, vcpus)
    else:
        check_selftest(result)
    check_sound(result)


def check_hotplug(console):
    """A vCPU goes off and comes again, twice, and work goes on on all."""
    online = "/sys/devices/system/cpu/cpu1/online"
    console.expect("socle-guest: userspace reached")
    console.expect("# ")
    for _ in range(2):
        console.send(f"echo 0 > {online}; echo off-$?\r")
        console.expect("\noff-0")
        console.expect("# ")
        console.send(f"grep -c '^processor' /proc/cpuinfo; echo 1 > {online}; echo on-$?\r")
        console.expect("\n1\r")
        console.expect("\non-0")
        console.expect("# ")
    console.send("for i in 1 2 3 4; do md5sum /bin/busybox & done; wait; echo all-done\r")
    console.expect("\nall-done")
    console.send("poweroff\r")
    assert console.finish() == Status.POWERED_OFF


def test_hotplug():
    with qemu.Console(linux("smp-hotplug", 2), timeout=240) as console:
        check_hotplug(console)
