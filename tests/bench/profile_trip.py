#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where the instructions of a round trip go, function by function.

    profile_trip.py [--arch arm64] --efi BOOTX64.EFI --core socle.elf --guest guest.bin [--lines]
                    OPERATION...

The bench guest repeats one operation for ever; QEMU's monitor then turns on single-stepping and the
log of executed instructions for a moment. Every round trip from one time the guest is left to
the next is counted; the median one is shown. --lines lists it instruction by instruction.
"""

import argparse
import bisect
import json
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import machine
import machine_arm64
from machine import BenchError, qemu

# "Trace 0: host-address [cs_base/pc/flags/cflags] symbol": one instruction in single-step mode.
TRACE = re.compile(rb"^Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")


# What the guest prints before its loop: where it has been loaded, if that is not where it was linked.
READY = re.compile(rb"bench: profile (\d+) ")


@dataclass
class Target:
    """An architecture: where the core is linked, whose tools read it, how it is run."""

    core_va: int
    tools: str
    machine: callable


TARGETS = {
    "x86_64": Target(0xFFFFFFFF80000000, "", machine.socle_machine),
    "arm64": Target(0xFFFF80000000, "aarch64-linux-gnu-", machine_arm64.socle_machine),
}


class Monitor:
    """QEMU's machine protocol, for human monitor commands."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair()
        self.lines = self.ours.makefile("rb")

    @property
    def arguments(self):
        fd = self.theirs.fileno()
        return ["-chardev", f"socket,id=mon,fd={fd}", "-mon", "chardev=mon,mode=control"]

    def start(self):
        self.theirs.close()
        self.lines.readline()
        self.call("qmp_capabilities")

    def call(self, command, **arguments):
        text = json.dumps({"execute": command, "arguments": arguments})
        self.ours.sendall(text.encode() + b"\n")
        while True:
            answer = json.loads(self.lines.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")

    def human(self, line):
        answer = self.call("human-monitor-command", **{"command-line": line})
        if answer.strip():
            raise RuntimeError(f"{line}: {answer.strip()}")


def wait_for(path, pattern, process, timeout):
    """Until the serial log has a match; returns that."""
    end = time.monotonic() + timeout
    while not (match := pattern.search(path.read_bytes())):
        if process.poll() is not None or time.monotonic() > end:
            raise TimeoutError(f"no '{pattern.pattern.decode()}' in {path}")
        time.sleep(0.2)
    return match


def single_step(monitor):
    """Older QEMUs have another name for it."""
    try:
        monitor.human("one-insn-per-tb on")
    except RuntimeError:
        monitor.human("singlestep on")


def trace(traced, path, seconds=0.2, timeout=300):
    """Runs a machine to the guest's loop; the log of some round trips goes to path.

    Returns the guest's address."""
    monitor = Monitor()
    path.unlink(missing_ok=True)
    command = traced.command() + monitor.arguments
    with open(traced.log_path, "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            pass_fds=[monitor.theirs.fileno()],
        )  # fmt: skip
        try:
            monitor.start()
            base = wait_for(traced.log_path, READY, process, timeout).group(1)
            # Not between "stop" and "cont": QEMU 7.2 may lose a stop that meets a #VMEXIT.
            monitor.human(f"logfile {path}")
            single_step(monitor)
            monitor.human("log exec,nochain")
            time.sleep(seconds)
            monitor.human("log none")
            return int(base)
        finally:
            qemu.stop(process)


def read_trace(path):
    """Yields addresses; an instruction that QEMU began twice counts once."""
    pending = None
    with open(path, "rb") as log:
        for line in log:
            match = TRACE.match(line)
            if match:
                if pending is not None:
                    yield pending
                pending = int(match.group(1), 16)
            elif line.startswith(b"Stopped execution"):
                pending = None
    if pending is not None:
        yield pending


class Symbols:
    """Functions of a file by address."""

    def __init__(self, target, file, base=0):
        command = [target.tools + "nm", "-n", str(file)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        # Not AArch64's mapping symbols ($x, $d), nor an entry in the middle of what goes on behind.
        found = re.findall(r"^([0-9a-f]+) [tTwW] ([^\s$]+)$", text, re.M)
        rows = sorted((base + int(address, 16), name) for address, name in found)
        self.starts = [row[0] for row in rows]
        self.names = [row[1] for row in rows]

    def name(self, address):
        at = bisect.bisect_right(self.starts, address) - 1
        return self.names[at] if at >= 0 else "?"


def round_trips(addresses, core_va, symbols):
    """{guest function that was left: the core's addresses until it went on, one list a time}"""
    trips, trip, left = {}, None, None
    for address in addresses:
        if address >= core_va:
            if trip is not None:
                trip.append(address)
            continue
        if trip:
            trips.setdefault(symbols.name(left), []).append(trip)
        trip, left = [], address
    return trips


def median_trip(trips):
    return sorted(trips, key=len)[len(trips) // 2]


def measure(target, efi, core, guest, operation):
    """The round trips that an operation takes."""
    files = (guest, None, f"profile={operation}")
    path = guest.with_name("profile.trace")
    base = trace(target.machine("bench-profile", efi, files, counted=False), path)
    symbols = Symbols(target, guest.with_suffix(".elf"), base)
    trips = round_trips(read_trace(path), target.core_va, symbols)
    if not trips:
        raise BenchError(f"{operation}: no round trip was seen; the log is {path}")
    return trips


def report(target, operation, trips, core):
    """Lines: per function of the guest, the core's functions by their share."""
    symbols = Symbols(target, core)
    lines = []
    for function, those in trips.items():
        trip = median_trip(those)
        counts = Counter(symbols.name(address) for address in trip)
        lines.append(
            f"{operation}, out of {function}: {len(trip)} instructions in Socle (median of "
            f"{len(those)}; {min(map(len, those))} to {max(map(len, those))})"
        )
        lines += [f"  {count:5} {name}" for name, count in counts.most_common()]
    return lines


def listing(target, trip, core):
    """The round trip with the disassembly of each instruction."""
    command = [target.tools + "objdump", "-d", "--no-show-raw-insn", str(core)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    code = dict(re.findall(r"^\s*(ffff[0-9a-f]{8,12}):\s*(.*)$", text, re.M))
    symbols = Symbols(target, core)
    return [
        f"  {symbols.name(address):24} {address:x} {code.get(f'{address:x}', '?')}"
        for address in trip
    ]


def main():
    parser = argparse.ArgumentParser()
    for name in ("efi", "core", "guest"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--arch", choices=TARGETS, default="x86_64")
    parser.add_argument("--lines", action="store_true")
    parser.add_argument("operation", nargs="+")
    arguments = parser.parse_args()
    target = TARGETS[arguments.arch]
    for operation in arguments.operation:
        trips = measure(target, arguments.efi, arguments.core, arguments.guest, operation)
        print(*report(target, operation, trips, arguments.core), sep="\n", flush=True)
        if arguments.lines:
            for those in trips.values():
                print(*listing(target, median_trip(those), arguments.core), "", sep="\n")


if __name__ == "__main__":
    main()
