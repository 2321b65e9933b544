"""Who stands in the next batch: all who are light, and the heavy in batches of their own, in turn with the light.

So a till waits for one of a hundred bulk uploads, and not for all of them. Knows no thread and no clock.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, Protocol, TypeVar

BATCH_MAX = 256
LIGHT_MAX = 16
"""Who asks for more redemptions or coupons at once is heavy."""
HEAVY_TOGETHER_MAX = 1_000
"""So many redemptions or coupons of heavy commands stand together in a batch, or those of a single one."""


class Weighed(Protocol):
    weight: int


W = TypeVar("W", bound=Weighed)


def is_heavy(weight: int) -> bool:
    return weight > LIGHT_MAX


class Turns(Generic[W]):
    """For one thread. Each kind in order of coming."""

    def __init__(self) -> None:
        self._light: deque[W] = deque()
        self._heavy: deque[W] = deque()
        self._light_before = False

    def __bool__(self) -> bool:
        return bool(self._light or self._heavy)

    @property
    def full(self) -> bool:
        """Whether a batch of the light is together."""
        return len(self._light) >= BATCH_MAX

    def add(self, one: W) -> None:
        (self._heavy if is_heavy(one.weight) else self._light).append(one)

    def take(self) -> list[W]:
        """The next batch; somebody must be there."""
        self._light_before = bool(self._light) and not (self._heavy and self._light_before)
        if self._light_before:
            return [self._light.popleft() for _ in range(min(len(self._light), BATCH_MAX))]
        taken = [self._heavy.popleft()]
        weight = taken[0].weight
        while self._heavy and weight + self._heavy[0].weight <= HEAVY_TOGETHER_MAX:
            taken.append(self._heavy.popleft())
            weight += taken[-1].weight
        return taken
