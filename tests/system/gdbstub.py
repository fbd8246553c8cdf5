# SPDX-License-Identifier: Apache-2.0
"""Writes into the physical memory of a running machine, through QEMU's gdb stub.

GDB manual, "GDB Remote Serial Protocol"; QEMU manual, "GDB usage", "Advanced debugging options".
"""

import socket


class GdbStub:
    """A connection to the stub, during which the machine stands still."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def _receive(self):
        """The next packet's content, acknowledged."""
        while self.stream.read(1) not in (b"$", b""):
            pass
        content = b""
        while (byte := self.stream.read(1)) not in (b"#", b""):
            content += byte
        self.stream.read(2)  # the checksum: nothing gets lost on this line
        self.socket.sendall(b"+")
        return content.decode("ascii")

    def command(self, text):
        """Sends a packet that is to be answered by OK."""
        data = text.encode("ascii")
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xFF))
        answer = self._receive()
        while answer[:1] in ("S", "T"):  # the machine stopped, as it should
            answer = self._receive()
        assert answer == "OK", f"gdb stub: {text}: {answer or 'not supported'}"

    def write_physical(self, address, data):
        """Writes bytes at a physical address."""
        self.command("Qqemu.PhyMemMode:1")
        self.command(f"M{address:x},{len(data):x}:{data.hex()}")

    def resume(self):
        """Lets the machine run on, without us."""
        self.command("D")
