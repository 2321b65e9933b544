"""Remembers callers and merchants for a few seconds, so that not every request asks the database.

A revoked credential works no longer than that, and never longer than KNOWN_MS, however busy the database is. The size
is bounded, also against callers who make up ids.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT_MS = 3_000
KNOWN_MS = 10_000
"""What could not be read anew for so long is not believed any more: then everybody waits for the database."""
ENTRIES_MAX = 10_000


class Remembering(Generic[K, V]):
    """Used from the event loop's thread only."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._entries: dict[K, tuple[int, int, V]] = {}
        """(when somebody went to read it last, when it was read, what it is)."""

    def get(self, key: K) -> tuple[bool, V | None]:
        """(known, value): only what exists is remembered."""
        entry = self._entries.get(key)
        if entry is None:
            return False, None
        asked_at, read_at, value = entry
        now = self._clock()
        if abs(now - read_at) > KNOWN_MS:
            return False, None
        if abs(now - asked_at) > KEPT_MS:
            # Only this caller reads it again; the others go on with what is known until he has.
            self._entries[key] = (now, read_at, value)
            return False, None
        return True, value

    def put(self, key: K, value: V | None) -> None:
        if value is None:
            self._entries.pop(key, None)
            return
        if len(self._entries) >= ENTRIES_MAX:
            self._entries.clear()
        now = self._clock()
        self._entries[key] = (now, now, value)
