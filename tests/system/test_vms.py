# SPDX-License-Identifier: Apache-2.0
"""Several virtual machines at a time: shares of the CPU, ends and resets of one among others.

The environment as for test_tiny.py. A guest that is not in front is silent: how it ended is what
Socle says of it; when the one in front ends, the next one's output is shown.
"""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "setup"))

# pylint: disable=wrong-import-position
import mkimage
import qemu
from linux_guest import CONSOLE, INITRD, KERNELS, check_selftest, tail
from qemu import Status
from test_tiny import EFI, GUESTS, OWN_MEMORY


def vm_lines(name, kernel, options="", memory=64, initrd=False, vcpus=1):
    lines = [f"vm {name}", f"\tlinux \\guests\\{kernel}", f"\tmemory {memory}M"]
    if options:
        lines.append(f"\toptions {options}")
    if initrd:
        lines.append("\tinitrd \\guests\\initrd.img")
    if vcpus != 1:
        lines.append(f"\tvcpus {vcpus}")
    return "\n".join(lines) + "\n"


def stick_files(vms, tiny=(), linux=False, efi=True):
    """What a stick with these guests holds; tiny: the files of tiny guests that it needs."""
    config = mkimage.configuration(vms, debug_exit=True)
    files = {f"EFI/BOOT/{qemu.TARGET.loader}": EFI} if efi else {}
    files["socle/socle.conf"] = config.encode()
    files |= {f"guests/{guest}.bin": GUESTS / f"{guest}.bin" for guest in tiny}
    if linux:
        files |= {"guests/vmlinuz": KERNELS / "6.12" / "vmlinuz", "guests/initrd.img": INITRD}
    return files


def write_image(image, vms, tiny=(), linux=False):
    mkimage.write_image(image, stick_files(vms, tiny, linux))


def machine(name, vms, tiny=(), linux=False, memory=0, **more):
    """A machine with these guests; on x86-64 UEFI takes ten times as long as the Multiboot loader."""
    memory = memory or 64 * len(vms)
    found = qemu.Machine(name, memory=memory + OWN_MEMORY, **more)
    if qemu.ARCH == "x86_64":
        found.multiboot = stick_files(vms, tiny, linux, efi=False)
    else:
        found.image = Path(f"build/system/{name}.img")
        write_image(found.image, vms, tiny, linux)
    return found


def counted():
    """Time by instructions: shares are exact whatever else this computer does."""
    return {"accelerator": qemu.tcg(), "extra": list(qemu.ICOUNT)}


def ended_well(log, name):
    return re.search(rf"vm {name}: powered off by the guest", log)


def check_sound(result):
    assert not re.search(r"error:|panic|have not come back", result.log), tail(result.log)


def test_spinning_guests_share():
    """Four guests that never exit by themselves end together, not one behind the other."""
    names = ["a", "b", "c", "d"]
    vms = [vm_lines(name, "spin.bin", "ms=200") for name in names]
    result = qemu.run(machine("vms-spin", vms, ["spin"], **counted()), 120)
    check_sound(result)
    assert result.status is Status.POWERED_OFF, tail(result.log)
    times = [
        float(re.search(rf"\[socle ([\d.]+)\] vm {name}: powered off", result.log)[1])
        for name in names
    ]
    assert max(times) - min(times) < 0.05, times


def test_spinner_starves_nobody():
    """A guest that halts and is woken by its timer goes on beside one that spins."""
    timer = {"x86_64": "hlt", "arm64": "wfi"}[qemu.ARCH]
    vms = [vm_lines("spin", "spin.bin", "ms=1000"), vm_lines("wait", f"{timer}.bin")]
    result = qemu.run(machine("vms-starve", vms, ["spin", timer], **counted()), 120)
    check_sound(result)
    assert ended_well(result.log, "wait"), tail(result.log)
    assert result.log.index("vm wait: powered") < result.log.index("vm spin: powered")


@pytest.mark.skipif(qemu.ARCH != "x86_64", reason="a flaw of QEMU's SVM that has to be lived with")
def test_interrupts_come_once():
    """Each CPU's timer kicks QEMU's one thread while the other's guest is given an interrupt."""
    vms = [vm_lines(name, "once.bin", "count=5000") + f"\tcpus {name[-1]}\n" for name in ("on0", "on1")]
    result = qemu.run(machine("vms-once", vms, ["once"], cpus=2), 120)
    check_sound(result)
    assert ended_well(result.log, "on0") and ended_well(result.log, "on1"), tail(result.log)


@pytest.mark.skipif(qemu.ARCH != "x86_64", reason="x86-64's debug-exit port of a VM")
def test_debug_exit_and_lines():
    """A test in a guest drives interrupt lines, and ends the VM with a value."""
    vms = [vm_lines("test", "test_lines.bin", "lines=1") + "\tdebug-exit 0xf4\n"]
    result = qemu.run(machine("vms-lines", vms, ["test_lines"]), 60)
    check_sound(result)
    assert "vm test: debug exit: value 5, status 11" in result.log, tail(result.log)
    assert ended_well(result.log, "test"), tail(result.log)


def test_one_dies_alone():
    """The end of one is its own: the others finish, and the whole tells of the failure."""
    wrong = {"x86_64": ("die", "how=0"), "arm64": ("hostile_call", "immediates=1")}[qemu.ARCH]
    vms = [
        vm_lines("good", "spin.bin", "ms=1500"),
        vm_lines("bad", f"{wrong[0]}.bin", wrong[1]),
        vm_lines("last", "spin.bin", "ms=1000"),
    ]
    result = qemu.run(machine("vms-die", vms, ["spin", wrong[0]]), 60)
    assert ended_well(result.log, "good") and ended_well(result.log, "last"), tail(result.log)
    if qemu.ARCH == "x86_64":
        assert "vm bad: stopped: triple fault" in result.log
        assert result.status == Status.GUEST_DIED


@pytest.mark.skipif(qemu.ARCH != "x86_64", reason="nested SVM")
def test_hostile_hypervisors():
    """Guests that are hypervisors and mean harm take nobody else with them."""
    parts = {"tables": "part=1", "storm": "part=4 seed=2", "wild": "part=5 wild=1 seed=1"}
    vms = [vm_lines("good", "spin.bin", "ms=1500"), vm_lines("last", "spin.bin", "ms=1000")]
    for name, options in parts.items():
        vms.append(vm_lines(name, "nested_hostile.bin", options) + "\tnested on\n")
    result = qemu.run(machine("vms-nested", vms, ["spin", "nested_hostile"]), 120)
    check_sound(result)
    assert ended_well(result.log, "good") and ended_well(result.log, "last"), tail(result.log)
    assert result.status in (Status.POWERED_OFF, Status.GUEST_DIED), tail(result.log)
    for name in parts:
        assert re.search(rf"vm {name}: (powered off by the guest|stopped: )", result.log), name


def test_reset_beside_linux():
    """A guest that resets again and again; Linux beside it passes its self-test unharmed."""
    vms = [
        vm_lines("linux", "vmlinuz", f"{CONSOLE} socle.test socle.mem=256M", 256, initrd=True),
        vm_lines("again", "reset.bin", "how=0"),
    ]
    with qemu.Console(
        machine("vms-reset", vms, ["reset"], linux=True, memory=320 + 256), 180
    ) as console:
        console.expect(r"selftest: done \d+ ok \d+ failed")
        console.expect("vm linux: powered off by the guest")
        for _ in range(5):
            console.expect("vm again: reset by the guest")
    log = Path("build/logs/vms-reset.log").read_text("utf-8", errors="replace")
    assert log.count("vm again: reset by the guest") >= 50
    check_selftest(qemu.Result(Status.POWERED_OFF, log, 0))
