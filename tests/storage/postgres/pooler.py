"""A pooler between hexiao and PostgreSQL, as pgbouncer is one: it keeps sessions open, and lends them to its clients.

Reads just enough of the protocol to know where a transaction ends; not through TLS, nor for a client that pipelines.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress

SYNC, QUERY, READY, KEY = b"S", b"Q", b"Z", b"K"
IDLE = b"I"
NOBODY = struct.pack("!II", 7, 7)
"""The process and the secret that a client is told: those of its session change."""


class Pooler:
    """Listens on `port` until it is closed. Lends a session for a client's whole time, or `by_transaction` anew."""

    def __init__(self, server_port: int, *, by_transaction: bool) -> None:
        self._server = ("127.0.0.1", server_port)
        self._by_transaction = by_transaction
        self._free: list[Session] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for session in self._free:
            session.line.close()

    def _listen(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            asked = messages(client, opening=True)
            _, hello = next(asked)
            session = Session(socket.create_connection(self._server), hello)
            client.sendall(session.greeting)
            if self._by_transaction:
                self._serve_by_transaction(client, asked, session)
            else:
                with session.line:
                    threading.Thread(target=_pass_on, args=(session.line, client), daemon=True).start()
                    for _, message in asked:
                        session.line.sendall(message)

    def _serve_by_transaction(
        self, client: socket.socket, asked: Iterator[tuple[bytes, bytes]], session: Session
    ) -> None:
        self._free.append(session)
        lent: Session | None = None
        for kind, message in asked:
            if kind == b"X":
                return
            lent = lent or self._free.pop()
            lent.line.sendall(message)
            if kind in (SYNC, QUERY):
                ready = lent.answer(client)
                if ready[5:] == IDLE:
                    self._free.append(lent)  # before the client knows: what it does next finds the session free
                    lent = None
                client.sendall(ready)


class Session:
    """One session of the server, opened by a client's `hello`; `greeting` is what the client is told of it."""

    def __init__(self, line: socket.socket, hello: bytes) -> None:
        self.line = line
        self._told = messages(line)
        self.greeting = b""
        line.sendall(hello)
        for kind, message in self._told:
            self.greeting += message[:5] + NOBODY if kind == KEY else message
            if kind == READY:
                break

    def answer(self, client: socket.socket) -> bytes:
        """Pass on what the server says until it is ready; the message that says so, and how its transaction stands."""
        for kind, message in self._told:
            if kind == READY:
                return message
            client.sendall(message)
        raise ConnectionResetError


def messages(line: socket.socket, *, opening: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """(kind, the whole message); the one that opens a line has no kind."""
    with line.makefile("rb") as stream:
        while True:
            kind = b"" if opening else stream.read(1)
            opening = False
            length = stream.read(4)
            if len(length) < 4:
                return
            yield kind, kind + length + stream.read(struct.unpack("!I", length)[0] - 4)


def _pass_on(session: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while data := session.recv(1 << 16):
            client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)
