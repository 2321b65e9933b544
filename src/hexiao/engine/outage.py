"""Tells the log when the database went away and when it is there again, however often somebody asked meanwhile.

Decides nothing: who may try again, and when, is decided where the work is done.
"""

from __future__ import annotations

import time

from hexiao.logs import Log
from hexiao.storage.base import ConnectionLost

log = Log("hexiao.engine")


class Outage:
    """For one thread, or for a few where a line more or less in the log does no harm."""

    def __init__(self, who: str = "") -> None:
        self._who = who
        self._began: float | None = None
        self._given_up = False

    def lost(self, failed: ConnectionLost) -> bool:
        """The line broke and is about to be made anew; whether that is news."""
        news = self._began is None
        if self._began is None:
            self._began = time.monotonic()
            log.warning("connection_lost", who=self._who, reason=str(failed))
        return news

    def down(self, failed: Exception) -> None:
        """Somebody was told to come again later."""
        if not self._given_up:
            self._given_up = True
            self._began = self._began or time.monotonic()
            log.warning("storage_down", who=self._who, reason=str(failed))

    def over(self) -> None:
        """It answered."""
        if self._began is not None:
            if self._given_up:
                log.warning("storage_up", who=self._who, after_seconds=round(time.monotonic() - self._began, 1))
            self._began, self._given_up = None, False
