# SPDX-License-Identifier: Apache-2.0
"""The ARM64 machines of the benchmark: one CPU, emulated, its instructions counted."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "setup"), str(HERE.parent / "system")]

# pylint: disable=wrong-import-position
import mkimage
import qemu

QEMU = os.environ.get("QEMU_ARM64", "qemu-system-aarch64")
# With VHE and without; a tick of the counter is a nanosecond, and so an instruction.
VHE = "max,pauth-impdef=on"
NO_VHE = "cortex-a72"
COUNTER = "cntfrq=1000000000"
# Linux alone: less what Socle hides from its guests and Linux would set up.
BARE = "max,pauth-impdef=on,sve=off,sme=off"
FIRMWARE = [
    ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
    (
        "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw",
        "/usr/share/edk2/aarch64/vars-template-pflash.raw",
    ),
]
# The HLT by which Socle ends QEMU with a status; see Linux' and Arm's "Semihosting for AArch64".
SEMIHOSTING_HLT = 0xF000


def find_firmware():
    """The pair of UEFI flash images to use."""
    for code, variables in FIRMWARE:
        if os.path.exists(code) and os.path.exists(variables):
            return code, variables
    raise FileNotFoundError("no UEFI firmware for QEMU found (Debian package qemu-efi-aarch64)")


@dataclass
class Machine:
    """What qemu.run() asks of a machine."""

    name: str
    cpu: str
    hypervisor: bool = True  # EL2 is there
    image: Path = None  # a stick image, started by UEFI
    memory: int = 1024  # MiB
    cpus: int = 1
    extra: list = field(default_factory=list)

    @property
    def log_path(self):
        return qemu.LOGS / f"{self.name}.log"

    def command(self):
        """QEMU's command line. Makes a fresh copy of the firmware's variables."""
        qemu.LOGS.mkdir(parents=True, exist_ok=True)
        kind = "virt,gic-version=3,dtb-randomness=off" + (
            ",virtualization=on" if self.hypervisor else ""
        )
        command = [QEMU, "-name", f"socle-{self.name}", "-machine", kind, "-accel", "tcg"]
        command += ["-cpu", f"{self.cpu},{COUNTER}", "-m", str(self.memory), "-smp", str(self.cpus)]
        command += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
        # To a debugger that is not there: nothing but the end is left of it.
        command += ["-semihosting-config", "enable=on,target=gdb", "-serial", "stdio"]
        if self.image:
            code, variables = find_firmware()
            flash = "if=pflash,format=raw,unit="
            command += ["-drive", f"{flash}0,readonly=on,file={code}"]
            command += ["-drive", f"{flash}1,snapshot=on,file={variables}"]
            command += ["-drive", f"if=none,id=stick,format=raw,file={self.image}"]
            command += ["-device", "virtio-blk-pci,drive=stick,bootindex=0"]
        return command + self.extra


def stick_machine(name, efi, files, config, **more):
    """Socle on a stick; files: (kernel, initrd or None)."""
    image = Path(f"build/bench/arm64/{name}.img")
    on_stick = {
        "EFI/BOOT/BOOTAA64.EFI": Path(efi),
        "guests/vmlinuz": Path(files[0]),
        "socle/socle.conf": config.encode(),
    }
    if files[1]:
        on_stick["guests/initrd.img"] = Path(files[1])
    mkimage.write_image(image, on_stick)
    return Machine(name, image=image, **more)


def socle_machine(name, efi, files, counted=True, cpu=VHE):
    """Socle with a guest of 256 MiB; files: (kernel, initrd or None, options)."""
    vm = mkimage.linux_vm(initrd=bool(files[1]), options=files[2], memory="256M")
    config = f"debug-exit {SEMIHOSTING_HLT:#x}\n{vm}"
    extra = list(qemu.ICOUNT) if counted else []
    return stick_machine(name, efi, files, config, cpu=cpu, extra=extra)


def several_machine(setting, efi, guest):
    """Socle with the VMs of the setting."""
    config = setting.config(SEMIHOSTING_HLT)
    return stick_machine(
        f"bench-arm64-{setting.name}",
        efi,
        (guest, None),
        config,
        cpu=VHE,
        cpus=setting.cpus,
        extra=list(qemu.ICOUNT),
    )


def linux_machine(name, files, memory, hypervisor, cpu=VHE):
    """QEMU alone, entered by its -kernel."""
    kernel, initrd, options = files
    direct = ["-kernel", str(kernel), "-append", options]
    if initrd:
        direct += ["-initrd", str(initrd)]
    return Machine(name, cpu, hypervisor, memory=memory, extra=[*qemu.ICOUNT, *direct])
