"""A till on a raw socket: it decides itself which byte leaves when, and when the line breaks.

Speaks just enough HTTP/1.1 for a loopback server. It retries nothing and hides nothing: whoever uses it decides.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
from typing import Any, NamedTuple

API_KEY = "fault-till-key"
PATIENCE_SECONDS = 30.0


class Request(NamedTuple):
    """A change asked of the server that listens on `port`. `key` is its Idempotency-Key."""

    port: int
    path: str
    body: dict[str, Any]
    key: str


class Answer(NamedTuple):
    """What came back, whole."""

    status: int
    replayed: bool
    body: dict[str, Any]

    @property
    def code(self) -> str:
        """The problem's stable code; empty for a success."""
        return str(self.body.get("code", "")) if self.status >= 400 else ""


class Broken(Exception):
    """The line broke before the whole answer was read: what happened is unknown."""


def to_bytes(request: Request) -> bytes:
    body = json.dumps(request.body).encode()
    head = (
        f"POST {request.path} HTTP/1.1\r\nHost: 127.0.0.1:{request.port}\r\nAuthorization: Bearer {API_KEY}\r\n"
        f"Idempotency-Key: {request.key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """One keep-alive connection. Not shared between threads; close it."""

    def __init__(self, port: int, patience_seconds: float = PATIENCE_SECONDS) -> None:
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout=patience_seconds)
        except OSError as failed:
            raise Broken(str(failed)) from failed
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as failed:
            raise Broken(str(failed)) from failed

    def answer(self) -> Answer:
        response = http.client.HTTPResponse(self._socket, method="POST")
        try:
            response.begin()
            body = response.read()
        except (OSError, http.client.HTTPException) as failed:
            raise Broken(f"{type(failed).__name__}: {failed}") from failed
        finally:
            response.close()
        return Answer(response.status, response.getheader("Idempotent-Replay") == "true", json.loads(body))

    def ask(self, request: Request) -> Answer:
        self.send(to_bytes(request))
        return self.answer()

    def read_some(self, count: int) -> bytes:
        """The first bytes of an answer, however few have come."""
        return self._socket.recv(count)

    def end_sending(self) -> None:
        """FIN: nothing more will be sent, though we might still listen."""
        self._socket.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """RST: the till lost its power or its network."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()


def ask(request: Request) -> Answer:
    """One request on a connection of its own."""
    connection = Connection(request.port)
    try:
        return connection.ask(request)
    finally:
        connection.close()


class Asked(NamedTuple):
    """Any answer at all, with the header that says when to come again."""

    status: int
    retry_after: str | None
    body: dict[str, Any]


def ask_plainly(port: int, method: str, path: str, body: dict[str, Any] | None = None, key: str = "") -> Asked:
    """Any request on a connection of its own."""
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
    try:
        content = None if body is None else json.dumps(body)
        asking.request(method, path, content, headers | ({"Idempotency-Key": key} if key else {}))
        response = asking.getresponse()
        return Asked(response.status, response.getheader("Retry-After"), json.loads(response.read()))
    finally:
        asking.close()


def is_ready(port: int) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        asking.request("GET", "/ready")
        return asking.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()
