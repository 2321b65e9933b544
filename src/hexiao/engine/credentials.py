"""Remembers for a few seconds who is behind an id, so that not every request asks the database.

A revoked credential works no longer than that. The size is bounded, also against callers who make up ids.
"""

from __future__ import annotations

from collections.abc import Callable

from hexiao.domain.party import Credential

KEPT_MS = 3_000
ENTRIES_MAX = 10_000


class CredentialCache:
    """Used from the event loop's thread only."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._entries: dict[tuple[str, str], tuple[int, Credential]] = {}

    def get(self, door: str, public_id: str) -> tuple[bool, Credential | None]:
        """(known, credential): only callers who exist are remembered."""
        entry = self._entries.get((door, public_id))
        if entry is None:
            return False, None
        now = self._clock()
        if abs(now - entry[0]) > KEPT_MS:
            # Only this caller reads it again; the others go on with what is known until he has.
            self._entries[door, public_id] = (now, entry[1])
            return False, None
        return True, entry[1]

    def put(self, door: str, public_id: str, credential: Credential | None) -> None:
        if credential is None:
            self._entries.pop((door, public_id), None)
            return
        if len(self._entries) >= ENTRIES_MAX:
            self._entries.clear()
        self._entries[door, public_id] = (self._clock(), credential)
