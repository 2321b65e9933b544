"""What is known of callers: read anew by one while the others go on, never believed for long, and bounded in size."""

from __future__ import annotations

from typing import Any

import pytest

from hexiao.engine import remembering
from hexiao.engine.remembering import Remembering


@pytest.fixture
def known(clock: Any) -> Remembering[str, str]:
    memory: Remembering[str, str] = Remembering(clock)
    memory.put("key", "caller")
    return memory


def test_for_some_seconds_nobody_reads_again(known: Remembering[str, str], clock: Any) -> None:
    clock.forward(remembering.KEPT_MS / 1000)
    assert known.get("key") == (True, "caller")
    assert known.get("other") == (False, None)


def test_then_one_reads_again_and_the_others_go_on(known: Remembering[str, str], clock: Any) -> None:
    clock.forward(remembering.KEPT_MS / 1000 + 1)
    assert [known.get("key") for _ in range(3)] == [(False, None), (True, "caller"), (True, "caller")]


def test_when_nobody_comes_back_with_an_answer_it_is_not_believed_for_ever(
    known: Remembering[str, str], clock: Any
) -> None:
    """A database so busy that it does not answer must not keep a revoked key alive."""
    believed = 0
    for _ in range(60):
        clock.forward(1)
        believed += all(known.get("key")[0] for _ in range(2))
    assert believed * 1000 <= remembering.KNOWN_MS
    assert [known.get("key") for _ in range(3)] == [(False, None)] * 3


def test_what_was_read_again_is_known_again(known: Remembering[str, str], clock: Any) -> None:
    clock.forward(60)
    known.put("key", "caller")
    assert known.get("key") == (True, "caller")
    known.put("key", None)
    assert known.get("key") == (False, None)


def test_it_is_bounded(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "ENTRIES_MAX", 3)
    memory: Remembering[str, int] = Remembering(clock)
    for number in range(10):
        memory.put(f"key {number}", number)
        memory.put(f"unknown {number}", None)
    assert len(memory._entries) <= 3
    assert memory.get("key 9") == (True, 9)
