"""The clock of the demo's history: it stands where it was put, and never goes back."""

from __future__ import annotations


class HistoryClock:
    """To be given to the engine that fills the demo; UTC ms."""

    def __init__(self) -> None:
        self._at = 0

    def __call__(self) -> int:
        return self._at

    def go(self, at: int) -> None:
        """Move on to `at`. Raises ValueError when that lies in the past: what is made later happened later."""
        if at < self._at:
            raise ValueError(f"the history went back from {self._at} to {at}")
        self._at = at
