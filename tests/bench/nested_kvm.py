#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Socle under nested KVM: `make test-kvm`.

    nested_kvm.py --efi BOOTX64.EFI --kernels FOLDER --initrd FILE [--series 6.12] [--timeout 1200]

Where KVM nests, `make run` and the system tests use it already. Here it is made wherever there is an
emulator: emulated machine > stock Linux with KVM > this system's QEMU and UEFI > Socle > Linux, which
runs its self-test and powers off. All that the stock Linux needs travels in its initramfs.
"""

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
from machine import mkimage, qemu
import mkinitramfs

OUT = Path("build/nested")
# QEMU does not intercept XSETBV: KVM never learns of its guest's XCR0, gives a wrong CPUID leaf D and
# loads XCR0 = 1 before the next entry, with and without Socle. So nobody gets XSAVE here.
CPU = qemu.TCG_CPU + "".join(
    f",-{name}" for name in "xsave xsaveopt xgetbv1 avx avx2 f16c fma".split()
)
GUEST_MIB, INNER_MIB, OUTER_MIB = 256, 768, 3072
# QEMU's own files that a machine of KVM's wants, wherever they are among its data.
QEMU_DATA = [Path("/usr/share/qemu"), Path("/usr/share/seabios")]
QEMU_FILES = ["kvmvapic.bin", "bios-256k.bin"]
STICK = Path("/stick.img")
# What must be said, in this order, and what must not.
EXPECTED = [
    r"nested: .*nested=[1Y]",
    r"(SVM|VMX): revision",
    r"vm linux: starting",
    r"socle-guest: userspace reached",
    r"selftest: done \d+ ok 0 failed",
    r"vm linux: powered off by the guest after \d+ exits",
    r"nested: QEMU ended with status 0",
]
UNWANTED = [r"selftest: \S+ FAIL.*", r"selftest: warning: .*"]


def libraries(program):
    """The files that a program's dynamic linker loads, the linker too."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in re.findall(r"(?:=> |^\t)(/\S+) \(0x", text, re.M)]


def write_stick(arguments, path):
    kernel = arguments.kernels / arguments.series / "vmlinuz"
    options = f"console=ttyS0 socle.test socle.mem={GUEST_MIB}M"
    guest = mkimage.linux_vm(options=options, memory=f"{GUEST_MIB}M")
    config = mkimage.configuration([guest], debug_exit=True)
    mkimage.write_image(path, mkimage.linux_files(arguments.efi, kernel, arguments.initrd, config))


def inner_command():
    """The inner QEMU's command line; its files have the same paths there as here."""
    kvm = qemu.Accelerator("KVM", "kvm", "host")
    machine = qemu.Machine("nested-inner", image=STICK, memory=INNER_MIB, accelerator=kvm)
    return machine.command()


def add_tree(archive, files):
    """{path: Path or bytes} with the folders above them."""
    folders = {str(p) for path in files for p in Path(path.lstrip("/")).parents if str(p) != "."}
    for folder in sorted(folders - set(mkinitramfs.FOLDERS)):
        archive.add(folder, 0o40755)
    for path, source in sorted(files.items()):
        content = source.read_bytes() if isinstance(source, Path) else source
        archive.add(path.lstrip("/"), 0o100755, content)


def write_initramfs(arguments, path):
    """Not compressed: reading it is quicker than unpacking in an emulator."""
    stick = OUT / "stick.img"
    write_stick(arguments, stick)
    command = inner_command()
    program = shutil.which(qemu.QEMU)
    files = {str(file): file for file in libraries(program)}
    for folder in QEMU_DATA:
        found = {name: folder / name for name in QEMU_FILES if (folder / name).is_file()}
        files |= {str(path): path for path in found.values()}
    files |= {str(STICK): stick, "/inner": shlex.join(command).encode() + b"\n"}
    files[program] = Path(program)  # it looks for its data from where it is
    files |= {path: Path(path) for path in qemu.find_firmware()}
    archive = mkinitramfs.Cpio()
    busybox = Path(shutil.which("busybox"))
    scripts = Path(__file__).resolve().parent / "nested"
    modules = arguments.kernels / arguments.series / "modules"
    for member in sorted(mkinitramfs.members(busybox, scripts, modules)):
        archive.add(*member)
    add_tree(archive, files)
    path.write_bytes(archive.finish())


def outer_machine(arguments, initramfs):
    """
    Its instructions are counted, so that timer ticks are 10 million apart however slow this system
    is: else one may wait while the firmware's handler writes CR8, for which QEMU 7.2 aborts.
    """
    direct = ["-kernel", str(arguments.kernels / arguments.series / "vmlinuz")]
    direct += ["-initrd", str(initramfs), "-append", "console=ttyS0 quiet"]
    return qemu.Machine(
        "nested",
        firmware=False,
        memory=OUTER_MIB,
        accelerator=qemu.tcg(CPU),
        extra=[*qemu.ICOUNT, *direct],
    )


def run(machine, timeout):
    """Shows the machine's serial line with the time; returns it."""
    lines, started = [], time.monotonic()
    with subprocess.Popen(
        machine.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        errors="replace",
    ) as process:  # fmt: skip
        watchdog = threading.Timer(timeout, qemu.stop, [process])
        watchdog.start()
        for line in process.stdout:
            line = re.sub(r"\x1b\[[0-9;=]*[A-Za-z]", "", line).rstrip()
            if not line:
                continue
            lines.append(line)
            print(f"{time.monotonic() - started:6.0f} {line}", flush=True)
        watchdog.cancel()
    text = "\n".join(lines)
    machine.log_path.write_text(text, "utf-8")
    return text


def verdict(log):
    """What is wrong with a log; empty: nothing."""
    position = 0
    for pattern in EXPECTED:
        match = re.compile(pattern).search(log, position)
        if not match:
            return f"not in the log (in this order): {pattern}"
        position = match.end()
    bad = [match.group(0) for pattern in UNWANTED for match in re.finditer(pattern, log)]
    return "; ".join(bad)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--efi", type=Path, required=True)
    parser.add_argument("--kernels", type=Path, required=True)
    parser.add_argument("--initrd", type=Path, required=True)
    parser.add_argument("--series", default="6.12")
    parser.add_argument("--timeout", type=int, default=1200)
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    initramfs = OUT / "initramfs.cpio"
    try:
        write_initramfs(arguments, initramfs)
    except (mkimage.ImageError, FileNotFoundError) as error:
        sys.exit(f"Socle test-kvm: {error}")
    started = time.monotonic()
    wrong = verdict(run(outer_machine(arguments, initramfs), arguments.timeout))
    print(f"Socle test-kvm: {time.monotonic() - started:.0f} s: {wrong or 'passed'}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
