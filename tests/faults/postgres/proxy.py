"""A line to PostgreSQL that breaks when it hurts most: a change was forwarded, and its answer does not come back.

Reads just enough of the protocol to know which statement changes something. Not for TLS: connect with sslmode=disable.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHANGES = (b"INSERT INTO", b"UPDATE ")
LATE, EARLY = "after the answer", "at once"


class Proxy:
    """Listens on `port`. `cut_share` of the changes are cut: half of them when the answer is there, half at once."""

    def __init__(self, server_port: int, rng: random.Random, cut_share: float) -> None:
        self._server = ("127.0.0.1", server_port)
        self._rng = rng
        self._lock = threading.Lock()
        self.cut_share = cut_share
        self.cuts = {LATE: 0, EARLY: 0}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._line, args=(client,), daemon=True).start()

    def _line(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._server) as server:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            muted = threading.Event()
            answers = threading.Thread(target=_pass_on, args=(server, client, muted), daemon=True)
            answers.start()
            changing: set[bytes] = set()  # names of prepared statements that change something
            armed = False
            for kind, message in _messages(client):
                if kind == b"P":
                    name, text, *_ = message[5:].split(b"\0", 2)
                    (changing.add if any(word in text for word in CHANGES) else changing.discard)(name)
                elif kind == b"B":
                    armed = message[5:].split(b"\0", 2)[1] in changing
                how = self._choose() if kind == b"S" and armed else None
                if how == LATE:
                    muted.set()
                server.sendall(message)
                if how == LATE:
                    answers.join(10)  # until the server has said that it is done
                if how:
                    return
            client.shutdown(socket.SHUT_RDWR)

    def _choose(self) -> str | None:
        with self._lock:
            if self._rng.random() >= self.cut_share:
                return None
            how = self._rng.choice((LATE, EARLY))
            self.cuts[how] += 1
            return how

    def close(self) -> None:
        self._listener.close()


def _messages(client: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """(kind, the whole message); the first one, of no kind, opens the line."""
    with client.makefile("rb") as stream:
        kind = b""
        while len(length := stream.read(4)) == 4:
            rest = stream.read(struct.unpack("!I", length)[0] - 4)
            yield kind, kind + length + rest
            kind = stream.read(1)


def _pass_on(server: socket.socket, client: socket.socket, muted: threading.Event) -> None:
    """The server's answers; once muted, only until the next one is there, which nobody will hear."""
    with suppress(OSError):
        while data := server.recv(1 << 16):
            if muted.is_set():
                return
            client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)


@contextmanager
def a_bad_line(server_port: int, rng: random.Random, cut_share: float) -> Iterator[Proxy]:
    proxy = Proxy(server_port, rng, cut_share)
    try:
        yield proxy
    finally:
        proxy.close()
