# SPDX-License-Identifier: Apache-2.0
"""The machines of the benchmark: one CPU, emulated, its instructions counted."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "setup"), str(HERE.parent / "system")]

# pylint: disable=wrong-import-position
import mkimage
import qemu


class BenchError(Exception):
    """A run that gave no result; the text says why."""


def multiboot_machine(name, files, config, memory=512, **more):
    """Socle by its Multiboot image, which no firmware takes its time before; files: (kernel, initrd or None)."""
    files = mkimage.linux_files(None, files[0], files[1], config)
    return qemu.Machine(name, multiboot=files, memory=memory, accelerator=qemu.tcg(), **more)


def socle_machine(name, _efi, files, counted=True, memory=256, nested=False):
    """Socle with a guest of so many MiB; files: (kernel, initrd or None, options)."""
    vm = mkimage.linux_vm(initrd=bool(files[1]), options=files[2], memory=f"{memory}M")
    vm += "\tnested   on\n" if nested else ""
    config = mkimage.configuration([vm], debug_exit=True)
    extra = list(qemu.ICOUNT) if counted else []
    return multiboot_machine(name, files, config, memory + 256, extra=extra)


def linux_machine(name, files, memory):
    """QEMU alone, entered by its -kernel."""
    kernel, initrd, options = files
    direct = ["-kernel", str(kernel), "-initrd", str(initrd), "-append", options]
    return qemu.Machine(
        name, firmware=False, memory=memory, accelerator=qemu.tcg(), extra=[*qemu.ICOUNT, *direct]
    )


def several_machine(setting, guest):
    """Socle with the VMs of the setting."""
    config = setting.config(mkimage.DEBUG_EXIT)
    extra = list(qemu.ICOUNT)
    return multiboot_machine(
        f"bench-{setting.name}", (guest, None), config, cpus=setting.cpus, extra=extra
    )
