"""The vault's key: never shorter than it must be, and one for all processes that start together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hexiao.vault import KEY_BYTES, Vault, load_or_make_key


@pytest.mark.parametrize("length", [0, 16, 24, KEY_BYTES - 1, KEY_BYTES + 1])
def test_a_key_of_another_length_is_refused_though_the_cipher_would_take_some(length: int) -> None:
    with pytest.raises(ValueError, match="master key must be 32 bytes"):
        Vault(b"k" * length)


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    key = load_or_make_key(path)
    assert len(key) == KEY_BYTES
    assert load_or_make_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_makes_a_key_later_takes_the_one_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers that start at once must not seal with two keys, of which only one is kept."""
    path = tmp_path / "key"
    random = os.urandom

    def meanwhile(size: int) -> bytes:
        path.write_text((b"o" * KEY_BYTES).hex())
        return random(size)

    monkeypatch.setattr(os, "urandom", meanwhile)
    assert load_or_make_key(path) == b"o" * KEY_BYTES
