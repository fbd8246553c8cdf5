# SPDX-License-Identifier: Apache-2.0
"""The loader, the screen, the ends of a run, and machines of several kinds: one row each."""

import pytest

import linux_guest  # pylint: disable=unused-import  # finds mkimage for all
import qemu
from machine_rows import ROWS

if qemu.TARGET is qemu.ARM64:
    import machine_rows_arm64  # pylint: disable=unused-import
else:
    import machine_rows_x86  # pylint: disable=unused-import


@pytest.mark.parametrize("name", ROWS)
def test_boot(name):
    ROWS[name]()
