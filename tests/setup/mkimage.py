#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a bootable stick image: a GPT with one EFI system partition.

    mkimage.py OUT.img --efi BOOTX64.EFI... --kernel FILE [--initrd FILE] [--options TEXT]
               [--memory 512M] [--debug-exit]

One Linux guest, as \\socle\\socle.conf says. A stick may carry the loaders of several architectures,
the names of their files being UEFI's: BOOTX64.EFI, BOOTAA64.EFI. Neither root nor loop devices:
sgdisk writes the partition table, mtools the file system. The same input gives the same bytes:
serial numbers are fixed and times are SOURCE_DATE_EPOCH (or 1980).
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MIB = 1 << 20
SECTOR = 512
PART_START = MIB // SECTOR
GPT_TAIL_MIB = 1  # the backup table
DISK_GUID = "534f434c-4500-4000-8000-000000000001"
PART_GUID = "534f434c-4500-4000-8000-000000000002"
FAT_SERIAL = "534f434c"
# What asks QEMU to end: the port of isa-debug-exit; the number of the semihosting HLT. See qemu.py.
DEBUG_EXIT = {"x86_64": 0xF4, "arm64": 0xF000}[os.environ.get("SOCLE_ARCH", "x86_64")]


class ImageError(Exception):
    """The image cannot be made; the text says why."""


def linux_vm(name="linux", initrd=True, options="", memory="512M"):
    """The configuration lines of one Linux guest whose files are in \\guests."""
    if "\n" in options:
        raise ImageError("OPTIONS must be one line")
    lines = [f"vm {name}", "\tlinux    \\guests\\vmlinuz"]
    if initrd:
        lines.append("\tinitrd   \\guests\\initrd.img")
    if options.strip():
        lines.append(f"\toptions  {options.strip()}")
    lines.append(f"\tmemory   {memory}")
    return "\n".join(lines) + "\n"


def configuration(vms, debug_exit):
    """The text of socle.conf: Socle's own settings, then the guests."""
    text = "# \\socle\\socle.conf: settings before the first vm are Socle's own\n"
    if debug_exit:
        text += f"debug-exit {DEBUG_EXIT:#x}\n"
    return text + "".join(vms)


def fat_size_mib(sizes):
    """A FAT32 that holds files of these sizes: at least 65525 clusters, at most 1/16 spare."""
    content = sum(sizes) + len(sizes) * 4096
    return max(36, (content + content // 16) // MIB + 4)


def call(command, what):
    """Runs a tool; its words are shown when it fails. Returns what it put out."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "315532800")
    environment = dict(os.environ, SOURCE_DATE_EPOCH=epoch, TZ="UTC", MTOOLS_SKIP_CHECK="1")
    try:
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ImageError(f"{what}: {command[0]} is not installed") from error
    if done.returncode:
        raise ImageError(f"{what}: {command[0]}: {(done.stderr or done.stdout).decode().strip()}")
    return done.stdout


def read_file(image, path):
    """The bytes of a file on the image's ESP."""
    drive = f"{image}@@{PART_START * SECTOR}"
    return call(["mtype", "-i", drive, f"::{path}"], path)


def write_image(out, files, spare_mib=0):
    """Writes the image: files is {path on the ESP: Path or bytes}; spare_mib: room for more."""
    for source in files.values():
        if isinstance(source, Path) and not source.is_file():
            raise ImageError(f"no such file: {source}")
    sizes = [s.stat().st_size if isinstance(s, Path) else len(s) for s in files.values()]
    mib = fat_size_mib(sizes) + spare_mib
    cluster = 1 if mib < 260 else 8
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".part")
    with open(partial, "wb") as image:
        image.truncate((1 + mib + GPT_TAIL_MIB) * MIB)
    end = PART_START + mib * MIB // SECTOR - 1
    call(["sgdisk", "--clear", f"--disk-guid={DISK_GUID}", f"--new=1:{PART_START}:{end}",
          "--typecode=1:ef00", "--change-name=1:Socle", f"--partition-guid=1:{PART_GUID}",
          str(partial)], "partition table")  # fmt: skip
    drive = ["-i", f"{partial}@@{PART_START * SECTOR}"]
    call(["mformat", *drive, "-F", "-T", str(end + 1 - PART_START), "-H", str(PART_START), "-h",
          "64", "-s", "32", "-c", str(cluster), "-N", FAT_SERIAL, "-v", "SOCLE", "::"],
         "file system")  # fmt: skip
    folders = {str(p) for path in files for p in Path(path).parents if str(p) != "."}
    call(["mmd", *drive, *(f"::{folder}" for folder in sorted(folders))], "folders")
    for path, source in sorted(files.items()):
        if isinstance(source, Path):
            call(["mcopy", *drive, str(source), f"::{path}"], path)
            continue
        with tempfile.NamedTemporaryFile() as copy:
            copy.write(source)
            copy.flush()
            call(["mcopy", *drive, copy.name, f"::{path}"], path)
    partial.replace(out)


def linux_files(efi, kernel, initrd, config):
    """The stick's files for one Linux guest; efi: loaders, one, several or none; no initrd: None."""
    loaders = [efi] if isinstance(efi, (str, Path)) else efi or []
    files = {f"EFI/BOOT/{Path(loader).name}": Path(loader) for loader in loaders}
    files["guests/vmlinuz"] = Path(kernel)
    if initrd:
        files["guests/initrd.img"] = Path(initrd)
    files["socle/socle.conf"] = config.encode()
    return files


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--efi", required=True, nargs="+")
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd", default="")
    parser.add_argument("--options", default="console=ttyS0")
    parser.add_argument("--memory", default="512M")
    parser.add_argument("--debug-exit", action="store_true", help="for QEMU: end it with a status")
    arguments = parser.parse_args()
    try:
        guest = linux_vm(
            initrd=bool(arguments.initrd), options=arguments.options, memory=arguments.memory
        )
        config = configuration([guest], arguments.debug_exit)
        write_image(
            arguments.out, linux_files(arguments.efi, arguments.kernel, arguments.initrd, config)
        )
    except ImageError as error:
        sys.exit(f"Socle image: {error}")


if __name__ == "__main__":
    main()
