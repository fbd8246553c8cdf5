# SPDX-License-Identifier: Apache-2.0
"""Rows of test_boot.py that both architectures have, and what the rows of either use.

SOCLE_CORE and SOCLE_FONT name the core's ELF file and its font; for the rest see linux_guest.py.
"""

import hashlib
import os
import re
import subprocess
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import mkimage
import pytest
import qemu
import screen
from gdbstub import GdbStub
from linux_guest import CONSOLE, EFI, INITRD, KERNELS, check_selftest, quick_machine, socle_machine, tail
from qemu import Status

CORE = Path(os.environ.get("SOCLE_CORE", f"build/{qemu.ARCH}/socle.elf"))
CORE_VA = {"x86_64": 0xFFFFFFFF80000000, "arm64": 0xFFFF80000000}[qemu.ARCH]
KERNEL = KERNELS / "6.12" / "vmlinuz"
SCREEN = ["-device", {"x86_64": "VGA", "arm64": "ramfb"}[qemu.ARCH]]
# What the core logs first, and where it comes from.
FIRST_LINE = {"x86_64": r"SVM: revision 1, ", "arm64": r"EL2: with(out)? VHE, "}[qemu.ARCH]
START = {"x86_64": "x86_start", "arm64": "arm64_start"}[qemu.ARCH]
# A machine that cannot run Socle, and what the report says of it.
UNABLE, UNABLE_REPORT = {
    "x86_64": (
        {"accelerator": qemu.tcg("qemu64,-svm")},
        "needs virtualisation: AMD SVM (CPUID 8000_0001 ECX bit 2) or Intel VMX "
        "(CPUID 0000_0001 ECX bit 5) found neither",
    ),
    "arm64": (
        {"kind": "virt,gic-version=3"},
        "needs to be started by the firmware at EL2, the hypervisor's exception level "
        "found EL1, on a CPU that",
    ),
}[qemu.ARCH]
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


def loader_files(config, kernel=KERNEL, initrd=None):
    """A stick whose loader finds this configuration (None: none) and these files."""
    files = {f"EFI/BOOT/{qemu.TARGET.loader}": EFI}
    if config is not None:
        files["socle/socle.conf"] = config.encode()
    if kernel is not None:
        files["guests/vmlinuz"] = kernel
    if initrd is not None:
        files["guests/initrd.img"] = initrd
    return files


def loader_machine(name, config, kernel=KERNEL, initrd=None, **changes):
    """A machine with such a stick."""
    image = Path(f"build/system/{name}.img")
    mkimage.write_image(image, loader_files(config, kernel, initrd))
    changes.setdefault("accelerator", qemu.tcg())
    changes.setdefault("memory", 512)
    return qemu.Machine(name, image=image, **changes)


def expect_return(console):
    """The loader gives up, and the firmware goes on with the next boot option."""
    console.expect("Returning to the firmware.")
    console.expect("BdsDxe: failed to start Boot[^\n]*: ([^:\n]*)\n")
    console.expect("BdsDxe: (loading|starting) Boot")


def joined_report(log):
    """What the loader has said, its lines joined; log: from its first line on."""
    report = log.partition("Returning to the firmware.")[0]
    assert "Starting the hypervisor" not in report
    return " ".join(report.split())


def loader_report(machine, answer=""):
    """The report of a machine that Socle cannot start on."""
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("Socle: UEFI loader")
        if answer:
            console.expect("Press a key")
            console.send(answer)
        expect_return(console)
    machine.image.unlink()
    return joined_report(read_log(machine).partition("Socle: UEFI loader")[2])


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
UNABLE_HEAD = "This machine cannot run Socle: "


# Sticks that cannot start, by name: what makes the files of one, and what its report has to say, as text
# or as a check of it.
REPORTS = {}


def reported(name, *arguments):
    """Registers a stick: its name and what to call for it."""

    def register(function):
        assert name not in REPORTS
        REPORTS[name] = lambda: function(*arguments)
        return function

    return register


@row("reports")
def reports(name):
    """All of them in one machine: the firmware goes on with the next each time."""
    sticks = {stick: make() for stick, make in REPORTS.items()}
    images = [Path(f"build/system/{name}-{stick}.img") for stick in sticks]
    machine = qemu.Machine(name, accelerator=qemu.tcg(), memory=512)
    for number, (image, (files, _)) in enumerate(zip(images, sticks.values())):
        mkimage.write_image(image, files)
        machine.extra += ["-drive", f"if=none,id=disk{number},format=raw,file={image}"]
        machine.extra += ["-device", f"virtio-blk-pci,drive=disk{number},bootindex={number}"]
    with qemu.Console(machine, 2 * TIMEOUT) as console:
        for stick in sticks:
            console.expect("Socle: UEFI loader")
            expect_return(console)
    for image in images:
        image.unlink()
    for part, (stick, (_, expected)) in zip(
        read_log(machine).split("Socle: UEFI loader")[1:], sticks.items(), strict=True
    ):
        report = joined_report(part)
        assert expected(report) if callable(expected) else expected in report, f"{stick}: {report}"


@reported("no-config", None, NOT_FOUND.format("\\socle\\socle.conf"))
@reported(
    "unknown-key",
    config_text("\tmemory 128M", "\tcolour red"),
    config_problem(5, "colour", "unknown; expected debug-exit, linux, elf, multiboot, pvh, raw, initrd, module, "),
)
@reported(
    "bad-memory",
    config_text("\tmemory plenty"),
    config_problem(
        4,
        "memory",
        'expected a size such as 512M: a multiple of 2M from 32M to 1024G, found "plenty"',
    ),
)
@reported(
    "no-initrd",
    config_text("\tinitrd \\guests\\absent.img"),
    NOT_FOUND.format("\\guests\\absent.img"),
)
@reported("folder", config_text("\tinitrd \\guests"), "needs \\guests, on the volume")
def reported_config(config, expected):
    return loader_files(config, b"not looked at"), expected


def reported_kernel(kernel, expected):
    """For the rows of each architecture's kernels."""
    return loader_files(config_text("\tmemory 128M"), kernel), expected


reported("no-kernel", None, NOT_FOUND.format("\\guests\\vmlinuz"))(reported_kernel)


@reported("no-screen")
def reported_no_screen():
    """A VM cannot have what the machine has not got."""
    config = config_text("\tmemory 128M", "\tframebuffer on")
    problem = "line 2 and below field framebuffer problem expected a framebuffer of whole pages, found none"
    return loader_files(config), problem


@reported("too-large")
def reported_too_large():
    """The sum has to be right, and what is found less than what is there."""

    def is_right(report):
        numbers = re.search(
            r"this machine has not enough memory\. needs (\d+) MiB: (\d+) for VMs, (\d+) for their "
            r"images, (\d+) for Socle found (\d+) MiB free",
            report,
        )
        if not numbers:
            return False
        total, vms, images, own, free = map(int, numbers.groups())
        kernel = -(-KERNEL.stat().st_size // (1 << 20))
        return vms == 4096 and total == vms + images + own and images == kernel and 256 < free < 512

    return loader_files(config_text("\tmemory 4096M")), is_right


def reported_room(pattern, accepts, config, initrd_size=None):
    """A VM too small for its own kernel, or for what comes with it: the report tells how much it needs."""
    initrd = bytes(initrd_size) if initrd_size else None

    def is_right(report):
        needs = re.search(pattern, report)
        return needs and accepts(int(needs.group(1)))

    return loader_files(config, initrd=initrd), is_right


reported(
    "no-room",
    r"the images of vm linux do not fit in it\. file \S+ line 2 and below field memory problem "
    r"expected at least (\d+)M for its kernel and initrd, found 32M",
    lambda size: size > 32,
    config_text("\tmemory 32M"),
)(reported_room)
reported(
    "large-initrd",
    r"file \S+ line 2 and below field memory problem "
    r"expected at least (\d+)M for its kernel and initrd, found 128M",
    lambda size: 128 < size < 256,
    config_text("\tinitrd \\guests\\initrd.img", "\tmemory 128M"),
    120 << 20,
)(reported_room)


@row("report-both")
def report_both(name):
    """What is wrong with the machine does not hide what is wrong with the configuration."""
    report = loader_report(loader_machine(name, config_text("\tcolour 1"), b"", **UNABLE))
    assert UNABLE_HEAD + UNABLE_REPORT in report, report
    assert config_problem(4, "colour", "unknown") in report, report


@row("report-key")
def report_key(name):
    """With a screen the report stays until somebody has read it."""
    machine = loader_machine(name, None, b"")
    machine.extra = SCREEN
    report = loader_report(machine, answer=" ")
    assert NOT_FOUND.format("\\socle\\socle.conf") in report, report
    assert "No key was pressed" not in report, report


# Secure Boot, with the key that the firmware's package has for tests in db.

SNAKEOIL = Path("/usr/share/ovmf/PkKek-1-snakeoil.pem")
SECURE_FLASH, SECURE = {
    "x86_64": (
        ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd"),
        {
            "kind": "q35,smm=on",
            "extra": ["-global", "driver=cfi.pflash01,property=secure,value=on"],
        },
    ),
    "arm64": (
        ("/usr/share/AAVMF/AAVMF_CODE.snakeoil.fd", "/usr/share/AAVMF/AAVMF_VARS.snakeoil.fd"),
        {},
    ),
}[qemu.ARCH]


def secure_machine(name, loader):
    """A machine with Secure Boot on, and on its stick this loader, which is to go to the menu."""
    if not SNAKEOIL.exists() or not all(Path(file).exists() for file in SECURE_FLASH):
        pytest.skip("the firmware's package has no variables with a test key")
    image = Path(f"build/system/{name}.img")
    guest = mkimage.linux_vm(options=f"{CONSOLE} quiet", memory="256M")
    config = "timeout 60\n" + guest
    files = mkimage.linux_files(loader, KERNEL, INITRD, config)
    files[f"EFI/BOOT/{qemu.TARGET.loader}"] = files.pop(f"EFI/BOOT/{Path(loader).name}")
    mkimage.write_image(image, files)
    return qemu.Machine(
        name, image=image, memory=768, accelerator=qemu.tcg(), flash=SECURE_FLASH, **SECURE
    )


@row("secure-boot")
def secure_boot(name):
    """Signed with a key that the firmware knows, it starts and says so."""
    folder = Path(f"build/system/{name}")
    folder.mkdir(parents=True, exist_ok=True)
    key, signed = folder / "key.pem", folder / "signed.efi"
    source = ["-in", str(SNAKEOIL.with_suffix(".key")), "-passin", "pass:snakeoil"]
    if SNAKEOIL.exists():
        mkimage.call(["openssl", "pkey", *source, "-out", str(key)], "test key")
        mkimage.call(["sbsign", "--key", str(key), "--cert", str(SNAKEOIL), "--output",
                      str(signed), str(EFI)], "signature")  # fmt: skip
    machine = secure_machine(name, signed)
    with qemu.Console(machine, 2 * TIMEOUT) as console:
        console.expect("Esc returns to the firmware.")
        console.send("r")
        while console.child.expect(["-- a key shows more --", "any other key goes back"]) == 0:
            console.send(" ")
        console.send("x")
        console.expect("Esc returns to the firmware.")
        console.send("\r")
        console.expect("userspace reached")
        console.expect("/ # ")
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF
    assert "on: the firmware accepted this loader's signature" in read_log(machine)


@row("secure-boot-unsigned")
def secure_boot_unsigned(name):
    machine = secure_machine(name, EFI)
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("BdsDxe: failed to load Boot[^\n]*: Access Denied")
        console.expect("BdsDxe: (loading|starting|failed)")
    assert "Socle: UEFI loader" not in read_log(machine)


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
    rf"^\[socle \d+\.\d{{3}}\] {FIRST_LINE}",
    r"^\[socle \d+\.\d{3}\] vm linux: starting, 512 MiB, 1 vCPU$",
    r"^socle-guest: userspace reached$",
]


@row("screen")
def screen_and_serial(name):
    machine = socle_machine(name, "6.12", "quiet")
    machine.extra = SCREEN
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("userspace reached")
        console.expect("/ # ")
        console.send("echo $((6 * 7))-works\r")
        expect_on_screen(console, [*SHOWN, "^/ # ", "^42-works$"])
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF


@row("framebuffer")
def framebuffer(name):
    """The guest draws on the screen itself; Socle, which has the serial line, does not."""
    config = config_text(
        "\tinitrd \\guests\\initrd.img",
        f"\toptions console=tty0 {CONSOLE}",
        "\tframebuffer on",
        "\tmemory 256M",
    )
    machine = loader_machine(name, config, initrd=INITRD, memory=768)
    machine.extra = SCREEN
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("vm linux: has the framebuffer, ")
        console.expect("/ # ")
        console.send("cat /proc/fb; echo; echo guest-drew-this-line >/dev/tty0\r")
        console.expect("0 (EFI VGA|simple)")
        console.expect("/ # ")
        picture = qemu.LOGS / f"{name}.ppm"
        console.qmp.execute("screendump", filename=str(picture))
        assert screen.has_line(picture, "guest-drew-this-line ")
        assert not screen.has_line(picture, "guest-drew-that-line ")
        assert not any("[socle " in text for text in screen.read_text(picture))
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF


# A panic of the core itself.

LOST = 0x10  # where the exit handlers are said to be: no code, and no memory
PANIC = {
    "x86_64": "exception 14 (page fault) in the core",
    "arm64": "synchronous exception in the core, class 21",
}[qemu.ARCH]
PANIC_REGISTERS = {
    "x86_64": rf"error: rip {LOST:016x} rsp [0-9a-f]{{16}} rflags ",
    "arm64": rf"error: pc {LOST:016x} sp 0000ffff8[0-9a-f]{{7}} pstate [0-9a-f]{{8}}\n"
    rf".*error: esr 8600000[4-7] far {LOST:016x} hcr ",
}[qemu.ARCH]
EXIT_RECORD = {
    "x86_64": r"error: exit (\d+): code [0-9a-f]+ info [0-9a-f]+ rip [0-9a-f]{16}",
    "arm64": r"error: exit (\d+): ESR [0-9a-f]{8} pc [0-9a-f]{16}",
}[qemu.ARCH]
PANIC_FRAMES = ["vcpu_run", "hv_main", START]


def core_symbol(name):
    """Where a symbol of the core lies in memory, from its image's start, and its size."""
    listing = subprocess.run(["nm", "-S", str(CORE)], capture_output=True, text=True, check=True)
    match = re.search(rf"^([0-9a-f]+) ([0-9a-f]+) \w {name}$", listing.stdout, re.M)
    assert match, f"{CORE} has no {name}"
    return int(match.group(1), 16) - CORE_VA, int(match.group(2), 16)


def check_panic(log):
    report = log.partition("error: panic: ")[2]
    assert report.startswith(PANIC), tail(log)
    assert re.search(PANIC_REGISTERS, report), report
    trace = report.partition("backtrace:")[2]
    frames = re.findall(r"error:   [0-9a-f]{16} (\w+)\+0x[0-9a-f]+", trace)
    assert [name for name in frames if name in PANIC_FRAMES][:3] == PANIC_FRAMES, report
    numbers = [int(number) for number in re.findall(EXIT_RECORD, trace)]
    # Not all 64: QEMU's 16550 drops what a busy machine does not read in time from its socket.
    assert 16 <= len(numbers) <= 64 and numbers == sorted(numbers, reverse=True), report
    assert "panic within panic" not in log


def cause_panic(console, stub):
    """The table of exit handlers is lost under the running core: the next exit calls LOST."""
    address, size = core_symbol("handlers")
    console.expect(r"the core: image \d+ KiB at ([0-9a-f]+),")
    address += int(console.child.match.group(1), 16)
    console.expect("/ # ")
    with GdbStub(stub) as gdb:
        gdb.write_physical(address, LOST.to_bytes(8, "little") * (size // 8))
        gdb.resume()
    console.send("\r")  # an interrupt, and what the guest does upon it, should it sleep


def panic_machine(machine, stub):
    """With a screen, and a gdb stub at that socket."""
    machine.extra = [*SCREEN, "-gdb", f"unix:{stub},server=on,wait=off"]
    return machine


@row("panic")
def panic(name):
    stub = Path(f"build/system/{name}.gdb")
    machine = panic_machine(quick_machine(name, "6.12", "quiet"), stub)
    with qemu.Console(machine, TIMEOUT) as console:
        cause_panic(console, stub)
        assert console.finish() == Status.PANIC
    check_panic(read_log(machine))


@row("panic-record")
def panic_record(name):
    """
    A real machine stops where it is, and the screen says why; that outlives the reset: the next start
    shows it and moves it to the stick.
    """
    config = config_text("\tinitrd \\guests\\initrd.img", f"\toptions {CONSOLE} quiet", "\tmemory 256M")
    stub = Path(f"build/system/{name}.gdb")
    machine = panic_machine(loader_machine(name, config, initrd=INITRD, memory=1024), stub)
    machine.resets = True
    with qemu.Console(machine, 2 * TIMEOUT) as console:
        cause_panic(console, stub)
        console.expect("this report is kept; the next start of Socle shows it")
        lines = [rf"error:   [0-9a-f]{{16}} {function}\+0x" for function in PANIC_FRAMES]
        what = rf"^\[socle \d+\.\d+\] error: panic.*: {re.escape(PANIC)}$"
        expect_on_screen(console, [what, *lines])
        for _ in range(2):
            console.qmp.execute("system_reset")
            console.expect("Socle: UEFI loader")
            console.expect("vm linux: starting")
    _, first, second = read_log(machine).split("Socle: UEFI loader")[1:]
    shown = first.partition("Socle panicked when it last ran:")[2]
    assert shown.count(PANIC) == 1 and r"moved to  \socle\crash.txt" in shown, tail(first)
    assert "panicked" not in second.partition("Starting the hypervisor")[0]
    record = mkimage.read_file(machine.image, "socle/crash.txt").decode("ascii")
    assert record.startswith("[socle ") and f"error: panic: {PANIC}\n" in record, record
    assert re.search(PANIC_REGISTERS, record), record
    for function in PANIC_FRAMES:
        assert f" {function}+0x" in record, record
    assert len(re.findall(EXIT_RECORD, record)) >= 8, record


# Ends and new beginnings of the guest alone.


def check_guest_death(machine, lines):
    """On a real machine the screen says of what the guest died, and waits for somebody."""
    machine.extra = SCREEN
    last = [r"no guest is left: a guest failed$", r"press Enter to power the machine off$"]
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("vm linux: starting")
        console.send("typed")  # interrupts, upon which the screen is drawn
        shown = [rf"^\[socle \d+\.\d+\] .*{line}" for line in [*lines, *last]]
        expect_on_screen(console, shown)
        console.send("\r")
        assert console.finish() == Status.POWERED_OFF


@row("reboot")
def reboot(name):
    """A guest that reboots gets a fresh machine, as often as it likes."""
    machine = quick_machine(name, "6.12", "quiet")
    with qemu.Console(machine, TIMEOUT) as console:
        for _ in range(2):
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
    machine = quick_machine(name, "6.12", "quiet rdinit=/nonexistent panic=1")
    with qemu.Console(machine, TIMEOUT) as console:
        for _ in range(2):
            console.expect("Kernel panic - not syncing")
            console.expect("vm linux: reset by the guest")
        console.expect("vm linux: starting")


# The serial line under load.


@row("flood")
def flood(name):
    """A long paste arrives whole, and so does what the guest says as fast as it can."""
    pasted = "".join(chr(ord("a") + i * i % 23) for i in range(40000))
    digest = hashlib.md5(pasted.encode()).hexdigest()
    with qemu.Console(quick_machine(name, "6.12", "quiet"), TIMEOUT) as console:
        console.expect("/ # ")
        console.send(f"stty -icanon -echo; echo rea''dy; head -c {len(pasted)} | md5sum\r")
        console.expect("ready\r\n")
        console.send(pasted)
        console.expect("([0-9a-f]{32}) ")
        assert console.child.match.group(1) == digest
        console.expect("/ # ")
        console.send("seq 1 5000; poweroff\r")
        console.expect("; poweroff\r\n")
        for number in range(1, 5001):
            console.expect("(.*?)\r\n")
            assert console.child.match.group(1) == str(number)
        assert console.finish() == Status.POWERED_OFF


# Machines.


def machine_kind(name, changes, memory, options="", kernel="6.12"):
    """For the rows of each architecture's machines: the guest's self-test passes."""
    machine = socle_machine(name, kernel, f"socle.test socle.mem={memory}M {options}", memory)
    for key, value in changes.items():
        setattr(machine, key, value)
    before = datetime.now(timezone.utc)
    result = qemu.run(machine, 120)
    check_selftest(result)
    check_date(result.log, before)


def check_date(log, before):
    """The guest's clock says UTC, as the machine's does."""
    text = re.search(r"selftest: rtc ok .* date is (\S+ \S+)", log).group(1)
    date = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    second = timedelta(seconds=1)
    assert before - second <= date <= datetime.now(timezone.utc) + second, text
