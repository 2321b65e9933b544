"""Signed heads: which block each lane of the chain ended with at a moment, under an Ed25519 signature.

Kept away from the database, they show what the chain alone cannot: an end that was cut off, a chain that was made anew.
The signature is a file of its own over the exact bytes, so that any tool can check it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)


class HeadsError(Exception):
    """A key, a signature or a file of heads that cannot be used. The text says what to do."""


Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Head(msgspec.Struct, frozen=True):
    """The newest block of a lane."""

    lane: Number
    height: Number
    hash: str


class Heads(msgspec.Struct, frozen=True):
    at: str
    """ISO 8601"""
    heads: list[Head]


def make_key(file: Path) -> Path:
    """A new private key in `file` (mode 0600), which must not exist; where its public half was written."""
    key = Ed25519PrivateKey.generate()
    public = _beside(file, ".pub")
    with _both_or_none(file, public):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as written:
            written.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return public


def write_signed(heads: Heads, file: Path, key_file: Path) -> Path:
    """Writes `file`, which must not exist, and its signature beside it; where the signature is. Raises HeadsError."""
    try:
        key = load_pem_private_key(key_file.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as wrong:
        raise HeadsError(f"{key_file} is no private key: make one with hexiao heads key") from wrong
    if not isinstance(key, Ed25519PrivateKey):
        raise HeadsError(f"{key_file} is no Ed25519 key: make one with hexiao heads key")
    text = msgspec.json.format(msgspec.json.encode(heads), indent=1) + b"\n"
    signature = _beside(file, ".sig")
    with _both_or_none(file, signature):
        with file.open("xb") as written:
            written.write(text)
        signature.write_bytes(key.sign(text))
    return signature


def read_signed(file: Path, public_key_file: Path) -> Heads:
    """The heads in a file whose signature is good. Raises HeadsError."""
    try:
        key = load_pem_public_key(public_key_file.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as wrong:
        raise HeadsError(f"{public_key_file} is no public key: give the .pub that hexiao heads key made") from wrong
    if not isinstance(key, Ed25519PublicKey):
        raise HeadsError(f"{public_key_file} is no Ed25519 key: give the .pub that hexiao heads key made")
    text = file.read_bytes()
    try:
        key.verify(_beside(file, ".sig").read_bytes(), text)
    except InvalidSignature as wrong:
        raise HeadsError(f"{file} was not signed with this key, or was changed since: take another export") from wrong
    return read(file)


def read(file: Path) -> Heads:
    """The heads in a file, whoever wrote it. Raises HeadsError."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Heads)
    except msgspec.MsgspecError as wrong:
        raise HeadsError(f"{file} is no file of heads: give one made by hexiao heads export") from wrong


@contextmanager
def _both_or_none(*files: Path) -> Iterator[None]:
    """On a full disk no half of them stays, which would keep its name from the next attempt."""
    try:
        yield
    except FileExistsError:  # somebody else's
        raise
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)
        raise


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)
