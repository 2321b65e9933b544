"""What a batch of commands works on: the Names to load, the Snapshot that was loaded, the Changes to save.

`decide` changes the snapshot in memory, so the next command of the batch sees it; nothing here talks to a database.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from hexiao.domain.chain import Block
from hexiao.domain.coupon import Coupon
from hexiao.domain.errors import Code
from hexiao.domain.party import Cashier, Credential, Item, Member, Merchant, Shop
from hexiao.domain.redemption import JournalEntry, Redemption, State
from hexiao.domain.scheme import Scheme

CodeKey = tuple[int, str]
"""(merchant_id, normalised code)"""
BillKey = tuple[int, int, str]
"""(merchant_id, shop_id, bill number)"""
Owned = Shop | Cashier | Member | Item | Credential
Record = Merchant | Owned
KEPT = (Merchant, Shop, Cashier)
"""Records that every process keeps in memory, as it does schemes, until their edition rises."""


@dataclass(slots=True)
class Names:
    """Everything a batch of commands names; `load` reads no more than this and what hangs on it."""

    at: int = 0
    """The moment, UTC ms: holds that are over by then hang on it, all of them."""
    merchants: set[int] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    codes: set[CodeKey] = field(default_factory=set)
    spelled_out: set[CodeKey] = field(default_factory=set)
    """Codes of coupons of which also the scheme's shops, goods and count are wanted, and who captured them."""
    coupons: set[int] = field(default_factory=set)
    redemptions: set[int] = field(default_factory=set)
    schemes: set[int] = field(default_factory=set)
    scheme_numbers: set[CodeKey] = field(default_factory=set)
    shops: set[int] = field(default_factory=set)
    cashiers: set[int] = field(default_factory=set)
    members: set[int] = field(default_factory=set)
    items: set[CodeKey] = field(default_factory=set)
    item_ids: set[int] = field(default_factory=set)
    categories: bool = False
    """Whether a scheme that asks for the category of goods is to be made."""
    bills: set[BillKey] = field(default_factory=set)
    credentials: set[tuple[str, str]] = field(default_factory=set)
    credential_ids: set[int] = field(default_factory=set)
    receipts: set[tuple[int, int]] = field(default_factory=set)
    """(scheme_id, member_id) whose number of received coupons matters"""


class Remembered(msgspec.Struct):
    """The answer to a request id: replayed when the fingerprint is the same, refused when it is not."""

    fingerprint: bytes
    answer: bytes


class Refusal(msgspec.Struct, kw_only=True, frozen=True):
    """A refused attempt, kept for support: who tried what, where, and why not."""

    id: int
    merchant_id: int
    coupon_id: int | None
    typed_code: str
    code: Code
    shop_id: int | None
    bill_number: str
    cashier_id: int | None
    at: int
    request_id: str
    actor: str
    verdicts: bytes


class Count(msgspec.Struct):
    """What a scheme has given out so far; also used for what a batch adds to it."""

    issued: int = 0
    captured_uses: int = 0
    held_fen: int = 0
    captured_fen: int = 0


class CountChange(msgspec.Struct):
    """A relative change of one scheme's count, with the limits that it must not pass (0 = none).

    `limited` as the scheme is for good, also where this change itself meets no limit: what only goes back always may.
    """

    add: Count
    limited: bool
    total: int = 0
    budget_fen: int = 0


class Changes:
    """What `save` writes. Guards: a coupon by the seq it was read at, a bill by its seq, a scheme by its seq,
    a redemption by its coupon's and by its state."""

    __slots__ = (
        "bills",
        "block",
        "codes",
        "counts",
        "coupon_seqs",
        "coupons",
        "journal",
        "new_coupons",
        "new_redemptions",
        "receipts",
        "records",
        "redemption_guards",
        "redemptions",
        "refusals",
        "requests",
        "schemes",
        "versions",
    )

    def __init__(self) -> None:
        self.requests: dict[str, Remembered] = {}
        self.coupons: dict[int, Coupon] = {}
        self.coupon_seqs: dict[int, int] = {}
        self.new_coupons: dict[int, Coupon] = {}
        self.redemptions: dict[int, Redemption] = {}
        self.redemption_guards: dict[int, tuple[State, int]] = {}
        self.new_redemptions: dict[int, Redemption] = {}
        self.journal: list[JournalEntry] = []
        self.block: Block | None = None
        self.refusals: list[Refusal] = []
        self.bills: dict[BillKey, int] = {}
        self.counts: dict[int, CountChange] = {}
        self.receipts: dict[tuple[int, int], tuple[int, int]] = {}
        self.schemes: dict[int, tuple[Scheme, int]] = {}
        self.versions: list[Scheme] = []
        self.records: list[Record] = []

    @property
    def empty(self) -> bool:
        return not (
            self.requests
            or self.coupons
            or self.new_coupons
            or self.redemptions
            or self.refusals
            or self.schemes
            or self.records
            or self.journal
        )


class Snapshot:
    """The loaded world of one batch, and the changes made to it so far."""

    def __init__(self) -> None:
        self.merchants: dict[int, Merchant] = {}
        self.requests: dict[str, Remembered] = {}
        self.coupon_ids: dict[CodeKey, int] = {}
        self.coupons: dict[int, Coupon] = {}
        self.redemptions: dict[int, Redemption] = {}
        self.by_coupon: dict[int, list[Redemption]] = {}
        self.by_bill: dict[BillKey, list[Redemption]] = {}
        self.captors: dict[int, int] = {}
        """Who captured a redemption; known of coupons that are spelled out."""
        self.schemes: dict[tuple[int, int], Scheme] = {}
        self.latest: dict[int, Scheme] = {}
        self.scheme_ids: dict[CodeKey, int] = {}
        self.shops: dict[int, Shop] = {}
        self.cashiers: dict[int, Cashier] = {}
        self.members: dict[int, Member] = {}
        self.items: dict[CodeKey, Item] = {}
        self.items_by_id: dict[int, Item] = {}
        self.bill_seqs: dict[BillKey, int] = {}
        self.counts: dict[int, Count] = {}
        self.received: dict[tuple[int, int], int] = {}
        self.credentials: dict[tuple[str, str], Credential] = {}
        self.credentials_by_id: dict[int, Credential] = {}
        self.changes = Changes()

    # What was loaded.

    def coupon(self, merchant_id: int, code: str) -> Coupon | None:
        coupon_id = self.coupon_ids.get((merchant_id, code))
        return None if coupon_id is None else self.coupons.get(coupon_id)

    def scheme_of(self, coupon: Coupon) -> Scheme:
        return self.schemes[coupon.scheme_id, coupon.scheme_version]

    def count(self, scheme_id: int) -> Count:
        return self.counts.setdefault(scheme_id, Count())

    def index(self, redemption: Redemption) -> None:
        """Make a loaded or new redemption findable by its id, its coupon and its bill."""
        if redemption.id in self.redemptions:
            return
        self.redemptions[redemption.id] = redemption
        self.by_coupon.setdefault(redemption.coupon_id, []).append(redemption)
        self.by_bill.setdefault(bill_key(redemption), []).append(redemption)

    # What changes.

    def add_coupon(self, coupon: Coupon) -> None:
        self.coupons[coupon.id] = coupon
        self.coupon_ids[coupon.merchant_id, coupon.code] = coupon.id
        self.changes.new_coupons[coupon.id] = coupon

    def touch_coupon(self, coupon: Coupon) -> None:
        """To be called before the coupon changes: its present seq becomes the guard of the write."""
        if coupon.id not in self.changes.new_coupons and coupon.id not in self.changes.coupons:
            self.changes.coupons[coupon.id] = coupon
            self.changes.coupon_seqs[coupon.id] = coupon.seq

    def add_redemption(self, redemption: Redemption) -> None:
        self.index(redemption)
        self.changes.new_redemptions[redemption.id] = redemption

    def touch_redemption(self, redemption: Redemption) -> None:
        """To be called before the redemption changes: its present state becomes the guard of the write."""
        if redemption.id not in self.changes.new_redemptions and redemption.id not in self.changes.redemptions:
            self.changes.redemptions[redemption.id] = redemption
            self.changes.redemption_guards[redemption.id] = redemption.state, redemption.reversals

    def touch_bill(self, key: BillKey) -> None:
        """Guard the bill: two coupons that do not know of each other must not meet on it unseen."""
        self.changes.bills.setdefault(key, self.bill_seqs.get(key, 0))

    def add_count(self, scheme: Scheme, add: Count) -> None:
        """Count what was given out. What adds to it meets the limits of that moment, not those of a later version; so
        does all of a change in which anything was added, also when more went back."""
        if not (add.issued or add.captured_uses or add.held_fen or add.captured_fen):
            return
        limits = self.latest[scheme.id].terms
        change = self.changes.counts.get(scheme.id)
        if change is None:
            change = CountChange(Count(), limits.limited)
            self.changes.counts[scheme.id] = change
        if add.issued > 0:
            change.total = limits.total
        if add.held_fen + add.captured_fen > 0:
            change.budget_fen = limits.budget_fen
        for whole in (self.count(scheme.id), change.add):
            whole.issued += add.issued
            whole.captured_uses += add.captured_uses
            whole.held_fen += add.held_fen
            whole.captured_fen += add.captured_fen

    def add_receipt(self, scheme: Scheme, member_id: int, quantity: int) -> None:
        key = (scheme.id, member_id)
        self.received[key] = self.received.get(key, 0) + quantity
        added, _ = self.changes.receipts.get(key, (0, 0))
        self.changes.receipts[key] = (added + quantity, scheme.terms.per_member)

    def put_scheme(self, scheme: Scheme, guard_seq: int) -> None:
        """A new version or a changed state; `guard_seq` 0 = the scheme is new."""
        if (scheme.id, scheme.version) not in self.schemes:
            self.changes.versions.append(scheme)
        for key, version in self.schemes.items():
            if version.id == scheme.id:  # the state of a scheme is that of all its versions
                self.schemes[key] = msgspec.structs.replace(
                    version, latest=scheme.latest, paused=scheme.paused, updated_at=scheme.updated_at, seq=scheme.seq
                )
        self.schemes[scheme.id, scheme.version] = self.latest[scheme.id] = scheme
        self.scheme_ids[scheme.merchant_id, scheme.number] = scheme.id
        _, first_guard = self.changes.schemes.get(scheme.id, (scheme, guard_seq))
        self.changes.schemes[scheme.id] = (scheme, first_guard)

    def put_record(self, record: Owned) -> None:
        match record:
            case Shop():
                self.shops[record.id] = record
            case Cashier():
                self.cashiers[record.id] = record
            case Member():
                self.members[record.id] = record
            case Item():
                before = self.items_by_id.get(record.id)
                if before is not None:
                    self.items.pop((before.merchant_id, before.sku), None)
                self.items[record.merchant_id, record.sku] = self.items_by_id[record.id] = record
            case Credential():
                self.credentials[record.door, record.public_id] = self.credentials_by_id[record.id] = record
        self.changes.records.append(record)

    def remember(self, request_id: str, remembered: Remembered) -> None:
        self.requests[request_id] = remembered
        self.changes.requests[request_id] = remembered


def bill_key(redemption: Redemption) -> BillKey:
    return redemption.merchant_id, redemption.shop_id, redemption.bill_number
