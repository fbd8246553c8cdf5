# SPDX-License-Identifier: Apache-2.0
"""A run in which no test passed is a failed run, whatever pytest thinks of it.

SOCLE_ARCH says which architecture's files are run; a file of no name below is for both.
"""

import os

import pytest

FILES = {"x86_64": ["test_x86.py"], "arm64": ["test_arm64.py"]}
ARCH = os.environ.get("SOCLE_ARCH", "x86_64")
collect_ignore = [name for arch, names in FILES.items() if arch != ARCH for name in names]


def passed_count(reporter):
    return len(reporter.stats.get("passed", []))


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"system tests passed: {passed_count(terminalreporter)}")


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and not session.config.option.collectonly and passed_count(reporter) == 0:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
