# SPDX-License-Identifier: Apache-2.0
"""Starts QEMU with a stick image under UEFI and says how the run ended.

Used by the system tests and by `make run`. What this machine offers decides the rest: KVM where it
really nests, otherwise QEMU's own CPU emulation (TCG). QEMU's machine protocol (QMP) tells a
power-off from a reset, which its exit status does not. SOCLE_ARCH in the environment names the
architecture (x86_64 or arm64), SOCLE_CPU a CPU model to emulate instead of the usual one.

A guest's death and a panic have exit statuses of their own (Status), where Socle's configuration has
`debug-exit`. On x86-64 its value is the port of QEMU's isa-debug-exit. On arm64 it is the number
of the HLT instruction by which QEMU is asked to end (semihosting, SYS_EXIT_EXTENDED, the status in
the parameter block). Semihosting would let whatever runs at EL1 or EL2 open the host's files;
with "target=gdb" those calls go to a debugger that is not there, and only the end is left.
"""

import enum
import fcntl
import json
import os
import queue
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LOGS = Path("build/logs")
MULTIBOOT = Path(os.environ.get("SOCLE_MULTIBOOT", "build/x86_64/socle.mb"))
MULTIBOOT_FILES = Path("build/system")

# An AMD CPU with SVM, less what QEMU 7.2's emulation lacks of that model (it would warn of each), and less
# CMPXCHG16B: in QEMU before 8.0 it leaves an operand of an earlier compare in RFLAGS, and what interrupts
# the guest then saves flags that no CPU could have (VM, NT). Linux's allocator uses it.
TCG_CPU = "EPYC,+svm,+npt," + ",".join(
    f"-{name}"
    for name in "rdseed sha-ni fxsr-opt misalignsse 3dnowprefetch osvw topoext xsavec nrip-save cx16".split()
)
VGIF_CPU = f"{TCG_CPU},+vgif"
# One instruction is one nanosecond, timers run between instructions, runs repeat exactly.
ICOUNT = "-icount shift=0,sleep=off -seed 1 -rtc base=2024-01-01,clock=vm".split()
KVM_CREATE_VM = 0xAE01


@dataclass(frozen=True)
class Target:
    """An architecture as QEMU has it."""

    program: str
    kind: str  # -machine
    cpu: str  # -cpu, emulated
    bare_kind: str  # the same for Linux alone: without what Socle must hide from it
    bare_cpu: str
    firmware: tuple  # flash images (code, variables) as the distributions name them
    package: str  # Debian's, of the firmware
    firmware_options: tuple
    loader: str  # the file that UEFI starts from a stick
    console: str  # Linux's name of the first serial port
    ending: tuple  # what QEMU needs for debug-exit


X86_64 = Target(
    program=os.environ.get("QEMU", "qemu-system-x86_64"),
    kind="q35",
    cpu=TCG_CPU,
    bare_kind="q35",
    bare_cpu=TCG_CPU.replace("+svm,+npt", "-svm"),
    firmware=(
        ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
        ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
        ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ),
    package="ovmf",
    firmware_options=(),
    loader="BOOTX64.EFI",
    console="ttyS0",
    ending=("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
)

# Pointer authentication by QEMU's own algorithm: the architected one takes half of a boot's time.
ARM64 = Target(
    program=os.environ.get("QEMU_ARM64", "qemu-system-aarch64"),
    kind="virt,virtualization=on,gic-version=3,dtb-randomness=off",
    cpu="max,pauth-impdef=on",
    bare_kind="virt,gic-version=3",
    bare_cpu="max,pauth-impdef=on,sve=off",
    firmware=(
        ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
        (
            "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw",
            "/usr/share/edk2/aarch64/vars-template-pflash.raw",
        ),
    ),
    package="qemu-efi-aarch64",
    firmware_options=("-boot", "menu=on,splash-time=0"),  # else it waits 5 s for a key
    loader="BOOTAA64.EFI",
    console="ttyAMA0",
    ending=("-semihosting-config", "enable=on,target=gdb"),
)
ARCH = os.environ.get("SOCLE_ARCH", "x86_64")
TARGET = {"x86_64": X86_64, "arm64": ARM64}[ARCH]
QEMU = TARGET.program


class Status(enum.IntEnum):
    """How a run ended. The odd ones are debug-exit's; isa-debug-exit makes (value << 1) | 1."""

    POWERED_OFF = 0
    QEMU_FAILED = 1
    GUEST_DIED = 3
    MACHINE_RESET = 4
    PANIC = 5
    QUIT = 6
    TIMEOUT = 124


MEANING = {
    Status.POWERED_OFF: "all guests have powered off",
    Status.QEMU_FAILED: "the emulator could not run the machine",
    Status.GUEST_DIED: "a guest died; its last words and the reason are above",
    Status.MACHINE_RESET: "the machine was reset, by a triple fault or on purpose",
    Status.PANIC: "Socle panicked: a bug of Socle, or an unusable machine; the report is above",
    Status.QUIT: "the emulator was told to quit",
    Status.TIMEOUT: "time is up; the emulator was stopped",
}


@dataclass
class Accelerator:
    """What runs the machine's CPUs."""

    name: str  # for the user
    kind: str  # -accel
    cpu: str  # -cpu

    def arguments(self, cpus=1):
        """Of QEMU's command line.

        Emulated CPUs share one thread where there are more than this machine's: else each waits for the
        others' turns. On x86 always: with one thread for each, FXRSTOR, XRSTOR and FLDENV of any CPU
        write back without a lock what CPU 0's internal flags were a moment ago (cpu_clear_ignne),
        "nested paging" among them. What follows a #VMEXIT then runs on the guest's tables.
        """
        shared = self.kind == "tcg" and (TARGET is X86_64 or cpus > os.cpu_count())
        return ["-accel", f"{self.kind},thread=single" if shared else self.kind, "-cpu", self.cpu]


def qemu_major():
    """QEMU's major version; 0 when it does not say."""
    text = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"version (\d+)", text)
    return int(match.group(1)) if match else 0


# What /proc/cpuinfo calls the vendor's virtualisation, and KVM's module for it.
NESTED = {"amd": ("svm", "kvm_amd"), "intel": ("vmx", "kvm_intel")}


def kvm_nests(vendor):
    """Does this machine's KVM offer nested virtualisation of that vendor? Its device may exist without."""
    flag, module = NESTED[vendor]
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text("ascii"), re.M)
    if not flags or flag not in flags.group(1).split():
        return False
    try:
        nested = Path(f"/sys/module/{module}/parameters/nested").read_text("ascii").strip()
        with open("/dev/kvm", "rb+", buffering=0) as kvm:
            os.close(fcntl.ioctl(kvm, KVM_CREATE_VM, 0))
    except OSError:
        return False
    return nested in ("1", "Y")


def tcg(cpu=os.environ.get("SOCLE_CPU") or TARGET.cpu):
    """QEMU's own CPU emulation."""
    return Accelerator("TCG (emulation)", "tcg", cpu)


def kvm(vendor):
    """The host's KVM, nested."""
    name = f"KVM with nested {NESTED[vendor][0].upper()}"
    return Accelerator(name, "kvm", "host")


def choose_accelerator():
    """KVM with nested SVM where there is one; VMX is emulated by Bochs, not by QEMU (see run.py)."""
    if TARGET is not X86_64 or os.environ.get("SOCLE_CPU"):
        return tcg()
    if kvm_nests("amd"):
        return kvm("amd")
    # Before QEMU 9 the emulated interrupt controller has no x2APIC.
    x2apic = ",+x2apic" if qemu_major() >= 9 else ""
    return tcg(TCG_CPU + x2apic)


def find_firmware():
    """The pair of UEFI flash images to use."""
    for code, variables in TARGET.firmware:
        if os.path.exists(code) and os.path.exists(variables):
            return code, variables
    raise FileNotFoundError(f"no UEFI firmware for QEMU found (Debian package {TARGET.package})")


def memory_mib(text):
    """MiB of `512M`, `2G` or plain MiB."""
    match = re.fullmatch(r"(\d+)([MG]?)", str(text))
    if not match:
        raise ValueError(f"not an amount of memory: {text} (expected, say, 512M or 2G)")
    return int(match.group(1)) * (1024 if match.group(2) == "G" else 1)


@dataclass
class Machine:
    """One machine to run; the defaults are those of the tests."""

    name: str  # of its log
    kind: str = TARGET.kind  # QEMU's -machine
    image: Path = None  # stick image; None: no disk
    firmware: bool = True  # UEFI; False: QEMU's BIOS, for `-kernel`
    multiboot: dict = None  # files as on a stick: Socle by `-kernel`, without UEFI and stick
    flash: tuple = ()  # its images (code, variables), where they are not the usual ones
    disk: str = "virtio"  # or "usb", as on a real machine but slower
    memory: int = 1024  # MiB, of guests and Socle together
    cpus: int = 1
    serial: list = field(default_factory=lambda: ["-serial", "stdio"])
    accelerator: Accelerator = None  # None: choose
    resets: bool = False  # goes on after a reset
    extra: list = field(default_factory=list)
    rewrite: Callable = None  # of each word of the command line, for what has no field here

    @property
    def log_path(self):
        return LOGS / f"{self.name}.log"

    def command(self):
        """QEMU's command line. The firmware's variables are fresh in each run."""
        LOGS.mkdir(parents=True, exist_ok=True)
        accelerator = self.accelerator or choose_accelerator()
        command = [QEMU, "-name", f"socle-{self.name}", "-machine", self.kind]
        command += accelerator.arguments(self.cpus)
        command += ["-m", str(self.memory), "-smp", str(self.cpus), "-nodefaults", "-no-user-config"]
        command += ["-display", "none", *([] if self.resets else ["-no-reboot"])]
        command += TARGET.ending
        if self.multiboot is not None:
            command += self.multiboot_arguments()
        elif self.firmware:
            code, variables = self.flash or find_firmware()
            # Written to a temporary layer over it: ARM64's are 64 MiB.
            flash = "if=pflash,format=raw,unit="
            command += ["-drive", f"{flash}0,readonly=on,file={code}"]
            command += ["-drive", f"{flash}1,snapshot=on,file={variables}"]
            command += TARGET.firmware_options
        if self.image:
            command += ["-drive", f"if=none,id=stick,format=raw,file={self.image}"]
            if self.disk == "usb":
                command += ["-device", "qemu-xhci"]
                command += ["-device", "usb-storage,drive=stick,removable=on,bootindex=0"]
            else:
                command += ["-device", "virtio-blk-pci,drive=stick,bootindex=0"]
        command += self.serial + self.extra
        return [self.rewrite(word) for word in command] if self.rewrite else command

    def multiboot_arguments(self):
        """A module's last word is its path; QEMU puts its file's name in front."""
        modules = []
        for path, source in self.multiboot.items():
            if isinstance(source, bytes):
                MULTIBOOT_FILES.mkdir(parents=True, exist_ok=True)
                file = MULTIBOOT_FILES / f"{self.name}-{Path(path).name}"
                file.write_bytes(source)
            else:
                file = source
            modules.append(f"{file} /{path}")
        return ["-kernel", str(MULTIBOOT), *(["-initrd", ",".join(modules)] if modules else [])]


class Qmp:
    """The other end of QEMU's machine protocol: remembers why the machine went down."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair()
        self.reason = None
        self.answers = queue.Queue()
        self.thread = threading.Thread(target=self._listen, daemon=True)

    @property
    def arguments(self):
        fd = self.theirs.fileno()
        return ["-chardev", f"socket,id=qmp,fd={fd}", "-mon", "chardev=qmp,mode=control"]

    def start(self):
        """To be called when QEMU has inherited its end."""
        self.theirs.close()
        self.ours.sendall(b'{"execute": "qmp_capabilities"}\n')
        self.thread.start()

    def execute(self, command, timeout=10, **arguments):
        """Has QEMU do something, and waits until it is done. False: the machine is gone."""
        request = {"execute": command, "arguments": arguments, "id": command}
        try:
            self.ours.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            return False
        answer = self.answers.get(timeout=timeout)
        if answer and "error" in answer:
            raise RuntimeError(f"QEMU: {command}: {answer['error']['desc']}")
        return answer is not None

    def _listen(self):
        with self.ours, self.ours.makefile("rb") as lines:
            try:
                for line in lines:
                    event = json.loads(line)
                    if event.get("event") == "SHUTDOWN":
                        self.reason = event["data"]["reason"]
                    if "id" in event:
                        self.answers.put(event)
            except OSError:
                pass
        self.answers.put(None)

    def status(self, exit_status):
        """What an exit status of QEMU means, now that it has ended."""
        self.thread.join(timeout=5)
        if exit_status in (Status.GUEST_DIED, Status.PANIC):
            return Status(exit_status)
        if exit_status != 0:
            return Status.QEMU_FAILED
        if self.reason == "guest-shutdown":
            return Status.POWERED_OFF
        if self.reason in ("guest-reset", "guest-panic", "subsystem-reset"):
            return Status.MACHINE_RESET
        return Status.QUIT


@dataclass
class Result:
    """How a run ended and what the serial line said."""

    status: Status
    log: str
    seconds: float


def stop(process):
    """Ends a QEMU that we started."""
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(machine, timeout):
    """Runs a machine to its end with nothing typed at it; the log is kept."""
    qmp = Qmp()
    command = machine.command() + qmp.arguments
    started = time.monotonic()
    with open(machine.log_path, "wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[qmp.theirs.fileno()],
        )
        qmp.start()
        try:
            status = qmp.status(process.wait(timeout))
        except subprocess.TimeoutExpired:
            status = Status.TIMEOUT
        finally:
            if process.poll() is None:
                stop(process)
    text = machine.log_path.read_text("utf-8", errors="replace")
    return Result(status, text, time.monotonic() - started)


class Console:
    """A machine with somebody at its serial line; time out and patterns are pexpect's.

    Without a serial port only the machine's end can be waited for, and its screen looked at. The
    line is read all the time: some of QEMU's ports make the whole machine wait for a reader.
    """

    def __init__(self, machine, timeout, serial=True):
        self.name = machine.name
        self.qmp = Qmp()
        self.line, theirs = socket.socketpair()
        # By default a few hundred bytes fill it, and QEMU's 16550 drops what does not fit for long.
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        fd = theirs.fileno()
        port = "chardev:line" if serial else "none"
        machine.serial = ["-chardev", f"socket,id=line,fd={fd}", "-serial", port]
        command = machine.command() + self.qmp.arguments
        self.log = open(machine.log_path, "w", encoding="utf-8", newline="")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            pass_fds=[fd, self.qmp.theirs.fileno()],
        )
        theirs.close()
        self.qmp.start()
        self._listen(timeout)

    def _listen(self, timeout):
        # pylint: disable=import-outside-toplevel  # make run does without pexpect
        from pexpect.fdpexpect import fdspawn

        self.heard, heard_end = os.pipe()
        threading.Thread(target=self._hear, args=[heard_end], daemon=True).start()
        self.child = fdspawn(
            self.heard, timeout=timeout, encoding="utf-8", codec_errors="replace"
        )
        self.child.logfile_read = self.log
        self.child.delaybeforesend = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            stop(self.process)
        self.line.close()
        os.close(self.heard)
        self.log.close()

    def _hear(self, to):
        """Takes over what the machine says; its bytes one by one soon fill a socket, not a pipe."""
        with os.fdopen(to, "wb", buffering=0) as pipe:
            try:
                while data := self.line.recv(4096):
                    pipe.write(data)
            except OSError:
                pass  # one of the ends was closed

    def expect(self, pattern):
        """Waits for the pattern, or fails with what came instead."""
        self.child.expect(pattern)

    def send(self, text):
        """Types the text."""
        self.line.sendall(text.encode())

    def finish(self):
        """Waits for the machine's end; returns its status."""
        # pylint: disable=import-outside-toplevel
        from pexpect import EOF

        self.child.expect(EOF)
        return self.qmp.status(self.process.wait(timeout=10))
