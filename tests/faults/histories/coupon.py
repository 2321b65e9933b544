"""What one coupon with a balance does when it is asked one thing after another: the truth that both checkers believe.

Pure and small: no hold lapses here, no other coupon is on the bill, and every use has a bill of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Told = tuple[Any, ...]
"""("use", what `view` says) or ("coupon", its sums), or ("no", code, the fen it names, the redemption it names)."""
Numbers = tuple[int, int, int, int]

NEXT = {"capture": "held", "release": "held", "reverse": "captured"}
CLOSED = {
    "held": "still_held",
    "captured": "already_captured",
    "released": "already_released",
    "reversed": "already_reversed",
}


class Operation(NamedTuple):
    """What one client asked, when, and what it heard."""

    key: str
    kind: str
    """redeem, hold, capture, release, reverse; look_up (the coupon) or get (a redemption)."""
    use: str
    """The redemption that it is about; empty for redeem, hold and look_up."""
    amount: int | None
    """None asks for all that is possible."""
    called: int
    returned: float
    """In ns; infinite when no answer came."""
    told: Told | None
    """None: nobody knows."""

    @property
    def changes(self) -> bool:
        return self.kind not in ("look_up", "get")

    @property
    def done(self) -> bool:
        """Acknowledged as carried out."""
        return self.told is not None and self.told[0] != "no"


class Use(NamedTuple):
    state: str
    held: int
    captured: int = 0
    returned: int = 0


class Coupon(NamedTuple):
    face: int
    uses: Mapping[str, Use]
    held: int = 0
    captured: int = 0
    held_uses: int = 0
    captured_uses: int = 0

    @property
    def numbers(self) -> Numbers:
        return self.held, self.captured, self.held_uses, self.captured_uses

    def view(self, name: str) -> Told:
        """(id, state, held, captured, given back, left of the coupon)"""
        return name, *self.uses[name], self.face - self.captured

    def after(self, name: str, use: Use) -> Coupon:
        """With this redemption as it is now; the sums move by what changed."""
        before = self.uses.get(name, Use("", 0))
        moved = (now - then for now, then in zip(_share(use), _share(before), strict=True))
        sums = (was + more for was, more in zip(self.numbers, moved, strict=True))
        return Coupon(self.face, {**self.uses, name: use}, *sums)


def _share(use: Use) -> Numbers:
    """What one redemption adds to the sums of its coupon."""
    if use.state == "held":
        return use.held, 0, 1, 0
    if use.state == "captured":
        return 0, use.captured - use.returned, 0, 1
    return 0, 0, 0, 0


def step(coupon: Coupon, asked: Operation, new: str) -> tuple[Coupon, Told]:
    """The coupon afterwards, and what must be told. `new` names the redemption that is perhaps made."""
    if asked.kind == "look_up":
        return coupon, ("coupon", *coupon.numbers)
    if asked.kind in ("redeem", "hold"):
        return _open(coupon, asked, new)
    if asked.use not in coupon.uses:
        return coupon, ("no", "unknown_redemption", None, None)
    use = coupon.uses[asked.use]
    if asked.kind == "get":
        return coupon, ("use", *coupon.view(asked.use))
    if use.state != NEXT[asked.kind]:
        return coupon, ("no", CLOSED[use.state], None, coupon.view(asked.use))
    most = use.held if asked.kind == "capture" else use.captured - use.returned
    amount = most if asked.amount is None else asked.amount
    if amount > most:
        return coupon, ("no", f"{asked.kind}_too_large", most, coupon.view(asked.use))
    if asked.kind == "release":
        use = use._replace(state="released")
    elif asked.kind == "capture":
        use = use._replace(state="captured", captured=amount)
    else:
        returned = use.returned + amount
        use = use._replace(state="reversed" if returned == use.captured else "captured", returned=returned)
    coupon = coupon.after(asked.use, use)
    return coupon, ("use", *coupon.view(asked.use))


def _open(coupon: Coupon, asked: Operation, new: str) -> tuple[Coupon, Told]:
    free = coupon.face - coupon.held - coupon.captured
    amount = free if asked.amount is None else asked.amount
    if coupon.captured == coupon.face:
        return coupon, ("no", "coupon_used_up", None, None)
    if free == 0:
        return coupon, ("no", "held_elsewhere", None, None)
    if amount > free:
        return coupon, ("no", "amount_too_large", free, None)
    use = Use("held", amount) if asked.kind == "hold" else Use("captured", amount, amount)
    coupon = coupon.after(new, use)
    return coupon, ("use", *coupon.view(new))
