# SPDX-License-Identifier: Apache-2.0
"""The operator's keys, and the lives of VMs that they lead; the environment as for test_vms.py.

Tiny guests only: "life" fails where its memory is not zeroed when it starts, or changes under it.
"""

import re
import time
from pathlib import Path

import pytest

import qemu
from linux_guest import CONSOLE
from qemu import Status
from test_vms import check_sound, counted, machine, tail, vm_lines

LIFE = "tiny: zeroed"
TURN = r"tiny: turn (\d+)"
# An address of life's memory, as its own tables map it.
ADDRESS = {"x86_64": 0x2000000, "arm64": 0x42000000}[qemu.ARCH]


def key(console, keys):
    """Ctrl-A and a key, each."""
    for one in keys:
        console.send("\x01" + one)


def listed(console):
    """What the list says: {VM: (state, CPU lately, exits)}, and the free pages."""
    key(console, "l")
    console.expect(r"memory: \d+ of \d+ MiB free, (\d+) pages")
    pages = int(console.child.match[1])
    row = r"^[* ] (\d+)\s+(\S+)\s+(off|starting|running|paused)\s+\d+\s+\d+ MiB(?:\s+([\d.]+) %\s+[\d.]+ %\s+(\d+))?"
    text = console.child.before
    text = text[text.rindex("VM  name") :]
    found = re.findall(row, text, re.M)
    return {f[1]: (f[2], float(f[3] or 0), int(f[4] or 0)) for f in found}, pages


def explain(console, address):
    key(console, "e")
    console.expect("explain address .*: ")
    console.send(f"{address}\r")


def next_turn(console):
    console.expect(TURN)
    return int(console.child.match[1])


def finish(console, name):
    """Ends the machine by its key: that is a good end. Returns the log."""
    key(console, "X")
    console.expect("no guest is left: powering off")
    assert console.finish() == Status.POWERED_OFF
    log = Path(f"build/logs/{name}.log").read_text("utf-8", errors="replace")
    check_sound(qemu.Result(Status.POWERED_OFF, log, 0))
    assert "FAIL" not in log, tail(log)
    return log


def two_lives(name, **more):
    vms = [
        vm_lines("steady", "life.bin"),
        vm_lines("other", "life.bin"),
        vm_lines("later", "life.bin") + "\tautostart no\n",
    ]
    return machine(name, vms, ["life"], **more)


def lead_lives(console):
    """All that can be asked of "other" beside "steady"; it is off in the end."""
    console.expect(LIFE)
    next_turn(console)
    key(console, "1")
    console.expect("vm other: in front")
    console.expect(LIFE)
    for _ in range(2):
        key(console, "z")
        console.expect("vm other: paused")
        key(console, "z")
        console.expect("socle: vm other is paused")
        states, _ = listed(console)
        assert states["other"][0] == "paused" and states["steady"][0] == "running"
        key(console, "r")
        console.expect("vm other: goes on")
        key(console, "r")
        console.expect("socle: vm other is not paused")
        turn = next_turn(console)
        assert next_turn(console) > turn
    key(console, "zr")  # both before the VM has seen either
    console.expect("vm other: goes on")
    next_turn(console)
    key(console, "R")
    console.expect("vm other: reset from the console")
    console.expect("vm other: starting")
    console.expect(LIFE)
    key(console, "zR")  # one that is paused
    console.expect("vm other: reset from the console")
    console.expect(LIFE)
    key(console, "K")
    console.expect("vm other: stopped")
    key(console, "zrRK")
    for _ in range(4):
        console.expect("socle: vm other is off; Ctrl-A b starts it")


@pytest.mark.parametrize("cpus", [1, 2])
def test_life_of_one_beside_another(cpus):
    """Pause, resume, reset, stop and start, of one; its neighbour's memory stays as it is."""
    name = f"console-life-{cpus}"
    with qemu.Console(two_lives(name, cpus=cpus), 120) as console:
        lead_lives(console)
        key(console, "0")
        assert next_turn(console) < next_turn(console)
        finish(console, name)


def test_stop_and_start_leave_nothing():
    """Each life begins with zeros, and gives all of its memory back; also one cut off in its start."""
    with qemu.Console(two_lives("console-again"), 120) as console:
        console.expect(LIFE)
        key(console, "2")
        console.expect("socle: vm later is off")
        states, before = listed(console)
        while states["other"][2] < 40:  # until it has touched its memory and has its tables
            states, before = listed(console)
        assert states["later"][0] == "off"
        for cycle in range(6):
            key(console, "b")
            console.expect("vm later: starting")
            if cycle % 3 != 2:
                console.expect(LIFE)
            key(console, "b")
            console.expect("socle: vm later is on")
            key(console, "K")
            console.expect("vm later: stopped")
            states, pages = listed(console)
            assert states["later"][0] == "off" and pages == before
        key(console, "bK")  # the wish comes while its memory is cleared
        console.expect("vm later: stopped")
        assert listed(console)[1] == before
        key(console, "bzK")
        console.expect("vm later: stopped")
        assert listed(console)[1] == before
        key(console, "0")
        assert next_turn(console) < next_turn(console)
        finish(console, "console-again")


def test_resets_leave_nothing():
    """After fifty more lives as many pages are free. A life takes some for its tables as it goes on."""

    def free(console):
        return max(listed(console)[1] for _ in range(10))

    vms = [vm_lines("again", "reset.bin", "how=0")]
    with qemu.Console(machine("console-resets", vms, ["reset"]), 120) as console:
        console.expect("vm again: reset by the guest")
        before = free(console)
        for _ in range(50):
            console.expect("vm again: reset by the guest")
        assert free(console) == before
        finish(console, "console-resets")


def test_keys_that_tell():
    """Help, statistics, the log, explanations, and a key that is none."""
    with qemu.Console(two_lives("console-keys"), 120) as console:
        next_turn(console)
        key(console, "h")
        console.expect(r"Behind Ctrl-A \(vm steady is in front\)")
        console.expect("Ctrl-A   a Ctrl-A for the VM in front")
        key(console, "~")
        console.expect("socle: no such key; Ctrl-A h for help")
        key(console, "7")
        console.expect("socle: there is no VM 7")
        key(console, "s")
        console.expect(r"vm steady: running, started [\d.]+ s ago, 0 resets; 64 MiB")
        console.expect(r"\n\s+0\s+0\s+[\d.]+ s\s+[\d.]+ %\s+[\d.]+ %\s+(\d+)")
        exits = int(console.child.match[1])
        console.expect("exits by reason:")
        console.expect(r"second-level faults: \d+ mapped")
        by_reason = sum(int(n) for n in re.findall(r"^ +(\d+)  ", console.child.before, re.M))
        assert 0 < exits <= by_reason <= exits + 1000
        key(console, "g")
        console.expect(r"vm other: starting")
        explain(console, f"{ADDRESS:x}9\x7f")  # a digit too many, taken back
        console.expect(f"vm steady, vCPU 0: address {ADDRESS:x}")
        console.expect("kernel: reads, writes")
        console.expect(f"guest-physical {ADDRESS:x}: memory of the VM")
        console.expect(r"host-physical [0-9a-f]+, write-back")
        explain(console, f"p{ADDRESS + (1 << 36):x}")
        console.expect("no memory of the VM: a device, or nothing")
        for wrong in "12g4", "p", "0x":
            explain(console, wrong)
            console.expect("socle: not a hexadecimal number")
        key(console, "e")
        console.expect("explain address .*: ")
        console.send("12\x1b")
        time.sleep(0.1)
        key(console, "z")  # paused: its tables are known all the same
        console.expect("vm steady: paused")
        explain(console, f"{ADDRESS:x}")
        console.expect(r"host-physical [0-9a-f]+, write-back")
        key(console, "pn")
        console.expect("vm later: in front")
        console.expect("socle: vm later is off")
        console.expect("vm steady: in front")
        key(console, "r")
        next_turn(console)
        finish(console, "console-keys")


def test_who_ends_the_machine():
    """A VM that waits does not keep the machine on when the last one has ended itself ..."""
    vms = [
        vm_lines("first", "spin.bin", "ms=100"),
        vm_lines("later", "spin.bin", "ms=100") + "\tautostart no\n",
    ]
    result = qemu.run(machine("console-end", vms, ["spin"]), 60)
    check_sound(result)
    assert result.status is Status.POWERED_OFF, tail(result.log)
    assert "vm later: starting" not in result.log


def test_operator_keeps_the_machine():
    """... but it waits for the operator where nothing was started, or what ran was stopped."""
    vms = [vm_lines("later", "spin.bin", "ms=3000") + "\tautostart no\n"]
    with qemu.Console(machine("console-wait", vms, ["spin"]), 60) as console:
        console.expect("no VM is to be started by itself")
        console.send("\r")
        console.expect("socle: vm later is off; Ctrl-A b starts it")
        key(console, "b")
        console.expect("vm later: starting")
        key(console, "K")
        console.expect("vm later: stopped")
        assert listed(console)[0]["later"][0] == "off"
        key(console, "b")
        console.expect("vm later: powered off by the guest")
        assert console.finish() == Status.POWERED_OFF


def test_shares():
    """Four VMs of unequal load: who wants less than his share gets all of it, who waits costs nothing."""
    loads = {"full": (100, 100), "also": (100, 100), "tenth": (2, 20), "none": (0, 0)}
    vms = [
        vm_lines(name, "load.bin", f"busy={busy} period={period}")
        for name, (busy, period) in loads.items()
    ]
    with qemu.Console(machine("console-shares", vms, ["load"], **counted()), 180) as console:
        console.expect("tiny: load")
        key(console, "2")
        console.expect("tiny: load")
        key(console, "3")
        console.expect("tiny: load")
        _, before = listed(console), time.sleep(4)
        first, _ = listed(console)
        time.sleep(6)
        second, _ = listed(console)
        shares = {name: second[name][1] for name in loads}
        assert 8 <= shares["tenth"] <= 13, shares
        assert shares["none"] == 0 and second["none"][2] == first["none"][2], (first, second)
        assert abs(shares["full"] - shares["also"]) < 3, shares
        assert 97 < sum(shares.values()) <= 100.3, shares
        finish(console, "console-shares")


def test_nobody_reaches_another():
    """A guest that looks for memory all over the guest-physical addresses, on each of its vCPUs;
    another one loses nothing."""
    vcpus = 2
    vms = [vm_lines("sweep", "sweep.bin", f"vcpus={vcpus}", vcpus=vcpus), vm_lines("steady", "life.bin")]
    with qemu.Console(machine("console-sweep", vms, ["sweep", "life"]), 180) as console:
        places = set()
        for vcpu in range(vcpus):
            console.expect(rf"tiny: vCPU {vcpu}: (\d+) places")
            places.add(int(console.child.match[1]))
        assert len(places) == 1 and min(places) > 32768
        console.expect("vm sweep: powered off by the guest")
        console.expect("vm steady: in front")
        turn = next_turn(console)
        assert next_turn(console) > turn
        finish(console, "console-sweep")


def test_linux_is_paused():
    """Linux goes on after a pause and, where it can be told of it, does not take it for a hang; and
    Ctrl-A reaches it. One vCPU: of several, one may miss another's time before it looks at its own."""
    options = f"{CONSOLE} quiet rcupdate.rcu_cpu_stall_timeout=3"
    vms = [vm_lines("linux", "vmlinuz", options, 256, initrd=True)]
    guest = machine("console-linux", vms, linux=True, memory=256 + 256)
    with qemu.Console(guest, 120) as console:
        console.expect("socle-guest: userspace reached")
        console.expect("# ")
        console.send("cat -v\r")
        key(console, "\x01")
        console.send("\r")
        console.expect(r"\n\^A\r")
        console.send("\x03")
        console.expect("# ")
        key(console, "z")
        console.expect("vm linux: paused")
        console.send("echo typed-$((40 + 2))\r")  # for later
        time.sleep(8)
        key(console, "r")
        console.expect("vm linux: goes on")
        console.expect("\ntyped-42")
        console.send("sleep 5; dmesg | grep -cE 'stalls? on'; echo no-$((40 + 3))\r")
        console.expect(r"\n(\d+)\r\n")
        stalls = int(console.child.match[1])
        assert stalls == 0 or qemu.TARGET is qemu.ARM64
        console.expect("no-43\r")
        key(console, "R")
        console.expect("vm linux: reset from the console")
        console.expect("socle-guest: userspace reached")
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF
