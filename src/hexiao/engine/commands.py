"""What can be asked of the engine, and what comes back.

A command names everything it needs by id, code or number; it holds no clock, no random number and no answer.
`request_id` is the caller's, already prefixed with the caller's own id; an empty one is never remembered.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from hexiao.domain.assessment import Assessment
from hexiao.domain.bill import Bill
from hexiao.domain.coupon import Channel, Coupon
from hexiao.domain.errors import Code, Fact
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.redemption import Move, Redemption
from hexiao.domain.scheme import Benefit, Scheme, Terms

BATCH_ITEMS_MAX = 1_000


class Command(msgspec.Struct, kw_only=True, frozen=True, tag=True, omit_defaults=True):
    """`actor` is who asks (a credential's name), written to the journal.

    Defaults are omitted, here and in what a redemption consists of, so that a field that is added with a default leaves
    the fingerprints of earlier requests as they are: a retry after an upgrade must find its answer.
    """

    merchant_id: int
    request_id: str = ""
    actor: str = ""

    @property
    def weight(self) -> int:
        """How many redemptions or coupons it asks for: what it costs, about, to carry it out."""
        return 1


class Take(msgspec.Struct, frozen=True, omit_defaults=True):
    """One coupon to use: its normalised code and, if the caller wants less than possible, how much."""

    code: str
    amount_fen: int | None = None


class Redeem(Command, kw_only=True, frozen=True, tag=True):
    """Hold the coupons for this bill, or take them at once; all of them or none."""

    mode: Literal["hold", "redeem"]
    coupons: tuple[Take, ...]
    bill: Bill


class RedeemEach(Command, kw_only=True, frozen=True, tag=True):
    """Up to BATCH_ITEMS_MAX independent redemptions, each with its own outcome.

    The items carry the request id of the whole; the whole is remembered, not its parts.
    """

    items: tuple[Redeem, ...]

    @property
    def weight(self) -> int:
        return len(self.items)


class Assess(Command, kw_only=True, frozen=True, tag=True):
    """What would these coupons do on this bill? Reads only."""

    coupons: tuple[Take, ...]
    bill: Bill


class LookUp(Command, kw_only=True, frozen=True, tag=True):
    """One coupon by its code, with its scheme and holder. Reads only.

    `spelled_out` asks for what the scheme names, too: its shops and goods, and what it has given out; and for who
    captured the latest use, which need not be the cashier on the bill.
    """

    code: str
    spelled_out: bool = False


class Capture(Command, kw_only=True, frozen=True, tag=True):
    redemption_id: int
    amount_fen: int | None = None
    cashier_id: int | None = None


class Release(Command, kw_only=True, frozen=True, tag=True):
    redemption_id: int
    cashier_id: int | None = None


class Reverse(Command, kw_only=True, frozen=True, tag=True):
    """Give back `amount_fen` (all that is left when None), or exactly `lines`, one amount for each line of the bill."""

    redemption_id: int
    amount_fen: int | None = None
    lines: tuple[int, ...] | None = None
    cashier_id: int | None = None
    reason: str = ""


class Lapse(Command, kw_only=True, frozen=True, tag=True):
    """Write down that a hold is past its deadline; the sweeper's command. A hold that is not is left alone."""

    redemption_id: int


class Issue(Command, kw_only=True, frozen=True, tag=True):
    """Create `quantity` coupons of a scheme's latest version, for one member or for bearers."""

    scheme_id: int
    quantity: int = 1
    member_id: int | None = None
    channel: Channel = Channel.CLAIM

    @property
    def weight(self) -> int:
        return self.quantity


class Imported(msgspec.Struct, frozen=True):
    """A coupon made elsewhere: its code, and what is to be kept of its old life."""

    code: str
    member_id: int | None = None
    id: int | None = None
    record_id: int | None = None
    received_at: int | None = None
    face_fen: int | None = None
    channel: Channel = Channel.CLAIM


class Import(Command, kw_only=True, frozen=True, tag=True):
    scheme_id: int
    coupons: tuple[Imported, ...]

    @property
    def weight(self) -> int:
        return len(self.coupons)


class Void(Command, kw_only=True, frozen=True, tag=True):
    code: str
    reason: str = ""


class CreateScheme(Command, kw_only=True, frozen=True, tag=True):
    number: str
    name: str
    terms: Terms
    benefit: Benefit
    description: str = ""
    shown_in_list: bool = True
    shown_on_goods: bool = False
    id: int | None = None


class ReviseScheme(Command, kw_only=True, frozen=True, tag=True):
    """A new version; coupons already issued keep theirs. What is None stays as it was."""

    scheme_id: int
    name: str | None = None
    terms: Terms | None = None
    benefit: Benefit | None = None
    description: str | None = None


class PauseScheme(Command, kw_only=True, frozen=True, tag=True):
    scheme_id: int
    paused: bool


Record = Merchant | Shop | Cashier | Member | Item | Credential


class Put(Command, kw_only=True, frozen=True, tag=True):
    """Create or replace one record of master data. An id of 0 asks for a new one."""

    record: Record


AnyCommand = (
    Redeem
    | RedeemEach
    | Assess
    | LookUp
    | Capture
    | Release
    | Reverse
    | Lapse
    | Issue
    | Import
    | Void
    | CreateScheme
    | ReviseScheme
    | PauseScheme
    | Put
)


class RedemptionView(msgspec.Struct, kw_only=True):
    """A redemption as it stood when answered, with what a person needs beside it."""

    redemption: Redemption
    code: str
    scheme_number: str
    scheme_name: str
    coupon_left_fen: int | None
    coupon_left_uses: int | None
    allowed: list[Move]


class Named(msgspec.Struct, kw_only=True):
    """What stands behind a scheme: the listed shops and goods that exist, and its count."""

    time_zone: str
    shops: list[Shop]
    items: list[Item]
    issued: int
    captured_uses: int


class CouponView(msgspec.Struct, kw_only=True):
    """A coupon with its scheme (at the coupon's version), its holder, and its latest live use, if any.

    `named` and `captor_name` are there when they were asked for.
    """

    coupon: Coupon
    scheme: Scheme
    member: Member | None = None
    last_use: Redemption | None = None
    last_cashier_name: str = ""
    captor_name: str = ""
    named: Named | None = None


class Redeemed(msgspec.Struct, kw_only=True, tag=True):
    redemptions: list[RedemptionView]


class Assessed(msgspec.Struct, kw_only=True, tag=True):
    assessments: list[Assessment]
    coupons: list[CouponView]


class Issued(msgspec.Struct, kw_only=True, tag=True):
    coupons: list[Coupon]


class Found(msgspec.Struct, kw_only=True, tag=True):
    coupon: CouponView


class SchemeSaved(msgspec.Struct, kw_only=True, tag=True):
    scheme: Scheme


class Saved(msgspec.Struct, kw_only=True, tag=True):
    id: int


class Nothing(msgspec.Struct, tag=True):
    """There was nothing to do."""


class Failed(msgspec.Struct, kw_only=True, tag=True):
    """The answer is no: why, with which numbers, and every verdict where coupons were judged."""

    code: Code
    facts: dict[str, Fact]
    assessments: list[Assessment] = []
    redemption: RedemptionView | None = None


Single = Redeemed | Assessed | Issued | Found | SchemeSaved | Saved | Nothing | Failed


class Each(msgspec.Struct, kw_only=True, tag=True):
    """One outcome for each item of a batch, in order."""

    outcomes: list[Single]


Outcome = Single | Each


class Answer(msgspec.Struct, frozen=True):
    """What the caller gets; `replayed` when this request id had been answered before."""

    outcome: Outcome
    replayed: bool = False
