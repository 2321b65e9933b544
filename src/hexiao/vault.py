"""Seals the secrets of the doors' callers at rest: AES-256-GCM under a master key that never lies in the database.

The key comes from the environment or from a file beside the data (mode 0600), made at the first start.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12


class SealBroken(Exception):
    """The sealed bytes do not belong to this key or to this place."""


class Vault:
    """Seals bytes for one named place; a value moved to another place does not open there."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the master key must be {KEY_BYTES} bytes, as {2 * KEY_BYTES} hex digits")
        self._key = key
        self._aead = AESGCM(key)

    def seal(self, plain: bytes, place: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises SealBroken when key, bytes or place do not fit."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as broken:
            raise SealBroken(f"cannot open what is sealed for {place}: is it the right master key?") from broken

    def derive(self, purpose: str) -> bytes:
        """A key of its own for one purpose, such as signing tokens."""
        return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(self._key)


def place_of(door: str, public_id: str) -> str:
    """Where a credential's secrets live: the name that `seal` and `open` are given."""
    return f"credential/{door}/{public_id}"


def load_key(path: Path) -> bytes:
    """The key in the file at `path`. Raises ValueError or OSError."""
    return bytes.fromhex(path.read_text("ascii").strip())


def load_or_make_key(path: Path) -> bytes:
    """The key in the file at `path`; a new one is written there when the file does not exist."""
    try:
        return load_key(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        key = os.urandom(KEY_BYTES)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process was faster
            return load_or_make_key(path)
        with os.fdopen(handle, "w") as file:
            file.write(key.hex() + "\n")
        return key
