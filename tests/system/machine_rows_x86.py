# SPDX-License-Identifier: Apache-2.0
"""Rows of test_boot.py that only x86-64 has."""

import os
import re
import time
from pathlib import Path

import mkimage
import qemu
from linux_guest import EFI, INITRD, check_selftest, quick_machine, socle_files, socle_machine
from machine_rows import (
    BAD_KERNEL, KERNEL, SCREEN, TIMEOUT, UNABLE_HEAD, check_guest_death, config_problem, config_text,
    expect_on_screen, loader_machine, loader_report, machine_kind, read_log, reported, reported_kernel,
    row,
)  # fmt: skip
from qemu import Status

NEEDS_ONE = (
    "needs virtualisation: AMD SVM (CPUID 8000_0001 ECX bit 2) or Intel VMX (CPUID 0000_0001 ECX bit 5)"
    " found {}"
)

REPORTED_KERNELS = {
    "not-a-kernel": (
        bytes(4096),
        BAD_KERNEL.format("boot_flag", "expected 0xaa55 as in every bzImage, found 0x0000"),
    ),
    "short-kernel": (
        b"MZ",
        BAD_KERNEL.format("size", "expected a bzImage of at least 616 bytes, found 2"),
    ),
}
for _name, _arguments in REPORTED_KERNELS.items():
    reported(_name, *_arguments)(reported_kernel)


@reported("cut-kernel")
def reported_cut_kernel():
    whole = KERNEL.read_bytes()
    needed = (whole[0x1F1] + 1) * 512 + int.from_bytes(whole[0x1F4:0x1F8], "little") * 16
    problem = f"expected {needed} bytes, found {1 << 20}: the file is cut off"
    return reported_kernel(whole[: 1 << 20], BAD_KERNEL.format("syssize", problem))


@row("report-no-svm", "qemu64,-svm", "neither; this machine is itself virtual: switch nested")
@row("report-no-vmx", "Haswell-v1,-hypervisor", "no VMX: the CPU lacks it, or the firmware")
def report_cpu(name, cpu, found):
    config = config_text("\tmemory 128M")
    report = loader_report(loader_machine(name, config, b"", accelerator=qemu.tcg(cpu)))
    assert UNABLE_HEAD + NEEDS_ONE.format(found) in report, report


@row("guest-death")
def guest_death(name):
    """A wrong kernel runs for a while and dies."""
    kernel = bytearray(KERNEL.read_bytes())
    entry = (kernel[0x1F1] + 1) * 512 + 0x200  # of 64-bit mode
    # mov $0x4000, %ecx; 1: out %al, $0x80; loop 1b; ud2
    kernel[entry : entry + 11] = bytes.fromhex("b900400000 e680 e2fc 0f0b")
    machine = loader_machine(name, config_text("\tmemory 128M"), bytes(kernel))
    lines = [r"vm linux: stopped: triple fault$", r"linux: rip [0-9a-f]{4}:[0-9a-f]{16}"]
    check_guest_death(machine, lines)


# The PS/2 keyboard.

KEYS = {" ": "spc", "-": "minus", "\r": "ret", ";": "semicolon", "'": "apostrophe", "/": "slash"}
SHIFTED = {"$": "4", "(": "9", ")": "0", "*": "8", "+": "equal", ">": "dot"}


def type_keys(console, text):
    """Presses the keys that make this text on a US keyboard."""
    for character in text:
        names = ["shift", SHIFTED[character]] if character in SHIFTED else []
        names = names or (["shift", character.lower()] if character.isupper() else [])
        press(console, *(names or [KEYS.get(character, character)]))


def press(console, *names):
    keys = [{"type": "qcode", "data": name} for name in names]
    console.qmp.execute("send-key", keys=keys, **{"hold-time": 20})
    time.sleep(0.05)


@row("keyboard")
def keyboard(name):
    """No serial port: the guest's shell and our own keys by keyboard and screen alone."""
    machine = socle_machine(name, "6.12", "quiet")
    machine.extra = SCREEN
    with qemu.Console(machine, TIMEOUT, serial=False) as console:
        expect_on_screen(console, ["keyboard: PS/2$", "^socle-guest: userspace reached$", "^/ # "])
        type_keys(console, "echo $((6 * 7))-Works\r")
        expect_on_screen(console, ["^42-Works$"])
        press(console, "up")
        press(console, "backspace")
        type_keys(console, "ing\r")
        expect_on_screen(console, ["^42-Working$"])
        type_keys(console, "sleep 1000\r")
        time.sleep(1)
        press(console, "ctrl", "c")
        press(console, "ctrl", "a")
        press(console, "ctrl", "a")  # the line's beginning: behind it, Enter
        type_keys(console, "poweroff\r")
        assert console.finish() == Status.POWERED_OFF


@row("keyboard-idle")
def keyboard_idle(name):
    """A key is an interrupt: nobody looks for one meanwhile."""
    machine = quick_machine(name, "6.12", "quiet")
    machine.extra = SCREEN
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("keyboard: PS/2")
        console.expect("/ # ")
        used = cpu_seconds(console)
        time.sleep(5)
        assert cpu_seconds(console) - used < 1
        type_keys(console, "poweroff\r")
        assert console.finish() == Status.POWERED_OFF


def cpu_seconds(console):
    """What the emulator has used of the host's CPUs."""
    fields = Path(f"/proc/{console.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@row("guest-death-keyboard")
def guest_death_keyboard(name):
    """Somebody without a serial port has read it, and presses Enter."""
    kernel = bytearray(KERNEL.read_bytes())
    entry = (kernel[0x1F1] + 1) * 512 + 0x200
    kernel[entry : entry + 2] = bytes.fromhex("0f0b")  # ud2
    machine = loader_machine(name, config_text("\tmemory 128M"), bytes(kernel))
    machine.extra = SCREEN
    with qemu.Console(machine, TIMEOUT, serial=False) as console:
        expect_on_screen(console, [r"vm linux: stopped: triple fault$", "press Enter to power"])
        press(console, "x")
        press(console, "ret")
        assert console.finish() == Status.POWERED_OFF


MACHINES = {
    "machine-4608M": ({"memory": 4608}, 2304),  # not all of it below 4 GiB
}
for _name, _arguments in MACHINES.items():
    row(_name, *_arguments)(machine_kind)


# A firmware that leaves five levels of paging on: the nested tables have five, too.

LA57 = Path(os.environ.get("SOCLE_LA57", "build/x86_64/guest/la57.efi"))


def five_level_machine(name, files, memory):
    image = Path(f"build/system/{name}.img")
    files |= {"EFI/BOOT/SOCLE.EFI": EFI, "EFI/BOOT/BOOTX64.EFI": LA57}
    mkimage.write_image(image, files)
    cpu = qemu.tcg(f"{qemu.TCG_CPU},+la57")
    return qemu.Machine(name, image=image, memory=memory + 512, accelerator=cpu)


@row("five-levels")
def five_levels(name):
    files = socle_files(EFI, "6.12", "socle.test socle.mem=256M", 256)
    result = qemu.run(five_level_machine(name, files, 256), 120)
    assert re.search(r"la57: CR4 is \w*1\w{3}\b", result.log), result.log
    check_selftest(result)


@row("five-levels-nested")
def five_levels_nested(name):
    guest = mkimage.linux_vm(name="tiny", initrd=False, memory="64M") + "\tnested on\n"
    config = mkimage.configuration([guest], debug_exit=True)
    files = mkimage.linux_files(EFI, Path("build/x86_64/guest/nested_npt.bin"), None, config)
    result = qemu.run(five_level_machine(name, files, 64), 60)
    assert result.status == Status.POWERED_OFF and "tiny: pass" in result.log, result.log


# Socle by a Multiboot loader: QEMU's, on its BIOS.


@row("multiboot-i440fx")
def multiboot_i440fx(name):
    """With memory above 4 GiB: the guest's self-test passes, and the machine is powered off by ACPI."""
    files = socle_files(None, "6.12", "socle.test socle.mem=256M", 256)
    machine = qemu.Machine(name, multiboot=files, kind="pc", cpus=2, memory=4608, extra=SCREEN)
    check_selftest(qemu.run(machine, 120))


def text_screen(console):
    """What VGA's text mode shows."""
    memory = qemu.LOGS / f"{console.name}.vga"
    assert console.qmp.execute("pmemsave", val=0xB8000, size=4000, filename=str(memory))
    text = memory.read_bytes()[::2].decode("ascii")
    return " ".join(text[i : i + 80].strip() for i in range(0, 2000, 80))


def multiboot_report(name, files):
    """The report, on the serial port and on the screen; the machine halts."""
    machine = qemu.Machine(name, multiboot=files, memory=256, accelerator=qemu.tcg())
    machine.extra = SCREEN
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect("The machine is halted.")
        shown = text_screen(console)
    report = read_log(machine).partition("Socle: Multiboot loader")[2]
    report = " ".join(report.partition("The machine is halted.")[0].split())
    assert report and report in " ".join(shown.split()), shown
    return report


MODULES_HINT = "among the modules of the Multiboot loader, whose last word is the path"


@row("multiboot-no-config", {}, f"needs \\socle\\socle.conf, {MODULES_HINT} found not found")
@row(
    "multiboot-bad-config",
    {"boot/socle.conf": config_text("\tmemory 128M", "\tcolour red").encode()},
    config_problem(5, "colour", "unknown"),
)
@row(
    "multiboot-no-kernel",
    {"socle/socle.conf": config_text("\tmemory 128M").encode()},
    f"needs \\guests\\vmlinuz, {MODULES_HINT} found not found",
)
@row(
    "multiboot-bad-kernel",
    {"socle/socle.conf": config_text("\tmemory 128M").encode(), "guests/vmlinuz": bytes(4096)},
    BAD_KERNEL.format("boot_flag", "expected 0xaa55 as in every bzImage, found 0x0000"),
)
def report_multiboot(name, files, expected):
    report = multiboot_report(name, files)
    assert expected in report, report


@row("multiboot-no-svm", "qemu64,-svm", UNABLE_HEAD + NEEDS_ONE.format("neither"))
@row("multiboot-32-bit", "qemu32", "Socle cannot start: it needs a 64-bit CPU.")
def report_multiboot_cpu(name, cpu, expected):
    machine = qemu.Machine(name, multiboot={}, memory=256, accelerator=qemu.tcg(cpu))
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect(r"(?s)Socle.*(halted|64-bit CPU)\.")
    report = " ".join(read_log(machine).split())
    assert expected in report, report


@row("multiboot-death")
def multiboot_death(name):
    """The exit status says that the guest died, as behind UEFI."""
    files = {"socle.conf": b"debug-exit 0xf4\n" + config_text("\tmemory 128M").encode()}
    kernel = bytearray(KERNEL.read_bytes())
    entry = (kernel[0x1F1] + 1) * 512 + 0x200  # of 64-bit mode
    kernel[entry : entry + 2] = bytes.fromhex("0f0b")
    machine = qemu.Machine(name, multiboot={**files, "guests/vmlinuz": bytes(kernel)}, memory=256)
    result = qemu.run(machine, TIMEOUT)
    assert result.status == Status.GUEST_DIED, result.log
    assert re.search(r"vm linux: stopped: triple fault", result.log), result.log


INNER = """vm linux
	linux    \\guests\\vmlinuz
	initrd   \\guests\\initrd.img
	options  console=ttyS0 socle.test socle.mem=256M
	memory   256M
"""


def socle_in_socle(name, *lines):
    """A machine whose guest is Socle, from a stick; @lines are of the outer's configuration."""
    outer = ["debug-exit 0xf4", "vm inner", "\tmultiboot \\guests\\socle.mb",
             "\tmodule \\guests\\inner.conf \\socle\\socle.conf", "\tmodule \\guests\\vmlinuz",
             "\tmodule \\guests\\initrd.img", "\tmemory 768M", *lines, ""]  # fmt: skip
    image = Path(f"build/system/{name}.img")
    files = mkimage.linux_files(EFI, KERNEL, INITRD, "\n".join(outer))
    files |= {"guests/socle.mb": qemu.MULTIBOOT, "guests/inner.conf": INNER.encode()}
    mkimage.write_image(image, files)
    return qemu.Machine(name, image=image, accelerator=qemu.tcg(), memory=1280)


@row("inner-no-svm")
def inner_no_svm(name):
    """Socle as a guest that may not be a hypervisor says so."""
    result = qemu.run(socle_in_socle(name), TIMEOUT)
    report = " ".join(result.log.partition("Socle: Multiboot loader")[2].split())
    assert UNABLE_HEAD + NEEDS_ONE.format("neither; this machine is itself virtual") in report, report
    assert "The machine is halted." in report and result.status == Status.GUEST_DIED, report


@row("inner-linux")
def inner_linux(name):
    """Linux on Socle on Socle: the self-test passes, and both power off in turn."""
    result = qemu.run(socle_in_socle(name, "\tnested on"), 300)
    check_selftest(result)
    ends = [result.log.index(f"vm {vm}: powered off by the guest") for vm in ("linux", "inner")]
    assert ends == sorted(ends), result.log
