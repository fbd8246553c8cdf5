# SPDX-License-Identifier: Apache-2.0
"""The loader, the screen, the ends of a run, and machines of several kinds: one row each.

The environment says what to test, see test_x86.py; SOCLE_CORE and SOCLE_FONT name the core's ELF
file and its font. The rows run side by side, one per CPU, and each test waits for its own.
"""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))

# pylint: disable=wrong-import-position
import mkimage
import qemu
import screen
from gdbstub import GdbStub
from qemu import Status
from test_x86 import EFI, INITRD, KERNELS, check_selftest, socle_machine, tail

CORE = Path(os.environ.get("SOCLE_CORE", "build/x86_64/socle.elf"))
CORE_VA = 0xFFFFFFFF80000000
KERNEL = KERNELS / "6.12" / "vmlinuz"
VGA = ["-device", "VGA"]
TIMEOUT = 60

ROWS = {}


def row(name, *arguments):
    """Registers a row: its name and what to call for it."""

    def register(function):
        assert name not in ROWS
        ROWS[name] = lambda: function(name, *arguments)
        return function

    return register


def read_log(machine):
    return machine.log_path.read_text("utf-8", errors="replace")


# What the loader says where it cannot start Socle, and that it goes back to the firmware.


def loader_machine(name, config, kernel=KERNEL, cpu=qemu.TCG_CPU, memory=512):
    """A machine whose loader finds this configuration (None: none) and this kernel."""
    files = {"EFI/BOOT/BOOTX64.EFI": EFI}
    if config is not None:
        files["socle/socle.conf"] = config.encode()
    if kernel is not None:
        files["guests/vmlinuz"] = kernel
    image = Path(f"build/system/{name}.img")
    mkimage.write_image(image, files)
    accelerator = qemu.Accelerator("TCG", ["-accel", "tcg", "-cpu", cpu])
    return qemu.Machine(name, image=image, memory=memory, accelerator=accelerator)


def loader_report(machine, answer=""):
    """The report, its lines joined; the firmware has to go on with the next boot option."""
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("Socle: UEFI loader")
        if answer:
            console.expect("Press a key")
            console.send(answer)
        console.expect("Returning to the firmware.")
        console.expect("BdsDxe: failed to start Boot[^\n]*: ([^:\n]*)\n")
        console.expect("BdsDxe: (loading|starting) Boot")
    machine.image.unlink()
    report = read_log(machine).partition("Socle: UEFI loader")[2]
    report = report.partition("Returning to the firmware.")[0]
    assert "Starting the hypervisor" not in report
    return " ".join(report.split())


def config_text(*lines):
    return "\n".join(["# A comment", "vm linux", "\tlinux \\guests\\vmlinuz", *lines, ""])


def config_problem(line, field, problem):
    return (
        "Socle cannot start: the configuration is wrong. "
        f"file \\socle\\socle.conf line {line} field {field} problem {problem}"
    )


NOT_FOUND = (
    "Socle cannot start: a file could not be read. "
    "needs {}, on the volume that holds this loader found not found"
)
BAD_KERNEL = (
    "Socle cannot start: vm linux has an image that cannot boot. "
    "file \\guests\\vmlinuz field {} problem {}"
)
NEEDS_SVM = (
    "This machine cannot run Socle: needs AMD virtualisation, SVM (CPUID 8000_0001 ECX bit 2) "
    "found {}"
)


@row("report-no-config", None, NOT_FOUND.format("\\socle\\socle.conf"))
@row(
    "report-unknown-key",
    config_text("\tmemory 128M", "\tcolour red"),
    config_problem(5, "colour", "unknown; expected linux, initrd, options, memory, vcpus or vm"),
)
@row(
    "report-bad-memory",
    config_text("\tmemory plenty"),
    config_problem(
        4,
        "memory",
        'expected a size such as 512M: a multiple of 2M from 32M to 1024G, found "plenty"',
    ),
)
@row(
    "report-no-initrd",
    config_text("\tinitrd \\guests\\absent.img"),
    NOT_FOUND.format("\\guests\\absent.img"),
)
@row("report-folder", config_text("\tinitrd \\guests"), "needs \\guests, on the volume")
def report_config(name, config, expected):
    report = loader_report(loader_machine(name, config))
    assert expected in report, report


@row("report-no-kernel", None, NOT_FOUND.format("\\guests\\vmlinuz"))
@row(
    "report-not-a-kernel",
    bytes(4096),
    BAD_KERNEL.format("boot_flag", "expected 0xaa55 as in every bzImage, found 0x0000"),
)
@row(
    "report-short-kernel",
    b"MZ",
    BAD_KERNEL.format("size", "expected a bzImage of at least 616 bytes, found 2"),
)
def report_kernel(name, kernel, expected):
    report = loader_report(loader_machine(name, config_text("\tmemory 128M"), kernel))
    assert expected in report, report


@row("report-cut-kernel")
def report_cut_kernel(name):
    whole = KERNEL.read_bytes()
    needed = (whole[0x1F1] + 1) * 512 + int.from_bytes(whole[0x1F4:0x1F8], "little") * 16
    machine = loader_machine(name, config_text("\tmemory 128M"), whole[: 1 << 20])
    report = loader_report(machine)
    problem = f"expected {needed} bytes, found {1 << 20}: the file is cut off"
    assert BAD_KERNEL.format("syssize", problem) in report, report


@row("report-too-large")
def report_too_large(name):
    """The sum has to be right, and what is found less than what is there."""
    report = loader_report(loader_machine(name, config_text("\tmemory 4096M")))
    numbers = re.search(
        r"this machine has not enough memory\. needs (\d+) MiB: (\d+) for VMs, (\d+) for their "
        r"images, (\d+) for Socle found (\d+) MiB free",
        report,
    )
    assert numbers, report
    total, vms, images, own, free = map(int, numbers.groups())
    assert vms == 4096 and total == vms + images + own
    assert images == -(-KERNEL.stat().st_size // (1 << 20))
    assert 256 < free < 512


@row("report-no-room")
def report_no_room(name):
    """A VM too small for its own kernel."""
    report = loader_report(loader_machine(name, config_text("\tmemory 32M")))
    assert re.search(
        r"the images of vm linux do not fit in it\. file \S+ line 2 and below field memory problem "
        r"expected at least \d+M for its kernel and initrd, found 32M",
        report,
    ), report


@row("report-no-svm", "qemu64,-svm", "no SVM; this machine is itself virtual: switch nested")
@row("report-intel", "Haswell-v1", "Intel VMX, which this version does not support yet")
def report_cpu(name, cpu, found):
    report = loader_report(loader_machine(name, config_text("\tmemory 128M"), cpu=cpu))
    assert NEEDS_SVM.format(found) in report, report


@row("report-both")
def report_both(name):
    """What is wrong with the machine does not hide what is wrong with the configuration."""
    report = loader_report(loader_machine(name, config_text("\tcpus 1"), cpu="qemu64,-svm"))
    assert NEEDS_SVM.format("no SVM") in report, report
    assert config_problem(4, "cpus", "unknown") in report, report


@row("report-key")
def report_key(name):
    """With a screen the report stays until somebody has read it."""
    machine = loader_machine(name, None)
    machine.extra = VGA
    report = loader_report(machine, answer=" ")
    assert NOT_FOUND.format("\\socle\\socle.conf") in report, report
    assert "No key was pressed" not in report, report


# The screen.


def expect_on_screen(console, patterns, timeout=TIMEOUT):
    """Looks at the screen until a line matches each pattern; returns its text."""
    picture = qemu.LOGS / f"{console.name}.ppm"
    end = time.monotonic() + timeout
    rows = []
    while time.monotonic() < end and console.qmp.execute("screendump", filename=str(picture)):
        rows = screen.read_text(picture)
        if all(any(re.search(pattern, text) for text in rows) for pattern in patterns):
            return rows
        time.sleep(0.5)
    raise AssertionError("not on the screen: " + ", ".join(patterns) + "\n" + "\n".join(rows))


SHOWN = [
    r"^\[socle \d+\.\d{3}\] SVM: revision 1, ",
    r"^\[socle \d+\.\d{3}\] vm linux: starting, 512 MiB, 1 vCPU$",
    r"^socle-guest: userspace reached$",
]


@row("screen")
def screen_and_serial(name):
    machine = socle_machine(name, "6.12", "quiet")
    machine.extra = VGA
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("userspace reached")
        console.expect("/ # ")
        console.send("echo $((6 * 7))-works\r")
        expect_on_screen(console, [*SHOWN, "^/ # ", "^42-works$"])
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF


@row("screen-only")
def screen_only(name):
    """No serial port: the screen shows it all."""
    machine = socle_machine(name, "6.12", "quiet socle.test socle.mem=512M")
    machine.extra = VGA
    with qemu.Console(machine, TIMEOUT, serial=False) as console:
        expect_on_screen(console, [*SHOWN, "^selftest: .* ok"])
        assert console.finish() == Status.POWERED_OFF


# A panic of the core itself.


def core_symbol(name):
    """Where a symbol of the core lies in memory, from its image's start, and its size."""
    listing = subprocess.run(["nm", "-S", str(CORE)], capture_output=True, text=True, check=True)
    match = re.search(rf"^([0-9a-f]+) ([0-9a-f]+) \w {name}$", listing.stdout, re.M)
    assert match, f"{CORE} has no {name}"
    return int(match.group(1), 16) - CORE_VA, int(match.group(2), 16)


def check_panic(log):
    report = log.partition("error: panic: ")[2]
    assert report.startswith("exception 14 (page fault) in the core"), tail(log)
    assert re.search(r"error: rip 0{16} rsp [0-9a-f]{16} rflags ", report), report
    trace = report.partition("backtrace:")[2]
    frames = re.findall(r"error:   [0-9a-f]{16} (\w+)\+0x[0-9a-f]+", trace)
    named = [name for name in frames if name in ("vcpu_run", "hv_main", "x86_start")]
    assert named[:3] == ["vcpu_run", "hv_main", "x86_start"], report
    exits = re.findall(r"error: exit (\d+): code [0-9a-f]+ info [0-9a-f]+ rip [0-9a-f]{16}", trace)
    numbers = [int(number) for number in exits]
    # Not all 64: QEMU drops what a busy machine does not read in time from its socket.
    assert 16 <= len(numbers) <= 64 and numbers == sorted(numbers, reverse=True), report
    assert "panic within panic" not in log


def cause_panic(console, stub):
    """The table of exit handlers is lost under the running core: the next exit calls address 0."""
    address, size = core_symbol("handlers")
    console.expect(r"the core: image \d+ KiB at ([0-9a-f]+),")
    address += int(console.child.match.group(1), 16)
    console.expect("/ # ")
    with GdbStub(stub) as gdb:
        gdb.write_physical(address, bytes(size))
        gdb.resume()


def panic_machine(name, debug_exit):
    """A machine, and its gdb stub's socket."""
    guest = mkimage.linux_vm(options="console=ttyS0 quiet", memory="256M")
    config = mkimage.configuration([guest], debug_exit)
    image, stub = Path(f"build/system/{name}.img"), Path(f"build/system/{name}.gdb")
    mkimage.write_image(image, mkimage.linux_files(EFI, KERNEL, INITRD, config))
    gdb = ["-gdb", f"unix:{stub},server=on,wait=off"]
    return qemu.Machine(name, image=image, extra=[*VGA, *gdb]), stub


@row("panic")
def panic(name):
    machine, stub = panic_machine(name, debug_exit=True)
    with qemu.Console(machine, TIMEOUT) as console:
        cause_panic(console, stub)
        assert console.finish() == Status.PANIC
    check_panic(read_log(machine))


@row("panic-screen")
def panic_screen(name):
    """A real machine stops where it is, and the screen says why."""
    machine, stub = panic_machine(name, debug_exit=False)
    with qemu.Console(machine, TIMEOUT) as console:
        cause_panic(console, stub)
        where = ["vcpu_run", "hv_main", "x86_start"]
        lines = [rf"error:   [0-9a-f]{{16}} {function}\+0x" for function in where]
        what = r"^\[socle \d+\.\d+\] error: panic.*: exception 14 \(page fault\) in the core$"
        expect_on_screen(console, [what, *lines])


# Ends and new beginnings of the guest alone.


@row("guest-death")
def guest_death(name):
    """A wrong kernel runs for a while and dies. On a real machine the screen says of what."""
    kernel = bytearray(KERNEL.read_bytes())
    entry = (kernel[0x1F1] + 1) * 512 + 0x200  # of 64-bit mode
    # mov $0x4000, %ecx; 1: out %al, $0x80; loop 1b; ud2
    kernel[entry : entry + 11] = bytes.fromhex("b900400000 e680 e2fc 0f0b")
    machine = loader_machine(name, config_text("\tmemory 128M"), bytes(kernel))
    machine.extra = VGA
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("vm linux: starting")
        console.send("typed")  # interrupts, upon which the screen is drawn
        lines = [
            r"vm linux: stopped: triple fault$",
            r"linux: rip [0-9a-f]{4}:[0-9a-f]{16}",
            r"no guest is left: a guest failed$",
            r"press Enter to power the machine off$",
        ]
        expect_on_screen(console, [r"^\[socle \d+\.\d+\] .*" + line for line in lines])
        console.send("\r")
        assert console.finish() == Status.POWERED_OFF


@row("reboot")
def reboot(name):
    """A guest that reboots gets a fresh machine, as often as it likes."""
    machine = socle_machine(name, "6.12", "quiet")
    with qemu.Console(machine, TIMEOUT) as console:
        for _ in range(3):
            console.expect("userspace reached")
            console.expect("/ # ")
            console.send("reboot\r")
            console.expect("vm linux: reset by the guest")
            console.expect("vm linux: starting")
        console.expect("userspace reached")
        console.expect("/ # ")
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF


@row("guest-panic")
def guest_panic(name):
    """A kernel that panics and reboots does so for ever, and only it."""
    machine = socle_machine(name, "6.12", "quiet rdinit=/nonexistent panic=1")
    with qemu.Console(machine, TIMEOUT) as console:
        for _ in range(2):
            console.expect("Kernel panic - not syncing")
            console.expect("vm linux: reset by the guest")
        console.expect("vm linux: starting")


# Machines. On QEMU's largest CPU model Linux misses an ACPI table for amd_pstate, also without us.

CPU_MAX = qemu.Accelerator("TCG", ["-accel", "tcg", "-cpu", "max"])


@row("machine-i440fx", {"kind": "pc"}, 512)
@row("machine-6G", {"memory": 6144}, 4096)
@row("machine-256M", {"memory": 256}, 128)
@row("machine-2-cpus", {"cpus": 2}, 512)
@row("machine-cpu-max", {"accelerator": CPU_MAX}, 512, "initcall_blacklist=amd_pstate_init")
def machine_kind(name, changes, memory, options=""):
    machine = socle_machine(name, "6.12", f"socle.test socle.mem={memory}M {options}", memory)
    for key, value in changes.items():
        setattr(machine, key, value)
    check_selftest(qemu.run(machine, 120))


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
