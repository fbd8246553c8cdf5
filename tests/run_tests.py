#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make test`: host tests, checks of the image, system tests. Ends with "N passed, N failed"."""

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor


# Our steps have the CPUs for themselves: the jobs of the make that runs us do not count for them.
ENVIRONMENT = dict(
    os.environ, MAKEFLAGS=re.sub(r" ?-j\d*| ?--jobserver-\S+", "", os.environ.get("MAKEFLAGS", ""))
)  # fmt: skip


def run(name, command):
    """Runs one step, showing its output as it comes. Returns (ok, output)."""
    start = time.monotonic()
    print(f"== {name}", flush=True)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        env=ENVIRONMENT,
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if not line.startswith(("[ RUN", "[       OK")):
                print(line, end="", flush=True)
        process.wait()
    ok = process.returncode == 0
    print(f"== {name}: {'ok' if ok else 'FAILED'}, {time.monotonic() - start:.0f} s", flush=True)
    return ok, "".join(lines)


def run_host_test(program):
    """Like run(), one of several at a time: shown whole when it has ended."""
    start = time.monotonic()
    result = subprocess.run(
        [program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        check=False,
    )  # fmt: skip
    ok, name = result.returncode == 0, os.path.basename(program)
    shown = [l for l in result.stdout.splitlines() if not l.startswith(("[ RUN", "[       OK"))]
    seconds = f"{time.monotonic() - start:.0f} s"
    print("\n".join([*shown, f"== {name}: {'ok' if ok else 'FAILED'}, {seconds}"]), flush=True)
    return name, host_counts(ok, result.stdout)


def host_counts(ok, output):
    """cmocka's closing lines; a program that ended before them counts as one failure."""
    passed = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", output))
    failed = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", output))
    return passed, max(failed, 0 if ok and passed else 1)


def pytest_counts(ok, output):
    """pytest's closing line."""
    last = re.findall(r"^=+ (.*) in [\d.]+s.*=+$", output, re.M)
    text = last[-1] if last else ""

    def number(word):
        found = re.search(rf"(\d+) {word}", text)
        return int(found.group(1)) if found else 0

    passed, failed = number("passed"), number("failed") + number("error")
    return passed, max(failed, 0 if ok and passed else 1)


def step_counts(ok, _output):
    return (1, 0) if ok else (0, 1)


def make(*arguments):
    return ["make", f"-j{os.cpu_count()}", "--no-print-directory", *arguments]


IMAGES = {"x86_64": ["BOOTX64.EFI", "socle.mb"], "arm64": ["BOOTAA64.EFI"]}


def arch_steps(arch):
    """What is built and run for each architecture."""
    core = f"build/{arch}/socle.elf"
    images = [f"build/{arch}/{image}" for image in IMAGES[arch]]
    yield f"{arch}: newlib", make(f"ARCH={arch}", "newlib-test"), step_counts
    yield f"{arch}: no FP or SIMD in the core", ["tests/check_simd.py", core], step_counts
    yield f"{arch}: W^X", ["tests/check_elf.py", core], step_counts
    yield f"{arch}: builds", ["tests/check_build.sh", arch, *images], step_counts
    yield f"{arch}: system", make(f"ARCH={arch}", "system-test"), pytest_counts
    if arch == "x86_64":
        yield f"{arch}: VMX, on Bochs", make(f"ARCH={arch}", "test-vmx"), pytest_counts


def steps(arguments):
    yield "layers", ["tests/check_layers.py"], step_counts
    yield "headers alone", ["tests/check_headers.sh"], step_counts
    yield "sizes", ["tests/check_size.py"], step_counts
    yield "coverage of mm/ and nested/", make("cover"), step_counts
    yield "seeded bugs in mm/ and nested/", make("mutants"), step_counts
    yield "fuzzing, briefly", make("fuzz", "FUZZ_SECONDS=2"), step_counts
    for arch in arguments.arch:
        yield from arch_steps(arch)


def results(arguments):
    """Of each step its name and (passed, failed)."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(run_host_test, arguments.host_tests)
    for name, command, counts in steps(arguments):
        yield name, counts(*run(name, command))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", nargs="+", required=True, choices=IMAGES)
    parser.add_argument("--host-tests", nargs="+", required=True)
    arguments = parser.parse_args()
    passed = failed = 0
    failures = []
    for name, (good, bad) in results(arguments):
        passed += good
        failed += bad
        if bad:
            failures.append(name)
    if failures:
        print("failed: " + ", ".join(failures))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
