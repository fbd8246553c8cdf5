# SPDX-License-Identifier: Apache-2.0
"""A run in which no test passed is a failed run, whatever pytest thinks of it.

SOCLE_ARCH says which architecture's files are run; a file of no name below is for both. The tests run
side by side, by pytest-xdist, as many as the Makefile's JOBS says.
"""

import os
import sys
from pathlib import Path

import pytest
from xdist.scheduler import LoadScheduling

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))  # mkimage, mkusb

FILES = {"x86_64": ["test_x86.py"], "arm64": ["test_arm64.py"]}
ARCH = os.environ.get("SOCLE_ARCH", "x86_64")
collect_ignore = [name for arch, names in FILES.items() if arch != ARCH for name in names]


# Minutes, not seconds: begun first, so that no CPU is idle at the end.
LONG = ["skylake-linux", "arrandale-linux", "nested-linux", "test_smp", "inner-linux", "test_vms", "vmlinux",
        "selftest", "machine-", "console", "no_serial"]  # fmt: skip


class OneAhead(LoadScheduling):
    """A worker has the test that it runs and the next one; by default it has dozens, long ones or short."""

    def _send_tests(self, node, num):
        super()._send_tests(node, min(num, 2 - len(self.node2pending[node])))


def pytest_xdist_make_scheduler(config, log):
    return OneAhead(config, log)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONG))


def passed_count(reporter):
    return len(reporter.stats.get("passed", []))


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"system tests passed: {passed_count(terminalreporter)}")


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not reporter:
        return  # a worker's
    if exitstatus == 0 and not session.config.option.collectonly and passed_count(reporter) == 0:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
