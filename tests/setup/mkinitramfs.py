#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a small busybox initramfs, the same bytes for the same input, without privileges.

    mkinitramfs.py OUT.cpio.gz BUSYBOX SCRIPTS [MODULES]

SCRIPTS is a folder: its `init` becomes /init, everything else goes to /bin. MODULES, if given, is a
folder of kernel modules with a file `order`: they go to /modules, and /init inserts them in that
order. The format is cpio's "newc" (Linux, "initramfs buffer format"); writing it here rather than
by cpio(1) allows device nodes without root: /dev/console must be there before devtmpfs is, because
the kernel opens it as init's terminal.
"""

import gzip
import io
import stat
import sys
from pathlib import Path

FOLDERS = ["bin", "dev", "etc", "modules", "proc", "root", "run", "sys", "tmp"]
NODES = {"dev/console": (5, 1), "dev/null": (1, 3)}
LINKS = {"bin/sh": "busybox", "sbin": "bin"}


class Cpio:
    """A newc archive in memory: root's files, no time."""

    def __init__(self):
        self.data = io.BytesIO()
        self.inode = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        """Appends one member; mode holds its type too."""
        self.inode += 1
        path = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
        self.data.write(b"070701" + b"".join(b"%08x" % field for field in fields) + path)
        self.pad()
        self.data.write(content)
        self.pad()

    def pad(self):
        """Headers and contents start at multiples of four."""
        self.data.write(bytes(-self.data.tell() % 4))

    def finish(self):
        """The archive's bytes, with the trailer."""
        self.inode = -1
        self.add("TRAILER!!!", 0)
        return self.data.getvalue()


def members(busybox, scripts, modules):
    """Yields (name, mode, content, device)."""
    for name in FOLDERS:
        yield name, stat.S_IFDIR | (0o1777 if name == "tmp" else 0o755), b"", (0, 0)
    for name, device in NODES.items():
        yield name, stat.S_IFCHR | 0o600, b"", device
    for name, target in LINKS.items():
        yield name, stat.S_IFLNK | 0o777, target.encode(), (0, 0)
    yield "bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes(), (0, 0)
    for path in scripts.iterdir():
        name = "init" if path.name == "init" else f"bin/{path.name}"
        yield name, stat.S_IFREG | 0o755, path.read_bytes(), (0, 0)
    if modules:
        for path in modules.iterdir():
            yield f"modules/{path.name}", stat.S_IFREG | 0o644, path.read_bytes(), (0, 0)


def main():
    out, busybox, scripts, *modules = map(Path, sys.argv[1:])
    archive = Cpio()
    for member in sorted(members(busybox, scripts, modules[0] if modules else None)):
        archive.add(*member)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress(archive.finish(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
