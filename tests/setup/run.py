#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`make run`: a stick image with one Linux guest, with the terminal as its serial line.

    run.py --efi BOOTX64.EFI --kernel FILE [--initrd FILE] [--options TEXT] [--memory 512M]
           [--vendor intel]

In QEMU; with `--vendor intel` in Bochs, since QEMU emulates no CPU with VMX, unless this machine's KVM
offers nested VMX. The exit status is qemu.Status: 0 all guests powered off, 3 a guest died, 5 Socle panicked.
"""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "system"))

# pylint: disable=wrong-import-position
import bochs
import bochs_line
import mkimage
import qemu

# Instructions to the guest's second, about as fast as Bochs gets. With many more a wait of so many
# reads of a port would be too short for the serial line.
INTERACTIVE_IPS = 200_000_000
OWN_MEMORY_MIB = 512  # what the machine has besides the guest's: firmware, Socle, the image copies


def say(text):
    print(f"Socle run: {text}", flush=True)


def machine_memory(memory):
    """MiB of the whole machine. The guest's text is Socle's to judge, so nonsense gets a default."""
    try:
        return qemu.memory_mib(memory) + OWN_MEMORY_MIB
    except ValueError:
        return 512 + OWN_MEMORY_MIB


def build_image(arguments, image):
    guest = mkimage.linux_vm(
        initrd=bool(arguments.initrd), options=arguments.options, memory=arguments.memory
    )
    config = mkimage.configuration([guest], debug_exit=True)
    files = mkimage.linux_files(arguments.efi, arguments.kernel, arguments.initrd, config)
    mkimage.write_image(image, files)


def run_qemu(arguments, image):
    is_intel = arguments.vendor == "intel"
    accelerator = qemu.kvm("intel") if is_intel else qemu.choose_accelerator()
    serial = ["-chardev", "stdio,id=terminal,mux=on,signal=off,logfile=build/logs/run.log"]
    serial += ["-serial", "chardev:terminal", "-mon", "chardev=terminal"]
    machine = qemu.Machine(
        "run",
        image=image,
        disk="usb",
        memory=machine_memory(arguments.memory),
        serial=serial,
        accelerator=accelerator,
    )
    say(f"QEMU with UEFI, {accelerator.name}; log in {machine.log_path}")
    say("this terminal is the serial line; Ctrl-A X ends QEMU, Ctrl-A H lists its other keys")
    say("for Socle's own keys type Ctrl-A twice: Ctrl-A Ctrl-A h lists them")
    qmp = qemu.Qmp()
    command = machine.command() + qmp.arguments
    with subprocess.Popen(command, pass_fds=[qmp.theirs.fileno()]) as process:
        qmp.start()
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return qmp.status(process.wait())


def run_bochs(arguments, image):
    machine = bochs.Machine(
        "run",
        image=image,
        memory=machine_memory(arguments.memory),
        cpu=bochs.SKYLAKE,
        ips=INTERACTIVE_IPS,
        errors="ignore",
        sync="slowdown",
    )
    say(f"Bochs with UEFI, CPU {machine.cpu}; log in {machine.log_path}")
    say("this terminal is the serial line; Ctrl-A X ends Bochs")
    say("Bochs emulates every instruction: the firmware takes seconds, Linux half a minute or more")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    return bochs_line.use_terminal(machine)


def run_on_terminal(run, *arguments):
    """Hands stdin and stdout to the machine, with the terminal in raw mode: Ctrl-C is the guest's."""
    saved = terminal_state()
    # Before the terminal is set up, and for a Ctrl-C sent by other means: the emulator decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return run(*arguments)
    finally:
        restore_terminal(saved)


def terminal_state():
    if not sys.stdin.isatty():
        return None
    import termios  # pylint: disable=import-outside-toplevel

    return termios.tcgetattr(sys.stdin)


def restore_terminal(saved):
    """Not every emulator restores what it changed, and colours of the firmware stay on."""
    if saved:
        import termios  # pylint: disable=import-outside-toplevel

        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
        print("\033[0m", end="")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--efi", required=True)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd", default="")
    parser.add_argument("--options", default=f"console={qemu.TARGET.console}")
    parser.add_argument("--memory", default="512M")
    parser.add_argument("--vendor", choices=("amd", "intel"), default="amd")
    arguments = parser.parse_args()

    image = Path("build/run/stick.img")
    try:
        build_image(arguments, image)
        qemu.find_firmware()
        in_bochs = arguments.vendor == "intel" and not qemu.kvm_nests("intel")
        lacking = bochs.missing() if in_bochs else ""
    except (mkimage.ImageError, FileNotFoundError) as error:
        lacking = error
    if lacking:
        sys.exit(f"Socle run: {lacking}")
    say(f"stick {image}: kernel {arguments.kernel}, initrd {arguments.initrd or 'none'}")
    say(f"guest: {arguments.memory}, options '{arguments.options}'")
    run = run_bochs if in_bochs else run_qemu
    status = run_on_terminal(run, arguments, image)
    say(f"{qemu.MEANING[status]} (status {int(status)})")
    return 0 if status == qemu.Status.QUIT else int(status)


if __name__ == "__main__":
    sys.exit(main())
