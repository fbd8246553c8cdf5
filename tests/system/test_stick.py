# SPDX-License-Identifier: Apache-2.0
"""The stick as it is found in the field: slow, large, damaged, pulled; machines of many shapes.

`make test` runs the quick rows, `make test-stick` (SOCLE_STICK in the environment) all.
"""

import os
import re
from pathlib import Path

import mkimage
import pytest
import qemu
from linux_guest import CONSOLE, EFI, INITRD, check_selftest
from machine_rows import KERNEL, SCREEN, TIMEOUT, expect_on_screen, read_log
from qemu import Status

X86 = qemu.TARGET is qemu.X86_64
TREE = {"kind": f"{qemu.TARGET.kind},acpi=off"}
slow = pytest.mark.skipif("SOCLE_STICK" not in os.environ, reason="make test-stick runs it")


def stick_machine(name, config, more=None, **changes):
    """A machine with a USB stick that has a kernel, our initrd, and what @more says."""
    files = {f"EFI/BOOT/{qemu.TARGET.loader}": EFI, "socle/socle.conf": config.encode()}
    files.update({"guests/vmlinuz": KERNEL, "guests/initrd.img": INITRD})
    files.update(more or {})
    image = Path(f"build/system/{name}.img")
    mkimage.write_image(image, files)
    changes.setdefault("memory", 1024)
    changes.setdefault("accelerator", qemu.tcg())
    return qemu.Machine(name, image=image, disk="usb", **changes)


def linux(name="linux", memory=512, initrd="initrd.img", options=""):
    return (
        f"vm {name}\n\tlinux \\guests\\vmlinuz\n\tinitrd \\guests\\{initrd}\n"
        f"\toptions {CONSOLE} {options}\n\tmemory {memory}M\n"
    )


def selftest(name, guest=512, options="", **changes):
    """The self-test of a guest of so many MiB passes on such a machine."""
    options = f"socle.test socle.mem={guest}M {options}"
    config = mkimage.configuration([linux(memory=guest, options=options)], debug_exit=True)
    machine = stick_machine(name, config, **changes)
    check_selftest(qemu.run(machine, 6 * TIMEOUT))
    machine.image.unlink()


def report(machine, found, act=None):
    """The loader says what it found wrong and returns to the firmware; @act meanwhile."""
    with qemu.Console(machine, 2 * TIMEOUT) as console:
        console.expect("Socle: UEFI loader")
        if act:
            act(console)
        console.expect("Socle cannot start: a file could not be read.")
        console.expect("Returning to the firmware.")
        console.expect("BdsDxe: (failed to start|loading|starting) Boot")
    machine.image.unlink()
    text = " ".join(read_log(machine).split())
    assert re.search(found, text), text[-1500:]


def clusters(image, path):
    """The clusters of a file, first to last."""
    drive = f"{image}@@{mkimage.PART_START * mkimage.SECTOR}"
    text = mkimage.call(["mshowfat", "-i", drive, f"::{path}"], path).decode()
    first, last = map(int, re.search(r"<(\d+)-(\d+)>", text).groups())
    return first, last


def layout(image):
    """Byte offsets in the image: of each FAT, of cluster 2; bytes of a cluster. By the boot sector."""
    with open(image, "rb") as file:
        file.seek(mkimage.PART_START * mkimage.SECTOR)
        boot = file.read(512)
    reserved, count = int.from_bytes(boot[14:16], "little"), boot[16]
    size = int.from_bytes(boot[36:40], "little")
    start = mkimage.PART_START + reserved
    fats = [(start + i * size) * mkimage.SECTOR for i in range(count)]
    return fats, (start + count * size) * mkimage.SECTOR, boot[13] * mkimage.SECTOR


def test_stick_damaged():
    """The chain of the kernel's clusters leads nowhere."""
    machine = stick_machine("stick-damaged", linux())
    first, last = clusters(machine.image, "guests/vmlinuz")
    fats, _, _ = layout(machine.image)
    with open(machine.image, "r+b") as file:
        for fat in fats:
            file.seek(fat + (first + last) // 2 * 4)
            file.write(bytes(4))
    report(machine, r"needs \\guests\\vmlinuz, .* found the (file system is damaged|device reports)")


def test_stick_bad_sector():
    """A sector in the midst of the initrd cannot be read."""
    machine = stick_machine("stick-bad-sector", linux())
    first, last = clusters(machine.image, "guests/initrd.img")
    _, data, size = layout(machine.image)
    sector = (data + ((first + last) // 2 - 2) * size) // mkimage.SECTOR
    rules = Path("build/system/stick-bad-sector.rules")
    rules.write_text(f'[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "{sector}"\n')
    file = f"file={machine.image}"
    faulty = f"file=blkdebug:{rules}:{machine.image},rerror=report"
    machine.rewrite = lambda word: word.replace(file, faulty)
    report(machine, r"needs \\guests\\initrd.img, .* found (the device reports an error|failed)")


@slow
def test_stick_pulled():
    """While a file is being read, with the bar at a tenth or so."""
    config = linux(initrd="large.img")
    machine = stick_machine("stick-pulled", config, {"guests/large.img": bytes(64 << 20)})
    machine.rewrite = lambda word: word.replace(
        "if=none,id=stick", "if=none,id=stick,throttling.bps-read=8000000"
    ).replace("usb-storage,", "usb-storage,id=plug,")

    def pull(console):
        console.expect(r"large.img +\[#")
        console.qmp.execute("device_del", id="plug")

    report(machine, r"needs \\guests\\large.img, .* found (the medium was removed|the device (reports|does not))", pull)


def test_stick_many_files():
    """Long names, many folders and entries; what is named has the longest path there may be."""
    long = "a-name-as-long-as-those-of-distributions-kernels-" + "x" * 60
    path = f"guests/{long}.img"
    assert len(path) < 127
    more = {f"loader/entries/{i:03}-{long[:80]}.conf": f"title Number {i}\nlinux /k\nsort-key {i:03}\n".encode()
            for i in range(60)}  # fmt: skip
    more |= {f"many/{i % 40}/{long}-{i}.txt": b"x" for i in range(400)}
    more |= {path: INITRD}
    config = "timeout 60\n" + linux(initrd=f"{long}.img", options="quiet")
    machine = stick_machine("stick-many", config, more)
    with qemu.Console(machine, 2 * TIMEOUT) as console:
        console.expect("33  Number")
        console.expect("34  What this machine offers")
        console.send("\r")
        console.expect("userspace reached")
        console.expect("/ # ")
        console.send("poweroff\r")
        assert console.finish() == Status.POWERED_OFF
    machine.image.unlink()


def test_stick_no_serial():
    """Screen alone, from power-on to power-off."""
    options = "quiet socle.test socle.mem=512M"
    machine = stick_machine("stick-no-serial", linux(options=options), extra=SCREEN)
    with qemu.Console(machine, 2 * TIMEOUT, serial=False) as console:
        expect_on_screen(console, [r"vm linux: starting, 512 MiB", "^selftest: .* ok"])
        assert console.finish() == Status.POWERED_OFF
    machine.image.unlink()


@slow
def test_stick_several_large():
    """Three VMs with 200 MiB of initrd each: loaded with progress, and all three start."""
    padded = INITRD.read_bytes() + bytes(200 << 20)  # Linux skips zeros behind an archive
    more = {f"guests/large{i}.img": padded for i in range(3)}
    vms = [linux(f"vm{i}", 640, f"large{i}.img", "quiet") for i in range(3)]
    config = mkimage.configuration(vms, debug_exit=True)
    machine = stick_machine("stick-several", config, more, memory=4096, cpus=2)
    with qemu.Console(machine, 5 * TIMEOUT) as console:
        for i in range(3):
            console.expect(rf"large{i}.img +\[#+\.+\] +\d+%")
            console.expect(rf"large{i}.img [^\n]* 100% +20\d\.\d MiB")
        for _ in range(3):
            console.expect("vm vm[0-2]: starting, 640 MiB")
        console.expect("userspace reached")
        console.expect("/ # ")
        console.send("poweroff\r")
        console.expect("vm vm0: powered off by the guest")
    machine.image.unlink()


MACHINES = {
    "512M": {"memory": 512, "guest": 256},
    "4-cpus": {"cpus": 4},
    "8G": {"memory": 8192, "guest": 6144},
    # As much as an address of QEMU's usual CPUs reaches; this computer has it as far as it is used.
    "512G": {"memory": 512 << 10, "kind": f"{qemu.TARGET.kind},memory-backend=all", "extra": [
        "-object", "memory-backend-ram,id=all,size=512G,reserve=off"]},
}  # fmt: skip
if X86:
    MACHINES |= {
        # Most of the memory above 4 GiB, the rest in pieces around the firmware's own.
        "high": {"kind": "q35,max-ram-below-4g=512M", "memory": 3072, "guest": 2048},
        "i440fx": {"kind": "pc"},
        "5-levels": {"accelerator": qemu.tcg("max,la57=on,-cx16"), "options": "initcall_blacklist=amd_pstate_init"},
        "fragments": {"memory": 1024, "extra": [
            "-m", "1024,slots=8,maxmem=8G",
            *(word for i in range(6) for word in (
                "-object", f"memory-backend-ram,id=m{i},size=128M",
                "-device", f"pc-dimm,memdev=m{i},id=d{i}"))]},
    }  # fmt: skip
else:
    MACHINES |= {
        "tree": TREE,
        "tree-4-cpus": TREE | {"cpus": 4},
        "tree-no-highmem": {"kind": f"{qemu.TARGET.kind},acpi=off,highmem=off"},
        "a72": {"accelerator": qemu.tcg("cortex-a72")},
    }


@slow
@pytest.mark.parametrize("shape", MACHINES)
def test_stick_machine(shape):
    selftest(f"stick-{shape}", **MACHINES[shape])
