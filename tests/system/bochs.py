# SPDX-License-Identifier: Apache-2.0
"""Starts Bochs with a stick image under UEFI and says how the run ended, in qemu.py's words.

UEFI takes it some 850 million instructions; a BIOS with GRUB on a CD takes a fifth of that, and is
the other way in which people start Socle.

QEMU's CPU emulation has no Intel VMX, and of SVM neither next-RIP nor flush-by-ASID: Bochs has all
of them. `make bochs` builds it. Its exit status is 1 however a run ends, so its log is read while it
runs: the log shows what is written to the debug-exit port, too, which no device answers there.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import qemu
from qemu import LOGS, Result, Status

BOCHS = Path(os.environ.get("SOCLE_BOCHS", "build/cache/bochs/bochs"))
UEFI = ["/usr/share/ovmf/OVMF.fd", "/usr/share/edk2/ovmf/OVMF.fd", "/usr/share/edk2/x64/OVMF.fd"]
BIOS = ["/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/bios-256k.bin"]
VGA_ROMS = ["/usr/share/vgabios/vgabios.bin", "/usr/share/bochs/VGABIOS-lgpl-latest.bin"]

# Models of CPU.
SKYLAKE = "corei7_skylake_x"  # VMX with all that Bochs has, but 5-level paging
IVY_BRIDGE = "corei7_ivy_bridge_3770k"  # the preemption timer, but no virtual-interrupt delivery
ARRANDALE = "corei5_arrandale_m520"  # the least that Socle can use: EPT without A/D bits, no XSAVE
LYNNFIELD = "corei5_lynnfield_750"  # EPT without unrestricted guest
PENRYN = "core2_penryn_t9600"  # VMX without EPT
RYZEN = "ryzen"  # SVM with nested paging, next-RIP, flush-by-ASID

# What lines of Bochs' log end a run, and as what.
RESETS = re.compile(r"bx_pc_system_c::Reset\((?:HARDWARE|SOFTWARE)\) called")
ENDS = [
    (re.compile(r"8-bit write to 00f4 = 01"), Status.GUEST_DIED),
    (re.compile(r"8-bit write to 00f4 = 02"), Status.PANIC),
    (re.compile(r"Shutdown port: shutdown requested|ACPI control: soft power off"),
     Status.POWERED_OFF),
    (re.compile(r"exception\(\): 3rd \("), Status.MACHINE_RESET),
]  # fmt: skip

CONFIGURATION = """\
plugin_ctrl: unmapped=1, biosdev=1, serial=1{fw_cfg_plugin}
display_library: nogui
config_interface: textconfig
memory: guest={memory}, host={memory}
romimage: file={firmware}
vgaromimage: file={vga_rom}
{fw_cfg}pci: enabled=1, chipset=i440fx, slot1=pcivga
cpu: model={cpu}, count={cpus}, ips={ips}, reset_on_triple_fault=0, ignore_bad_msrs=1, \
exclude_features="rdrand,rdseed"
clock: sync={sync}, time0=1700000000
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: {disk}
boot: {boot}
com1: enabled=1, {serial}
log: {log}
logprefix: %t%e%d
panic: action=fatal
error: action={errors}
info: action=report
debug: action=ignore, unmapped=report
"""


def missing():
    """What this machine lacks to run Bochs; empty: nothing."""
    if not BOCHS.exists():
        return f"no {BOCHS}: make bochs builds it"
    try:
        find(UEFI), find(BIOS), find(VGA_ROMS)
    except FileNotFoundError as error:
        return str(error)
    return ""


def write_disc(path, files):
    """A CD whose GRUB starts Socle with these modules: {path: a file or bytes}."""
    lines = ["set root=cd", "multiboot2 /socle.mb"]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        shutil.copy(qemu.MULTIBOOT, root / "socle.mb")
        for number, (module, source) in enumerate(files.items()):
            content = source if isinstance(source, bytes) else Path(source).read_bytes()
            (root / str(number)).write_bytes(content)
            lines.append(f"module2 /{number} /{module}")
        config = Path(folder) / "grub.cfg"
        config.write_text("\n".join([*lines, "boot", ""]), "ascii")
        grub = ["grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/", "-c", str(config)]
        core = ["-o", str(root / "core.img"), "biosdisk", "iso9660", "multiboot2"]
        subprocess.run([*grub, *core], check=True)
        boot = ["-b", "core.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"]
        command = ["xorriso", "-as", "mkisofs", "-quiet", "-R", *boot, "-o", str(path), str(root)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def find(paths):
    """The first of the paths that exists."""
    for path in paths:
        if os.path.exists(path):
            return path
    raise FileNotFoundError(f"none of {', '.join(paths)} (Debian packages ovmf, vgabios)")


def loader_files(efi, madt, cpus):
    """What the firmware starts from the stick; without ACPI tables it needs help to tell of CPUs."""
    if cpus == 1 or version() >= (3, 1):
        return {"EFI/BOOT/BOOTX64.EFI": efi}
    return {"EFI/BOOT/BOOTX64.EFI": madt, "EFI/BOOT/SOCLE.EFI": efi}


def version():
    """Of the Bochs that was built: (3, 0)."""
    text = (BOCHS.parent / "version").read_text("ascii")
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


@dataclass
class Machine:
    """One machine to run: one disk, one serial line."""

    name: str  # of its logs
    image: Path = None  # stick image; what is written to it is lost
    multiboot: dict = None  # files as on a stick: Socle by a BIOS, from a CD with GRUB
    cpu: str = SKYLAKE
    cpus: int = 1
    memory: int = 1024  # MiB, of guests and Socle together
    ips: int = 200_000_000  # instructions that are one second to the machine's clocks: the TSC's Hz
    errors: str = "report"  # "ignore": for timing; Bochs logs each MSR that it does not know
    sync: str = "none"  # "slowdown": its clocks are not faster than the user's, and it rests when idle
    serial: str = ""  # Bochs' words for what the serial line goes to; "": the log
    extra: list = field(default_factory=list)  # more lines of configuration

    @property
    def log_path(self):
        """What the serial line said."""
        return LOGS / f"{self.name}.log"

    @property
    def bochs_log_path(self):
        """What Bochs itself says."""
        return LOGS / f"{self.name}.bochs.log"

    def disk(self):
        """Bochs' words for what it starts from; writes a CD."""
        if self.multiboot is None:
            return f'type=disk, path="{self.image}", mode=volatile'
        disc = Path(f"build/system/{self.name}.iso")
        disc.parent.mkdir(parents=True, exist_ok=True)
        write_disc(disc, self.multiboot)
        return f'type=cdrom, path="{disc}", status=inserted'

    def command(self):
        """Bochs' command line; writes its configuration."""
        LOGS.mkdir(parents=True, exist_ok=True)
        # From 3.1 on Bochs gives the firmware ACPI tables.
        has_fw_cfg = version() >= (3, 1)
        text = CONFIGURATION.format(
            fw_cfg_plugin=", fw_cfg=1" if has_fw_cfg else "",
            fw_cfg="fw_cfg: enabled=1\n" if has_fw_cfg else "",
            memory=self.memory,
            firmware=find(UEFI if self.multiboot is None else BIOS),
            vga_rom=find(VGA_ROMS),
            cpu=self.cpu,
            cpus=self.cpus,
            ips=self.ips,
            disk=self.disk(),
            boot="disk" if self.multiboot is None else "cdrom",
            serial=self.serial or f"mode=file, dev={self.log_path}",
            sync=self.sync,
            log=self.bochs_log_path,
            errors=self.errors,
        )
        path = LOGS / f"{self.name}.bochsrc"
        path.write_text(text + "".join(f"{line}\n" for line in self.extra), "ascii")
        return [str(BOCHS), "-q", "-f", str(path)]


class Follower:
    """A log that is still being written to."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.text = ""

    def more(self):
        """Reads on; is there anything new?"""
        try:
            with open(self.path, "rb") as log:
                log.seek(self.offset)
                new = log.read()
        except FileNotFoundError:
            return False
        self.offset += len(new)
        self.text += new.decode("utf-8", errors="replace")
        return bool(new)


def log_status(text):
    """How the run ended by what Bochs' log says; None: it has not."""
    for pattern, status in ENDS:
        if pattern.search(text):
            return status
    # The first is the power-on.
    return Status.MACHINE_RESET if len(RESETS.findall(text)) > 1 else None


def start(machine):
    """The running Bochs, as a process; its own words go to a file beside the logs."""
    command = machine.command()
    for path in (machine.log_path, machine.bochs_log_path):
        path.unlink(missing_ok=True)
    with open(LOGS / f"{machine.name}.out", "wb") as out:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )


class Watch:
    """Tells how a run ended, and whether it has."""

    def __init__(self, process, machine):
        self.process = process
        self.log = Follower(machine.bochs_log_path)

    def status(self):
        """None: it goes on."""
        ended = self.process.poll() is not None
        self.log.more()
        status = log_status(self.log.text)
        return Status.QEMU_FAILED if status is None and ended else status


def follow(process, machine, end, until):
    """Watches the logs until the machine's or the user's end of the run."""
    watch, serial = Watch(process, machine), Follower(machine.log_path)
    while (status := watch.status()) is None:
        if until and serial.more() and re.search(until, serial.text):
            return Status.QUIT
        if time.monotonic() > end:
            return Status.TIMEOUT
        time.sleep(0.2)
    return status


def run(machine, timeout, until=None):
    """Runs a machine to its end, or until the serial line matches `until` (QUIT); logs are kept."""
    started = time.monotonic()
    process = start(machine)
    try:
        status = follow(process, machine, started + timeout, until)
    finally:
        if process.poll() is None:
            qemu.stop(process)
    serial = Follower(machine.log_path)
    serial.more()
    return Result(status, serial.text, time.monotonic() - started)
