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


def socle_machine(name, efi, files, counted=True):
    """Socle with a guest of 256 MiB; files: (kernel, initrd or None, options)."""
    kernel, initrd, options = files
    vm = mkimage.linux_vm(initrd=bool(initrd), options=options, memory="256M")
    image = Path(f"build/bench/{name}.img")
    config = mkimage.configuration([vm], debug_exit=True)
    mkimage.write_image(image, mkimage.linux_files(efi, kernel, initrd, config))
    extra = list(qemu.ICOUNT) if counted else []
    return qemu.Machine(name, image=image, memory=512, accelerator=qemu.tcg(), extra=extra)


def linux_machine(name, files, memory):
    """QEMU alone, entered by its -kernel."""
    kernel, initrd, options = files
    direct = ["-kernel", str(kernel), "-initrd", str(initrd), "-append", options]
    return qemu.Machine(
        name, firmware=False, memory=memory, accelerator=qemu.tcg(), extra=[*qemu.ICOUNT, *direct]
    )
