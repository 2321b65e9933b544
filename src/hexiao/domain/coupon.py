"""A Coupon (优惠券; 领用记录 when seen by its holder): one issued code with its balance.

The balance fields are the sums of the coupon's journal; its face (可用, 已核销 …) is derived, never stored.
"""

from __future__ import annotations

import unicodedata
from enum import IntEnum, StrEnum

import msgspec

CODE_MAX = 64
TYPED_MAX = 200
"""More than anybody types or scans for one code. Some longer texts take the square of their length to normalise."""


class Channel(IntEnum):
    """How the holder came by it, numbered as zvcms' `type_id`."""

    CLAIM = 0  # 领取
    GIFT = 1  # 满减/送
    CARD = 2  # 会员卡赠送


class Face(StrEnum):
    """What a person sees on a coupon."""

    USABLE = "usable"  # 可用
    PENDING = "pending"  # 未到有效期
    HELD = "held"  # 已预核销
    USED = "used"  # 已核销
    EXPIRED = "expired"  # 已过期
    VOIDED = "voided"  # 已作废


class Coupon(msgspec.Struct, kw_only=True):
    """`face_fen` and `uses_max` are None where that limit does not exist.

    `seq` counts the journal rows of this coupon, and so guards every write to it.
    """

    id: int
    merchant_id: int
    scheme_id: int
    scheme_version: int
    code: str
    record_id: int
    member_id: int | None = None
    channel: Channel = Channel.CLAIM
    face_fen: int | None
    uses_max: int | None
    held_fen: int = 0
    captured_fen: int = 0
    held_uses: int = 0
    captured_uses: int = 0
    seq: int = 0
    valid_from_at: int
    valid_until_at: int
    issued_at: int
    voided_at: int | None = None
    changed_at: int = 0

    @property
    def free_fen(self) -> int | None:
        """What is neither held nor captured; None when the value is not limited."""
        return None if self.face_fen is None else self.face_fen - self.held_fen - self.captured_fen

    @property
    def free_uses(self) -> int | None:
        return None if self.uses_max is None else self.uses_max - self.held_uses - self.captured_uses

    @property
    def left_fen(self) -> int | None:
        """What the holder still owns: a single-use coupon that was used has nothing left, however little it gave."""
        return left_fen(self.face_fen, self.uses_max, self.captured_fen, self.captured_uses)

    @property
    def used_up(self) -> bool:
        return used_up(self.face_fen, self.uses_max, self.captured_fen, self.captured_uses)

    @property
    def all_held(self) -> bool:
        """Nothing free, but something of it only because it is held."""
        return not self.used_up and (self.free_fen == 0 or self.free_uses == 0)

    def face(self, now: int) -> Face:
        if self.voided_at is not None:
            return Face.VOIDED
        if self.used_up:
            return Face.USED
        if self.all_held:
            return Face.HELD
        if now >= self.valid_until_at:
            return Face.EXPIRED
        return Face.PENDING if now < self.valid_from_at else Face.USABLE


def left_fen(face_fen: int | None, uses_max: int | None, captured_fen: int, captured_uses: int) -> int | None:
    if face_fen is None:
        return None
    return 0 if used_up(face_fen, uses_max, captured_fen, captured_uses) else face_fen - captured_fen


def used_up(face_fen: int | None, uses_max: int | None, captured_fen: int, captured_uses: int) -> bool:
    by_uses = uses_max is not None and captured_uses >= uses_max
    by_value = face_fen is not None and captured_fen >= face_fen
    return by_uses or by_value


def normalise_code(text: str) -> str:
    """What a scanner or a person typed → the stored form: half-width, upper case, no spaces, hyphens or controls.

    Total on any text; the result may be empty, and is then no coupon's code.
    """
    if text.isascii() and text.isalnum():  # what a scanner gives, nearly always
        return text.upper()
    while True:  # leaving out a joiner, or making a letter large, can make two characters fold into one
        wide = unicodedata.normalize("NFKC", text).upper()
        code = "".join(c for c in wide if not _is_pause(c))
        if code == text:
            return code
        text = code


def _is_pause(c: str) -> bool:
    # Minus and swung dash are dashes to Unicode too, though not of category Pd.
    return c.isspace() or c in "\u2212\u2053" or unicodedata.category(c) in ("Pd", "Cc", "Cf", "Cs")


_DAMM = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip


def check_digit(digits: str) -> str:
    """Damm's check digit: every single wrong digit and every swap of neighbours is noticed."""
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return str(interim)
