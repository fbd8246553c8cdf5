# SPDX-License-Identifier: Apache-2.0
"""ARM64: whether the harness itself can be trusted, and a user at the console; see test_boot.py."""

import struct

import pytest

import qemu
from linux_guest import (
    Row, bare_machine, check_selftest, selftest_options, socle_machine, use_console,
)  # fmt: skip
from qemu import Status

BARE = Row("bare-6.12", "6.12")


def test_selftest_without_socle():
    """The self-test's own: what it demands is what a machine has."""
    machine = bare_machine(BARE.name, BARE.kernel, selftest_options(BARE), BARE.memory)
    check_selftest(qemu.run(machine, BARE.timeout))


def test_reset_is_not_power_off():
    """The harness's own: a machine that resets must never count as a good end."""
    machine = bare_machine("bare-reset", "6.12", "rdinit=/bin/busybox -- reboot -f")
    assert qemu.run(machine, 60).status == Status.MACHINE_RESET


@pytest.mark.parametrize("status", [Status.GUEST_DIED, Status.PANIC])
def test_debug_exit(status, tmp_path):
    """The harness's own: how Socle ends QEMU with a status, and that a guest gets no file by it."""
    opened = tmp_path / "opened"
    program = tmp_path / "program"
    program.write_bytes(semihosting_program(str(opened), status))
    machine = qemu.Machine(f"bare-exit-{int(status)}", firmware=False)
    machine.extra = ["-kernel", str(program)]
    assert qemu.run(machine, 20).status == status
    assert not opened.exists()


def semihosting_program(path, status):
    """A flat image: SYS_OPEN (1) of a file to write (mode 4), then SYS_EXIT_EXTENDED (0x20)."""
    code = [
        0x10000181,  # adr x1, 0x30
        0x100002A2,  # adr x2, 0x58
        0xF9000022,  # str x2, [x1]
        0xD2800020,  # mov x0, #1
        0xD45E0000,  # hlt #0xf000
        0x100001A1,  # adr x1, 0x48
        0xD2800400,  # mov x0, #0x20
        0xD45E0000,  # hlt #0xf000
        0x14000000,  # b .
    ]
    image = b"".join(word.to_bytes(4, "little") for word in code).ljust(0x30, b"\0")
    return image + struct.pack("<5Q", 0, 4, len(path), 0x20026, status) + path.encode() + b"\0"


def test_console():
    assert use_console(socle_machine("console", "6.12", "quiet")) == Status.POWERED_OFF
