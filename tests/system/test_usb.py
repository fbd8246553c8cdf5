# SPDX-License-Identifier: Apache-2.0
"""`make usb`: which devices it writes and which it refuses, and that what it makes boots."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mkimage
import mkusb
import pytest
import qemu
from linux_guest import EFI, INITRD
from machine_rows import KERNEL, TIMEOUT
from qemu import Status

GIB = 1 << 30
STICK = {
    "name": "sdx", "path": "/dev/sdx", "type": "disk", "size": 8 * GIB, "model": "Stick ", "tran": "usb",
    "rm": True, "hotplug": True, "ro": False, "fstype": None, "label": None, "mountpoints": [None],
}  # fmt: skip
PART = STICK | {"path": "/dev/sdx1", "type": "part", "fstype": "vfat", "label": "PHOTOS"}
MAPPED = PART | {"type": "crypt", "path": "/dev/mapper/secret"}
REFUSED = {
    "mounted": (STICK | {"children": [PART | {"mountpoints": ["/media/x"]}]}, "in use (/media/x)"),
    "system": (STICK | {"rm": False, "children": [PART | {"mountpoints": ["/"]}]}, "in use (/)"),
    "swap": (STICK | {"children": [PART | {"mountpoints": ["[SWAP]"]}]}, "in use ([SWAP])"),
    "mapped": (STICK | {"children": [PART | {"children": [MAPPED]}]}, "secret (crypt) is in use"),
    "partition": (PART, "name the whole disk"),
    "read-only": (STICK | {"ro": True}, "write-protected"),
    "small": (STICK | {"size": 1 << 20}, "too small: 1 MiB"),
    "fixed": (STICK | {"rm": False, "hotplug": False, "tran": "sata"}, "not removable"),
}


def write(tmp_path, monkeypatch, disk, *options, answer=""):
    """Runs the tool on a plain file that lsblk calls @disk. Returns how it ended, and the file."""
    tmp_path.mkdir(exist_ok=True)
    device = tmp_path / "device"
    device.write_bytes(b"precious" * 1000)
    os.truncate(device, 64 << 20)
    lsblk = tmp_path / "lsblk"
    text = json.dumps({"blockdevices": [disk]})
    lsblk.write_text(f"#!/bin/sh\ncat <<'E'\n{text}\nE\n")
    lsblk.chmod(0o755)
    monkeypatch.setenv("SOCLE_LSBLK", str(lsblk))
    image = tmp_path / "image"
    if not image.exists():
        mkimage.write_image(image, {"socle/readme": b"hello"})
    command = [sys.executable, mkusb.__file__, "write", str(image), str(device), *options]
    done = subprocess.run(command, input=answer, capture_output=True, text=True, check=False)
    return done, device


@pytest.mark.parametrize("name", REFUSED)
def test_usb_refuses(name, tmp_path, monkeypatch):
    disk, why = REFUSED[name]
    done, device = write(tmp_path, monkeypatch, disk, "--yes")
    assert done.returncode == 1 and why in done.stderr, done.stderr
    assert device.read_bytes().startswith(b"precious")
    if name != "fixed":  # what is in use is refused all the same
        done, device = write(tmp_path, monkeypatch, disk, "--yes", "--force")
        assert done.returncode == 1 and why in done.stderr, done.stderr


def test_usb_asks(tmp_path, monkeypatch):
    """Nobody answers: nothing is written, yet what would be lost was shown."""
    disk = STICK | {"children": [PART]}
    done, device = write(tmp_path, monkeypatch, disk, answer="yes\n")
    assert done.returncode == 1 and "nobody is there to ask" in done.stderr
    assert device.read_bytes().startswith(b"precious")
    monkeypatch.setattr("builtins.input", lambda _: "no")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert not mkusb.agreed(disk, yes=False)
    shown = "\n".join(mkusb.describe(disk))
    assert "Stick, 8.6 GB, usb" in shown and '/dev/sdx1: 8.6 GB, vfat "PHOTOS"' in shown


def test_usb_writes(tmp_path, monkeypatch):
    """Whole, with the second partition table at the device's end; a fixed disk with FORCE."""
    for disk, option in ((STICK, []), (REFUSED["fixed"][0], ["--force"])):
        done, device = write(tmp_path, monkeypatch, disk, "--yes", *option)
        assert done.returncode == 0, done.stderr
        assert mkimage.read_file(device, "socle/readme") == b"hello"
        table = subprocess.run(["sgdisk", "--verify", device], capture_output=True, text=True, check=True)
        assert "No problems found" in table.stdout, table.stdout


def test_usb_boots():
    """A stick for both architectures: each takes its own configuration and its own guest."""
    image = Path("build/system/usb.img")
    mkusb.make_image(image, {name: (EFI, KERNEL, INITRD) for name in mkusb.MACHINES})
    machine = qemu.Machine("usb", image=image, disk="usb", memory=1024, accelerator=qemu.tcg())
    own = {"x86_64": "x64", "arm64": "aa64"}[qemu.ARCH]
    with qemu.Console(machine, 2 * TIMEOUT) as console:
        console.expect(rf"1  debian \(\\socle\\socle-{own}.conf\)")
        console.expect("\r> ")
        console.send("\r")
        console.expect(rf"\\guests\\{own}\\vmlinuz [^\n]* 100%")
        console.expect("userspace reached")
        console.expect("/ # ")
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF
    image.unlink()
