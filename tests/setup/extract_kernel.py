#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Takes a kernel image and a few modules out of a Debian linux-image package.

    extract_kernel.py ARCH PACKAGE.deb OUT

leaves OUT/vmlinuz, OUT/modules/*.ko (unpacked, with what they depend on) and OUT/modules/order, the
file names in the order in which they can be inserted. One pass over the package: it unpacks to some
hundred megabytes, of which a few are kept.
"""

import lzma
import re
import subprocess
import sys
import tarfile
from pathlib import Path

# What the tests insert; what these depend on is found by the modules' own words.
WANTED = {
    "x86_64": ["kvm-amd", "kvm-intel", "virtio_pci", "virtio_blk", "virtio_console"],
    "arm64": ["virtio_mmio", "virtio_pci", "virtio_blk", "virtio_console"],
}
# Where to look for them and for their dependencies.
FOLDERS = (
    "arch/x86/kvm virt/lib drivers/crypto/ccp drivers/char/hw_random drivers/virtio drivers/block "
    "drivers/char/virtio_console drivers/char/tpm drivers/tee"
).split()


def unpack(name, data):
    """A module's ELF bytes, whatever it is packed with."""
    if name.endswith(".xz"):
        return lzma.decompress(data)
    if name.endswith(".zst"):
        return subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True).stdout
    return data


def dependencies(elf):
    """The names in a module's `depends=` line of its .modinfo section."""
    match = re.search(rb"\0depends=([^\0]*)\0", elf)
    return [name.decode() for name in match.group(1).split(b",") if name] if match else []


def read_package(deb):
    """Returns the kernel image and {module name: ELF bytes} of the folders above."""
    image, modules = None, {}
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            for member in tar:
                if member.isfile() and re.match(r"\./boot/vmlinuz-", member.name):
                    image = tar.extractfile(member).read()
                _, _, path = member.name.partition("/kernel/")
                match = re.search(r"([^/]+)\.ko(\.xz|\.zst)?$", path)
                if match and path.startswith(tuple(FOLDERS)):
                    data = unpack(path, tar.extractfile(member).read())
                    modules[match.group(1).replace("_", "-")] = data
    return image, modules


def insertion_order(wanted, modules):
    """Wanted modules after what they depend on; a kernel with one built in lacks its file."""
    order = []

    def visit(name):
        name = name.replace("_", "-")
        if name in modules and name not in order:
            for other in dependencies(modules[name]):
                visit(other)
            order.append(name)

    for name in wanted:
        visit(name)
    return order


def main():
    arch, deb, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    image, modules = read_package(deb)
    if image is None:
        sys.exit(f"Socle set-up: no kernel image in {deb}")
    (out / "modules").mkdir(parents=True, exist_ok=True)
    order = insertion_order(WANTED[arch], modules)
    for name in order:
        (out / "modules" / f"{name}.ko").write_bytes(modules[name])
    (out / "modules" / "order").write_text("".join(f"{name}.ko\n" for name in order))
    (out / "vmlinuz").write_bytes(image)


if __name__ == "__main__":
    main()
