#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""kvm-unit-tests as guests, beside the bare emulator: `make kut KUT=dir [ARCH=arm64] [T=regex]`.

    run_kut.py DIR [REGEX] [--on bare,socle,bochs] [--cpus N] ...

DIR is a folder in which the user has configured and built them: its x86/ or arm/ holds the .flat
files and unittests.cfg, which says what to run. Nothing is fetched or built here. A row of the table is
a test, a column a machine: the emulator's own CPU (bare), Socle on it (socle), Socle on Bochs' Skylake
(bochs); a field: passed/failed/skipped, and how the run ended unless it ended with the status of success.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))

# pylint: disable=wrong-import-position
import bochs
import mkimage
import qemu
from linux_guest import EFI
from qemu import Status

X86 = qemu.TARGET is qemu.X86_64
MADT = Path(os.environ.get("SOCLE_MADT", "build/x86_64/guest/madt.efi"))
MAX_SMP = 4
OWN_MEMORY = 256  # MiB: firmware and Socle
SUCCESS = "status 1"  # that a test passes with
# Tests of what Socle's guests are not offered: nested virtualisation, Hyper-V's and VMware's interfaces,
# a PMU, an IOMMU, PCI and ITS devices, GICv2, MTE; and those that need QEMU's help (migration, testdev's
# memory) or a BIOS, whose timer interrupt realmode halts for.
OMITTED = re.compile(
    r"svm.*|vmx_(?!exit).*|vmx|ept.*|hyperv.*|vmware.*|pmu.*|intel_iommu|s3|cet|lam|rdpru|tsx.*|pks"
    r"|access[-_].*|emulator|realmode|gicv2.*|its.*|pci-test|mte.*|micro.*|.*migration"
)


@dataclass
class Test:
    """A section of unittests.cfg."""

    name: str
    file: Path
    smp: int
    memory: int
    arguments: str
    timeout: int


def read_tests(folder):
    """What the folder holds of unittests.cfg, less what is omitted."""
    parser = RawConfigParser(strict=False, interpolation=None)
    parser.read(folder / "unittests.cfg", "utf-8")
    for name in parser.sections():
        get = parser[name].get
        file, smp = folder / get("file"), get("smp", "1")
        if OMITTED.fullmatch(name) or not file.exists():
            continue
        memory = re.search(r"-m (\d+)", get("qemu_params", ""))
        yield Test(
            name, file, int(smp) if smp.isdigit() else MAX_SMP,
            int(memory.group(1)) if memory else 512,
            # Of kvmclock_test; the machine takes its time to start.
            get("test_args", "").strip("'\"").replace("`date +%s`", f"{int(time.time())} 600"),
            int(get("timeout", "60").rstrip("s")),
        )  # fmt: skip


def environment(test):
    """What a test asks for where there is no fw_cfg."""
    return f"NR_CPUS={test.smp}\nMEMSIZE={test.memory}\nTEST_DEVICE=0\n".encode()


def bare_run(test, _cpus, options):
    """The test on the emulator alone."""
    env = Path(f"build/system/kut-{test.name}.env")
    env.parent.mkdir(parents=True, exist_ok=True)
    env.write_bytes(environment(test))
    extra = ["-kernel", str(test.file), "-initrd", str(env), "-append", test.arguments]
    x2apic = ",+x2apic" if X86 and qemu.qemu_major() >= 9 else ""
    machine = qemu.Machine(
        f"kut-bare-{test.name}", kind=qemu.TARGET.bare_kind, firmware=False, memory=test.memory,
        cpus=test.smp, accelerator=qemu.tcg(qemu.TARGET.bare_cpu + x2apic), extra=extra,
    )  # fmt: skip
    # A test ends by isa-debug-exit with its own status, which need not be one of Socle's.
    try:
        done = subprocess.run(
            machine.command(), capture_output=True, timeout=test.timeout * options.patience,
            check=False,
        )  # fmt: skip
        status, log = done.returncode, done.stdout
    except subprocess.TimeoutExpired as expired:
        status, log = Status.TIMEOUT, expired.stdout or b""
    env.unlink()
    machine.log_path.write_bytes(log)
    return log.decode("utf-8", errors="replace"), f"status {status}"


def stick(name, test, loaders):
    """A stick with the test as its one VM; loaders: the files that the firmware starts Socle by."""
    lines = ["vm kut", f"\tmemory {test.memory}M", f"\tvcpus {test.smp}"]
    if X86:
        lines += ["\tmultiboot \\kut\\test", "\tmodule \\kut\\env", "\tdebug-exit 0xf4"]
    else:
        lines += ["\traw \\kut\\test", "\tinitrd \\kut\\env"]
    if test.arguments:
        lines.append(f"\toptions {test.arguments}")
    image = Path(f"build/system/{name}.img")
    config = mkimage.configuration(["\n".join(lines) + "\n"], True).encode()
    files = {"socle/socle.conf": config, "kut/test": test.file, "kut/env": environment(test)}
    mkimage.write_image(image, loaders | files)
    return image


def socle_run(test, cpus, options):
    """The test on Socle in QEMU."""
    name = f"kut-socle-{test.name}"
    image = stick(name, test, {f"EFI/BOOT/{qemu.TARGET.loader}": EFI})
    machine = qemu.Machine(name, image=image, memory=test.memory + OWN_MEMORY, cpus=cpus)
    result = qemu.run(machine, test.timeout * options.patience)
    image.unlink()
    return result.log, result.status.name


def bochs_run(test, cpus, options):
    """The test on Socle in Bochs."""
    name = f"kut-{options.model}-{test.name}"
    image = stick(name, test, bochs.loader_files(EFI, MADT, cpus))
    machine = bochs.Machine(
        name, image=image, cpu=options.model, cpus=cpus, memory=test.memory + OWN_MEMORY,
        errors="ignore",
    )  # fmt: skip
    result = bochs.run(machine, test.timeout * options.patience)
    image.unlink()
    return result.log, result.status.name


MACHINES = {"bare": bare_run, "socle": socle_run, "bochs": bochs_run}


def field(test, machine, options):
    """Runs a test on a machine: the table's field."""
    log, end = MACHINES[machine](test, min(test.smp, options.cpus), options)
    told = re.findall(r"vm kut: debug exit: value \d+, status (\d+)|EXIT: STATUS=(\d+)", log)
    if told:
        end = f"status {told[-1][0] or told[-1][1]}"
    died = re.search(r"vm kut: stopped: (.*)", log)
    if died:
        end = died.group(1).strip()
    counts = "/".join(
        str(len(re.findall(rf"^{word}: ", log, re.M))) for word in ("PASS", "FAIL", "SKIP")
    )
    return counts + ("" if end == SUCCESS else f" {end}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="?", default="", help="regular expression")
    parser.add_argument("--on", default="bare,socle", help="columns, of: bare, socle, bochs")
    parser.add_argument("--model", default=bochs.SKYLAKE, help="CPU of Bochs")
    parser.add_argument("--cpus", type=int, default=2, help="at most, of the machine with Socle")
    parser.add_argument("--patience", type=int, default=4, help="times the test's own timeout")
    options = parser.parse_args()
    folder = options.folder / ("x86" if X86 else "arm")
    tests = [t for t in read_tests(folder) if re.search(options.names, t.name)]
    if not tests:
        sys.exit(f"kut: no test to run in {folder}: its unittests.cfg and .flat files are wanted")
    columns = options.on.split(",")
    print(f"| test | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}", flush=True)
    with ThreadPoolExecutor(2) as pool:
        rows = [[pool.submit(field, test, name, options) for name in columns] for test in tests]
        for test, row in zip(tests, rows):
            print(f"| {test.name} | {' | '.join(f.result() for f in row)} |", flush=True)


if __name__ == "__main__":
    main()
