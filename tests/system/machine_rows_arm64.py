# SPDX-License-Identifier: Apache-2.0
"""Rows of test_boot.py that only ARM64 has."""

import gzip
import re
import struct
import subprocess
import time

import mkimage
import pytest
import qemu
from linux_guest import CONSOLE, INITRD, socle_machine, tail, use_console
from machine_rows import (
    BAD_KERNEL, KERNEL, SCREEN, SHOWN, TIMEOUT, UNABLE_HEAD, check_guest_death, config_text,
    expect_on_screen, loader_machine, loader_report, machine_kind, read_log, reported,
    reported_kernel, row,
)  # fmt: skip
from qemu import Status

# Kernels. Linux's "Booting AArch64 Linux", section "Call the kernel image", and its zboot header.

NO_IMAGE = BAD_KERNEL.format(
    "magic", "expected an arm64 Image, plain, gzip'ed or as EFI zboot, found {}"
)


def image_of(code, **fields):
    """A hand-made Image that consists of this code."""
    header = {"text_offset": 0, "image_size": 1 << 16, "flags": 0xA} | fields
    head = struct.pack("<2I3Q", 0x14000010, 0, *header.values())  # b 64
    image = head.ljust(56, b"\0") + b"ARM\x64" + bytes(4)
    return image + b"".join(word.to_bytes(4, "little") for word in code)


def zboot(packed, compression=b"gzip", offset=64):
    """An EFI zboot file around this payload, without the program that would unpack it."""
    head = b"MZ\0\0zimg" + struct.pack("<2I8x", offset, len(packed))
    return head + compression.ljust(32, b"\0") + bytes(8) + packed


def gzip_fast(data):
    return gzip.compress(data, compresslevel=1, mtime=0)


WFI = 0xD503207F
IMAGE = image_of([WFI])
REPORTED_KERNELS = {
    "not-a-kernel": (bytes(4096), NO_IMAGE.format("something else")),
    "short-kernel": (
        b"MZ",
        BAD_KERNEL.format("size", "expected an arm64 Image of at least 64 bytes, found 2"),
    ),
    "x86-kernel": (
        b"MZ".ljust(0x202, b"\0") + b"HdrS".ljust(512, b"\0"),
        NO_IMAGE.format("an x86 bzImage"),
    ),
    "big-endian": (
        image_of([WFI], flags=0xB),
        BAD_KERNEL.format("flags", "expected a little-endian kernel, found 0xb"),
    ),
    "old-kernel": (
        image_of([WFI], image_size=0),
        BAD_KERNEL.format("image_size", "expected a size as since Linux 3.17, found 0x0"),
    ),
    "cut-gzip": (
        gzip_fast(image_of([WFI] * 4096))[:-20],
        BAD_KERNEL.format("gzip", "the file is cut off: it ends after"),
    ),
    "corrupt-gzip": (
        gzip_fast(IMAGE)[:-8] + bytes(8),
        BAD_KERNEL.format("gzip", "the file is corrupt: incorrect data check after"),
    ),
    "gzip-of-garbage": (
        gzip_fast(b"garbage" * 1000),
        NO_IMAGE.format("something else inside"),
    ),
    "gzip-too-long": (
        gzip_fast(image_of([WFI] * 4096, image_size=4096)),
        BAD_KERNEL.format("image_size", "expected at most the 4096 bytes of the header's image"),
    ),
    "zboot-zstd": (
        zboot(b"(\xb5/\xfd" + bytes(64), b"zstd"),
        BAD_KERNEL.format("compression", 'expected gzip, found "zstd" in this EFI zboot file'),
    ),
    "cut-zboot": (
        zboot(gzip_fast(IMAGE))[:-1],
        BAD_KERNEL.format("payload", f"expected {len(zboot(gzip_fast(IMAGE)))} bytes, found "),
    ),
}
for _name, _arguments in REPORTED_KERNELS.items():
    reported(_name, *_arguments)(reported_kernel)


@reported("cut-kernel")
def reported_cut_kernel():
    size = 1 << 20

    def is_right(report):
        found = re.search(rf"expected (\d+) bytes, found {size}: the file is cut off", report)
        return found and size < int(found.group(1)) <= KERNEL.stat().st_size

    return reported_kernel(KERNEL.read_bytes()[:size], is_right)


@row("kernel-gzip", gzip_fast)
@row("kernel-zboot", lambda kernel: zboot(gzip_fast(kernel)))
def packed_kernel(name, pack):
    """The loader unpacks what distributions pack."""
    options = f"\toptions {CONSOLE} quiet"
    config = config_text("\tinitrd \\guests\\initrd.img", options, "\tmemory 256M")
    machine = loader_machine(name, config, pack(KERNEL.read_bytes()), INITRD, memory=1024)
    with qemu.Console(machine, TIMEOUT) as console:
        console.expect(r"unpacking \\guests\\vmlinuz[^\n]* 100%")
        console.expect("userspace reached")
        console.expect("/ # ")
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF


# Machines that cannot run Socle.

NOT_EL2 = (
    "needs to be started by the firmware at EL2, the hypervisor's exception level "
    "found EL1, on a CPU that {}"
)
NO_EL2 = NOT_EL2.format("shows no EL2: it lacks one, or this machine is itself virtual")
NO_GIC = (
    "needs a GICv3 or later with its system registers (ID_AA64PFR0_EL1.GIC) "
    "found none: a GICv2, or the firmware hides it"
)


@row("report-no-el2", "virt,gic-version=3", [NO_EL2])
@row("report-gicv2", "virt,virtualization=on,gic-version=2", [NO_GIC])
@row("report-no-el2-gicv2", "virt,gic-version=2", [NO_EL2, NO_GIC])
def report_machine(name, kind, expected):
    config = config_text("\tmemory 128M")
    report = loader_report(loader_machine(name, config, b"", kind=kind))
    assert UNABLE_HEAD in report, report
    for problem in expected:
        assert problem in report, report
    assert report.count(" needs ") == len(expected), report


# The guest's death: a hand-made kernel that sleeps with no interrupt to wake it.

# mov x19, #0x4000; 1: subs x19, x19, #1; b.ne 1b; mov x20, #0x1234; wfi
DYING = [0xD2880013, 0xF1000673, 0x54FFFFE1, 0xD2824694, WFI]
DEATH = [
    r"vm linux: stopped: waits for an interrupt with all of them off$",
    r"linux: vCPU 0, last exit: class 01 \(ESR [0-9a-f]{8}\), \d+ exits$",
    r"linux: pc 0000000040[0-9a-f]{6} sp 0{16} pstate 600003c5$",
    r"linux: x18 0{16} x19 0{16} x20 0{12}1234$",
]


@row("guest-death")
def guest_death(name):
    check_guest_death(loader_machine(name, config_text("\tmemory 128M"), image_of(DYING)), DEATH)


@row("guest-death-status")
def guest_death_status(name):
    """With debug-exit the run ends with a status."""
    config = mkimage.configuration([config_text("\tmemory 128M")], debug_exit=True)
    machine = loader_machine(name, config, image_of(DYING))
    result = qemu.run(machine, TIMEOUT)
    assert result.status == Status.GUEST_DIED, tail(result.log)
    for line in [*DEATH, r"no guest is left: a guest failed$"]:
        assert re.search(r"^\[socle \d+\.\d+\] .*" + line, result.log, re.M), tail(result.log)


# x86-64's row for a machine without a serial port has a keyboard besides.
@row("screen-only")
def screen_only(name):
    """No serial port: the screen shows it all."""
    machine = socle_machine(name, "6.12", "quiet socle.test socle.mem=512M")
    machine.extra = SCREEN
    with qemu.Console(machine, TIMEOUT, serial=False) as console:
        expect_on_screen(console, [*SHOWN, "^selftest: .* ok"])
        assert console.finish() == Status.POWERED_OFF


# Devices as the guest uses them.


@row("sleep")
def sleep(name):
    """The guest's seconds are the host's, and its clock's alarm wakes it from its sleep."""
    with qemu.Console(socle_machine(name, "6.12", "quiet"), TIMEOUT) as console:
        console.expect("/ # ")
        started = time.monotonic()
        console.send("sleep 2; echo wo''ke\r")
        console.expect("woke\r\n")
        assert 1.9 < time.monotonic() - started < 10
        console.expect("/ # ")
        started = time.monotonic()
        # No timer runs on in this kind of sleep.
        console.send("echo +3 >/sys/class/rtc/rtc0/wakealarm; echo freeze >/sys/power/state\r")
        console.expect("/ # ")
        assert 1.9 < time.monotonic() - started < 10
        console.send("grep GICv3 /proc/interrupts\r")
        console.expect(r"GICv3  27 Level     arch_timer")
        console.expect(r" [1-9]\d*     GICv3  33 Level     uart-pl011")
        console.expect(r" 1     GICv3  34 Level     rtc-pl031")
        console.expect("/ # ")
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF


# Machines whose device tree lacks something. Devicetree Specification, "Flattened Devicetree (DTB)
# Format".

KIND = qemu.TARGET.kind
FDT_BEGIN_NODE, FDT_END_NODE, FDT_PROP, FDT_NOP, FDT_END = 1, 2, 3, 4, 9


def cells(data, at, count=1):
    return struct.unpack_from(f">{count}I", data, at)


def text_at(data, at):
    return data[at : data.index(0, at)].decode("ascii")


def without_property(tree, node, name):
    """The tree with NOPs in the place of a property of a node at the root."""
    tree = bytearray(tree)
    at, strings = cells(tree, 8, 2)
    path, found = [], 0
    while (token := cells(tree, at)[0]) != FDT_END:
        start, at = at, at + 4
        if token == FDT_BEGIN_NODE:
            path.append(text_at(tree, at))
            at += len(path[-1]) + 1
        elif token == FDT_END_NODE:
            path.pop()
        elif token == FDT_PROP:
            length, offset = cells(tree, at, 2)
            at += 8 + length
        at = (at + 3) & ~3
        if token == FDT_PROP and path == ["", node] and text_at(tree, strings + offset) == name:
            tree[start:at] = FDT_NOP.to_bytes(4, "big") * ((at - start) // 4)
            found += 1
    assert found == 1, f"{node} has no {name}"
    return bytes(tree)


def tree_machine(name, node, lacking):
    """A machine without ACPI whose device tree lacks a property."""
    machine = socle_machine(name, "6.12", "quiet")
    machine.kind = f"{KIND},acpi=off"
    path = machine.image.with_suffix(".dtb")
    dump = [qemu.QEMU, "-machine", f"{machine.kind},dumpdtb={path}", "-m", str(machine.memory)]
    dump += [*qemu.tcg().arguments(), "-nodefaults", "-display", "none"]
    subprocess.run(dump, check=True, capture_output=True)
    path.write_bytes(without_property(path.read_bytes(), node, lacking))
    machine.extra = ["-dtb", str(path)]
    return machine


@row("tree-no-serial-interrupt")
def tree_no_serial_interrupt(name):
    """Input is polled for."""
    machine = tree_machine(name, "pl011@9000000", "interrupts")
    assert use_console(machine) == Status.POWERED_OFF
    assert "serial input: polled (its interrupt is not told)" in read_log(machine)


@row("tree-no-maintenance")
def tree_no_maintenance(name):
    """The core finds out what the loader does not look for."""
    result = qemu.run(tree_machine(name, "intc@8000000", "interrupts"), TIMEOUT)
    assert result.status == Status.GUEST_DIED, tail(result.log)
    report = "error: this machine lacks what Socle needs: GIC maintenance interrupt\n"
    assert report in result.log, tail(result.log)


# Machines: VHE or not, 8 bits of VMID or 16, ACPI or a device tree, what a guest must not see.

MAX = {"accelerator": qemu.tcg(qemu.TARGET.cpu)}
A72 = {"accelerator": qemu.tcg("cortex-a72")}
TREE = {"kind": f"{KIND},acpi=off"}
UNUSUAL = "earlycon=pl011,0x9000000 debug_pagealloc=on nohlt nohz=off highres=off kpti=on"
MACHINES = {
    "machine-6.1": ({}, 256, UNUSUAL, "6.1"),
    "machine-6.1-a72-tree": (A72 | TREE, 256, "", "6.1"),
    "machine-6.12-usb": ({"disk": "usb"}, 512),
    "machine-a72": (A72, 256),
    "machine-n1": ({"accelerator": qemu.tcg("neoverse-n1")}, 256),
    "machine-a35": ({"accelerator": qemu.tcg("cortex-a35")}, 256),
    "machine-a64fx": ({"accelerator": qemu.tcg("a64fx")}, 256),
    "machine-6G": ({"memory": 6144}, 3072),  # not all of it below 4 GiB
    "machine-4-cpus-513M-tree": ({"cpus": 4, "memory": 513} | TREE, 192),
    "machine-poor": ({"kind": f"{KIND},its=off,highmem=off"}, 128),
    "machine-rich": (
        {"kind": KIND.replace("gic-version=3", "gic-version=4") + ",mte=on,iommu=smmuv3"} | MAX,
        256,
    ),
}
for _name, _arguments in MACHINES.items():
    row(_name, *_arguments)(machine_kind)


@row("machine-n2", "neoverse-n2")
@row("machine-v1", "neoverse-v1")
@row("machine-a710", "cortex-a710")
def machine_newer(name, cpu):
    """CPUs that QEMU 7.2 does not emulate yet."""
    models = subprocess.run([qemu.QEMU, "-cpu", "help"], capture_output=True, text=True, check=True)
    if cpu not in models.stdout.split():
        pytest.skip(f"this QEMU does not emulate {cpu}")
    machine_kind(name, {"accelerator": qemu.tcg(cpu)})
