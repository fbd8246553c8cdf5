# SPDX-License-Identifier: Apache-2.0
"""A machine of Bochs with somebody at its serial line: a test (Console) or a user (use_terminal).

The line is a TCP connection on this machine: of what Bochs offers it is the one that loses nothing,
since Bochs takes a byte only when the machine has read the last.
"""

import os
import select
import socket
import sys
import threading
import time

import bochs
import qemu
from qemu import Status

ESCAPE = b"\x01"  # Ctrl-A, as QEMU's
HELP = b"\r\nCtrl-A X: end Bochs; Ctrl-A Ctrl-A: Ctrl-A; Ctrl-A H: this\r\n"


def start(machine, timeout=60):
    """The running Bochs, and the machine's serial line as a socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        machine.serial = f"mode=socket-client, dev=127.0.0.1:{server.getsockname()[1]}"
        process = bochs.start(machine)
        server.settimeout(timeout)
        try:
            line, _ = server.accept()
        except OSError:
            qemu.stop(process)
            raise
    line.setblocking(True)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return process, line


class Console(qemu.Console):
    """qemu.Console's twin."""

    def __init__(self, machine, timeout):  # pylint: disable=super-init-not-called
        self.name = machine.name
        self.process, self.line = start(machine)
        self.status = None
        self.watcher = threading.Thread(target=self._watch, args=[machine], daemon=True)
        self.watcher.start()
        self.log = open(machine.log_path, "w", encoding="utf-8", newline="")
        self._listen(timeout)

    def _watch(self, machine):
        """Ends a Bochs whose machine has ended, as QEMU would do by itself."""
        watch = bochs.Watch(self.process, machine)
        while (status := watch.status()) is None:
            time.sleep(0.2)
        self.status = status
        if self.process.poll() is None:
            qemu.stop(self.process)

    def finish(self):
        """Waits for the machine's end; returns its status."""
        from pexpect import EOF  # pylint: disable=import-outside-toplevel

        self.child.expect(EOF)
        self.watcher.join()
        return self.status


class Keys:
    """What the user types, with Ctrl-A's commands taken out."""

    def __init__(self):
        self.is_escaped = False
        self.is_quit = False

    def pass_on(self, typed):
        """The bytes for the machine, and those for the screen."""
        passed, shown = b"", b""
        for key in (bytes([byte]) for byte in typed):
            if self.is_escaped:
                self.is_escaped = False
                self.is_quit |= key in b"xX"
                if key == ESCAPE:
                    passed += key
                elif key in b"hH?":
                    shown += HELP
            elif key == ESCAPE:
                self.is_escaped = True
            else:
                passed += key
        return passed, shown


def show(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def relay(line, watch, log):
    """Carries bytes between the terminal and the line until the machine or the user ends it."""
    keys, stdin = Keys(), sys.stdin.fileno()
    sources = [line, stdin]
    while True:
        status = watch.status()
        ready, _, _ = select.select(sources, [], [], 0 if status is not None else 0.2)
        if status is not None and line not in ready:
            return status
        if line in ready:
            said = line.recv(4096)
            if not said:  # Bochs has ended
                sources.remove(line)
            show(said)
            log.write(said)
        if stdin in ready:
            typed = os.read(stdin, 256)
            if not typed:  # not a terminal, and at its end
                sources.remove(stdin)
            passed, shown = keys.pass_on(typed)
            show(shown)
            line.sendall(passed)
            if keys.is_quit:
                return Status.QUIT


def use_terminal(machine):
    """Makes this terminal the machine's serial line, raw; returns the run's Status."""
    process, line = start(machine)
    with open(machine.log_path, "wb") as log, line:
        try:
            if sys.stdin.isatty():
                import tty  # pylint: disable=import-outside-toplevel

                tty.setraw(sys.stdin.fileno())
            return relay(line, bochs.Watch(process, machine), log)
        finally:
            if process.poll() is None:
                qemu.stop(process)
