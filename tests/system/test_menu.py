# SPDX-License-Identifier: Apache-2.0
"""The boot menu: Boot Loader Specification entries, their order and default, keys, time-out."""

import re
from pathlib import Path

import mkimage
import qemu
from linux_guest import EFI
from machine_rows import SCREEN, read_log
from qemu import Status
from test_tiny import GUESTS

X86 = qemu.TARGET is qemu.X86_64
TIMEOUT = 60
NAME = "x64" if X86 else "aa64"
UP, DOWN, ESC = "\x1b[A", "\x1b[B", "\x1b"
# A guest that powers off by itself, whose log says what it was called and given.
GUEST = GUESTS / ("cpuid.bin" if X86 else "hello.bin")
ENTRIES = {
    "loader/entries/old.conf": "title Old one\nversion 6.1\nlinux /guests/k\nsort-key a\n",
    "loader/entries/new.conf": "title New one\nversion 6.10\nlinux /guests/k\nsort-key a\n",
    "loader/entries/plain-2.conf": "linux /guests/k\ninitrd /guests/a\ninitrd /guests/b\n",
    "loader/entries/plain-10.conf": f"# x\r\nlinux /guests/k\r\narchitecture {NAME}\r\n",
    "loader/entries/other.conf": "title Other\nlinux /guests/k\narchitecture ia32\n",
    "loader/entries/bad+0-3.conf": "title Bad one\nlinux /guests/k\nsort-key a\n",
    "loader/entries/uki.conf": "title UKI\nefi /x.efi\n",
    "loader/entries/readme.txt": "no entry",
}
ORDER = ["New one (6.10)", "Old one (6.1)", "plain-10", "plain-2", "Bad one"]
MENU_END = "Esc returns to the firmware."


def menu_machine(name, config=None, settings=None, entries=None, **changes):
    """A stick with these entries and without a configuration, or with this one."""
    files = {f"EFI/BOOT/{qemu.TARGET.loader}": EFI, "guests/k": GUEST}
    files.update({"guests/a": b"one", "guests/b": b"two", "socle/readme": b"a folder for reports"})
    for path, text in (ENTRIES if entries is None else entries).items():
        files[path] = text.encode()
    if config is not None:
        files["socle/socle.conf"] = config.encode()
    if settings is not None:
        files["loader/loader.conf"] = settings.encode()
    image = Path(f"build/system/{name}.img")
    mkimage.write_image(image, files)
    return qemu.Machine(name, image=image, memory=512, accelerator=qemu.tcg(), **changes)


def play(machine, keys, serial=True):
    """Waits for the menu, types the keys one after the other, lets the guest run."""
    with qemu.Console(machine, TIMEOUT, serial) as console:
        console.expect(MENU_END)
        for key in keys:
            console.expect("\r> ")
            console.send(key)
        status = console.finish()
    machine.image.unlink()
    log = read_log(machine)
    assert status == Status.POWERED_OFF, log[-2000:]
    return log


def started(log):
    """The VM that was started."""
    return re.search(r"vm (\S+): starting, (\d+) MiB", log).group(1)


def test_menu_order_and_default():
    """Nothing typed: loader.conf's default after its time."""
    log = play(menu_machine("menu-default", settings="timeout 2\ndefault plain-*\n"), [])
    items = re.findall(r"^  +(\d+)  (.*?) *$", log, re.M)
    assert [title for _, title in items] == [*ORDER, "What this machine offers (R)"]
    assert "left out  uki.conf: it has no `linux` line" in log
    assert "other.conf" not in log
    assert "in 2 s" in log and "in 1 s" in log
    assert started(log) == "plain-10"


def test_menu_keys():
    """Down twice and up once, then Enter; the countdown has ended."""
    log = play(menu_machine("menu-keys", settings="timeout 5\n"), [DOWN, DOWN, UP, "\r"])
    assert started(log) == "old"
    last = re.findall(r"^> +(\d)  (.*?) *$", log, re.M)[-1]
    assert last == ("2", "Old one (6.1)")


def test_menu_number_and_initrds():
    """By its number; its two initrds come as one."""
    log = play(menu_machine("menu-number"), ["4", "\r"])
    assert started(log) == "plain-2"
    assert "/guests/a" in log and "/guests/b" in log
    if X86:
        assert "options   console=ttyS0" in log


def test_menu_escape():
    with qemu.Console(menu_machine("menu-escape"), TIMEOUT) as console:
        console.expect(MENU_END)
        console.send(ESC)
        console.expect("Returning to the firmware.")
        console.expect("BdsDxe: (failed to start|loading|starting) Boot")


REPORT_ROWS = {
    "x86_64": [r"\+ virtualisation +AMD SVM", r"\+ who locked it +VM_CR\.SVMDIS clear", r"- exits decoded "],
    "arm64": [r"\+ exception level +EL2", r"\+ VHE ", r"\+ interrupts +GICv3"],
}[qemu.ARCH]


def test_menu_report():
    """By its key while the countdown runs, by its item, saved; then the menu is there again."""
    machine = menu_machine("menu-report", settings="timeout 5\n", cpus=2)
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect(MENU_END)
        console.send("r")
        console.expect("What this machine offers   ")
        while console.child.expect(["-- a key shows more --", "any other key goes back"]) == 0:
            console.send(" ")
        console.send("x")
        console.expect(MENU_END)
        console.send(UP)
        console.expect("What this machine offers")
        console.send("\r")
        while console.child.expect(["-- a key shows more --", "any other key goes back"]) == 0:
            console.send(" ")
        console.send("s")
        console.expect(r"Saved as \\socle\\report.txt")
        console.expect(MENU_END)
        console.send("1\r")
        console.expect("vm new: starting")
        assert console.finish() == Status.POWERED_OFF
    report = mkimage.read_file(machine.image, "socle/report.txt").decode("ascii")
    machine.image.unlink()
    rows = [*REPORT_ROWS, r"\+ machine tables +ACPI", r"\+ CPUs +2:", r"  memory +\d+ MiB, of it free now \d+;"]
    rows += [r"  IOMMU +(none|Arm SMMU or ITS)", r"  Secure Boot +off", r"- screen +none"]
    for row in rows:
        assert re.search(f"^{row}", report, re.M), report
    assert not re.search("^!", report, re.M), report


def test_menu_of_settings():
    """A configuration without a VM: its time-out goes before loader.conf's; 0 shows no menu."""
    log = play_without_menu(menu_machine("menu-settings", "timeout 0\n", "timeout 30\n"))
    assert MENU_END not in log and started(log) == "new"


def play_without_menu(machine):
    result = qemu.run(machine, TIMEOUT)
    machine.image.unlink()
    assert result.status == Status.POWERED_OFF, result.log[-2000:]
    return result.log


def test_menu_beside_configuration():
    """With VMs and a time-out: the VMs are the first item and what is started when nobody types."""
    config = "timeout 2\nvm own\n\tlinux \\guests\\k\n\tmemory 64M\n"
    log = play(menu_machine("menu-own", config), [])
    assert "1  own (\\socle\\socle.conf)" in log and "2  New one (6.10)" in log
    assert started(log) == "own"
    log = play(menu_machine("menu-own-other", config), [DOWN, "\r"])
    assert started(log) == "new"


def test_menu_nothing():
    """Neither a VM nor an entry."""
    with qemu.Console(menu_machine("menu-nothing", "timeout 3\n", entries={}), TIMEOUT) as console:
        console.expect("field +vm")
        console.expect("expected a line `vm NAME`")
        console.expect("Returning to the firmware.")


def test_menu_keyboard():
    """The screen's keyboard; the serial line only tells when."""
    machine = menu_machine("menu-keyboard", settings="timeout 30\n", extra=list(SCREEN))
    if not X86:
        machine.extra += ["-device", "qemu-xhci", "-device", "usb-kbd"]
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect(MENU_END)
        for key, answer in (("down", "> +2  Old one"), ("up", "> +1  New one"), ("ret", "options")):
            press = [{"type": "qcode", "data": key}]
            console.qmp.execute("send-key", keys=press)
            console.expect(answer)
        console.expect("vm new: starting")
        assert console.finish() == Status.POWERED_OFF
    machine.image.unlink()
