# SPDX-License-Identifier: Apache-2.0
"""Stock Linux on Socle: one row per test."""

import pytest

import qemu
from linux_guest import (
    Row, bare_machine, check_selftest, quick_machine, row_ids, row_machine, use_console,
)  # fmt: skip
from qemu import Status

ON_SOCLE = [
    Row("selftest-6.1-usb", "6.1", disk="usb"),
    Row("selftest-128M-nox2apic", "6.12", memory=128, disk="", options="nox2apic"),
]


@pytest.mark.parametrize("row", ON_SOCLE, ids=row_ids(ON_SOCLE))
def test_selftest(row):
    check_selftest(qemu.run(row_machine(row), row.timeout))


def test_reset_is_not_power_off():
    """The harness's own: a machine that resets must never count as a good end."""
    machine = bare_machine("bare-reset", "6.12", "rdinit=/bin/busybox -- reboot -f")
    assert qemu.run(machine, 60).status == Status.MACHINE_RESET


def test_console():
    assert use_console(quick_machine("console", "6.12", "quiet")) == Status.POWERED_OFF
