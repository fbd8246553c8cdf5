#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make usb`: a stick for both architectures, and how it gets onto a device.

    mkusb.py image OUT.img --x64 EFI KERNEL INITRD --aa64 EFI KERNEL INITRD
    mkusb.py write IMAGE DEVICE [--force] [--yes]

What would be lost is shown and asked for first. A device that is in use is never written; one that
is not removable only with --force. lsblk says what a device is (SOCLE_LSBLK names another one, for
tests).
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import mkimage

MIB = 1 << 20
CHUNK = 4 * MIB
SPARE_MIB = 256  # for guests of the user's own
COLUMNS = "NAME,PATH,TYPE,SIZE,MODEL,TRAN,RM,HOTPLUG,RO,FSTYPE,LABEL,MOUNTPOINTS"

CONFIG = """\
# Socle's configuration for {machine} machines. `key value` lines; comments take lines of their own.
# This file goes before \\socle\\socle.conf, which serves all machines.

# Seconds that the boot menu waits. Without this line the VMs start at once.
timeout 5

vm debian
	linux    \\guests\\{name}\\vmlinuz
	initrd   \\guests\\{name}\\initrd.img
	options  console={console} quiet
	memory   512M
	vcpus    1
"""
MACHINES = {"x64": ("x86-64", "ttyS0"), "aa64": ("ARM64", "ttyAMA0")}
README = Path(__file__).with_name("usb-readme.txt")


class RefusedError(Exception):
    """The device is not written; the text says why."""


def make_image(out, machines):
    """The stick's image. machines: {"x64": (loader, kernel, initrd), ...}."""
    files = {"README.txt": README.read_bytes().replace(b"\n", b"\r\n")}
    for name, (loader, kernel, initrd) in machines.items():
        machine, console = MACHINES[name]
        files[f"EFI/BOOT/BOOT{name.upper()}.EFI"] = Path(loader)
        files[f"guests/{name}/vmlinuz"] = Path(kernel)
        files[f"guests/{name}/initrd.img"] = Path(initrd)
        config = CONFIG.format(machine=machine, name=name, console=console)
        files[f"socle/socle-{name}.conf"] = config.encode()
    mkimage.write_image(out, files, SPARE_MIB)


def probe(device):
    """What lsblk says of the device, with all that is on it."""
    command = [os.environ.get("SOCLE_LSBLK", "lsblk"), "--json", "-b", "-o", COLUMNS, str(device)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(f"{device} is no block device: {done.stderr.strip()}")
    return json.loads(done.stdout)["blockdevices"][0]


def everything_on(disk):
    yield disk
    for child in disk.get("children", []):
        yield from everything_on(child)


def check(disk, image_size, force):
    """Raises where the disk must not be written."""
    path = disk["path"]
    if disk["type"] != "disk":
        raise RefusedError(f"{path} is a {disk['type']}: name the whole disk")
    if disk["ro"]:
        raise RefusedError(f"{path} is write-protected")
    for part in everything_on(disk):
        places = [place for place in part.get("mountpoints", []) if place]
        if places:
            raise RefusedError(f"{part['path']} is in use ({', '.join(places)}): unmount it first")
        if part["type"] not in ("disk", "part"):
            raise RefusedError(f"{part['path']} ({part['type']}) is in use on {path}")
    if not (disk["rm"] or disk["hotplug"] or disk["tran"] == "usb") and not force:
        raise RefusedError(f"{path} is not removable: if it is the right one, FORCE=1")
    if disk["size"] < image_size:
        raise RefusedError(
            f"{path} is too small: {disk['size'] // MIB} MiB, needed {-(-image_size // MIB)}"
        )


def describe(disk):
    """What would be lost, for the user."""
    model = (disk["model"] or "unnamed").strip()
    yield f"{disk['path']}: {model}, {disk['size'] / 1e9:.1f} GB, {disk['tran'] or 'no known bus'}"
    for part in list(everything_on(disk))[1:]:
        label = f' "{part["label"]}"' if part["label"] else ""
        yield f"  {part['path']}: {part['size'] / 1e9:.1f} GB, {part['fstype'] or 'no file system'}{label}"
    if not disk.get("children"):
        yield f"  no partitions; {disk['fstype'] or 'no file system'}"


def copy(source, target, what):
    """Calls what(target's file number, bytes) for each piece of the image, with progress."""
    total, done = source.stat().st_size, 0
    with open(source, "rb") as image:
        while data := image.read(CHUNK):
            what(target, data)
            done += len(data)
            print(f"\r  {done * 100 // total:3} %", end="", flush=True)
    print()


def write_all(target, data):
    while data:
        data = data[os.write(target, data) :]


def compare_all(target, data):
    while data:
        read = os.read(target, len(data))
        if not read or read != data[: len(read)]:
            raise RefusedError("what was written does not read back: the stick is broken")
        data = data[len(read) :]


def write(image, device):
    """Writes and reads back. O_EXCL: the kernel refuses a device that is in use."""
    target = os.open(device, os.O_RDWR | os.O_EXCL)
    try:
        print("Writing:")
        copy(image, target, write_all)
        os.fsync(target)
        os.posix_fadvise(target, 0, 0, os.POSIX_FADV_DONTNEED)
        os.lseek(target, 0, os.SEEK_SET)
        print("Reading back:")
        copy(image, target, compare_all)
    finally:
        os.close(target)
    # The backup of the partition table belongs at the disk's end.
    mkimage.call(["sgdisk", "--move-second-header", str(device)], "partition table")


def agreed(disk, yes):
    print("All that is on this disk will be lost:")
    print("\n".join(describe(disk)))
    if yes:
        return True
    if not sys.stdin.isatty():
        raise RefusedError("nobody is there to ask: YES=1 answers for you")
    return input(f"Write {disk['path']}? (yes or no) ").strip() == "yes"


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    image = commands.add_parser("image")
    image.add_argument("out", type=Path)
    for name in MACHINES:
        image.add_argument(f"--{name}", nargs=3, required=True)
    writing = commands.add_parser("write")
    writing.add_argument("image", type=Path)
    writing.add_argument("device", type=Path)
    writing.add_argument("--force", action="store_true")
    writing.add_argument("--yes", action="store_true")
    arguments = parser.parse_args()
    try:
        if arguments.command == "image":
            make_image(arguments.out, {name: getattr(arguments, name) for name in MACHINES})
            return
        disk = probe(arguments.device)
        check(disk, arguments.image.stat().st_size, arguments.force)
        if not agreed(disk, arguments.yes):
            sys.exit("Socle usb: nothing was written")
        write(arguments.image, arguments.device)
        print(f"{arguments.device} boots Socle now.")
    except (mkimage.ImageError, RefusedError, OSError) as error:
        sys.exit(f"Socle usb: {error}")


if __name__ == "__main__":
    main()
