# SPDX-License-Identifier: Apache-2.0
"""The loader, the screen, the ends of a run, and machines of several kinds: one row each.

The rows run side by side, one per CPU, and each test waits for its own.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

import linux_guest  # pylint: disable=unused-import  # finds mkimage for all
import qemu
from machine_rows import ROWS

if qemu.TARGET is qemu.ARM64:
    import machine_rows_arm64  # pylint: disable=unused-import
else:
    import machine_rows_x86  # pylint: disable=unused-import


@pytest.fixture(scope="module")
def verdicts(request):
    """The selected rows, as futures."""
    selected = [
        item.callspec.params["name"]
        for item in request.session.items
        if item.module is request.module and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield {name: pool.submit(ROWS[name]) for name in selected}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", ROWS)
def test_boot(name, verdicts):
    verdicts[name].result()
