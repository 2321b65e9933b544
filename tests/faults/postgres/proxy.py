"""A line to PostgreSQL that breaks when it hurts most: a change was forwarded, and its answer does not come back.

Reads just enough of the protocol to know what changes something; not through TLS, so connect with sslmode=disable.
"""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

CHANGES = (b"INSERT INTO", b"UPDATE ")
LATE, EARLY, NEVER = "its answer was swallowed", "cut while it ran", "its end never arrived"
PARSE, BIND, SYNC = b"P", b"B", b"S"


class Proxy:
    """Listens on `port` until it is closed, and cuts the line at this share of the changes; how, is drawn too."""

    def __init__(self, server_port: int, rng: random.Random, cut_share: float) -> None:
        self._server = ("127.0.0.1", server_port)
        self._rng = rng
        self._lock = threading.Lock()
        self.cut_share = cut_share
        self.cuts: Counter[str] = Counter()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

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
            answers = threading.Thread(target=_answer, args=(server, client, muted), daemon=True)
            answers.start()
            try:
                self._forward(client, server, muted, answers)
            finally:
                server.shutdown(socket.SHUT_RDWR)  # what was sent still arrives

    def _forward(
        self, client: socket.socket, server: socket.socket, muted: threading.Event, answers: threading.Thread
    ) -> None:
        changing: set[bytes] = set()  # names of prepared statements that change something
        armed = False
        for kind, message in _messages(client):
            if kind == PARSE:
                name, text, _ = message[5:].split(b"\0", 2)
                (changing.add if any(word in text for word in CHANGES) else changing.discard)(name)
            elif kind == BIND:
                armed |= message[5:].split(b"\0", 2)[1] in changing
            how = self._choose() if kind == SYNC and armed else None
            armed = armed and kind != SYNC
            if how == LATE:
                muted.set()
            if how != NEVER:
                server.sendall(message)
            if how == LATE:
                answers.join()  # which is when the server has said that it is done
            if how:
                return

    def _choose(self) -> str | None:
        with self._lock:
            how = self._rng.choice((LATE, EARLY, NEVER)) if self._rng.random() < self.cut_share else None
            self.cuts.update([how] if how else [])
            return how


def _messages(client: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    """(kind, the whole message); the first one, of no kind, opens the line."""
    with client.makefile("rb") as stream:
        kind = b""
        while len(length := stream.read(4)) == 4:
            yield kind, kind + length + stream.read(struct.unpack("!I", length)[0] - 4)
            kind = stream.read(1)


def _answer(server: socket.socket, client: socket.socket, muted: threading.Event) -> None:
    """Passes on what the server says; once muted, only waits until it says something."""
    with suppress(OSError):
        while (data := server.recv(1 << 16)) and not muted.is_set():
            client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)
