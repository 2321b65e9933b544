"""The shop that is measured: merchant, shops, cashiers, API key, two schemes with full rules, and its many coupons.

What is known beforehand (ids, codes) is a function of a coupon's number, so that a client needs no list of codes.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import msgspec

from hexiao.config import Settings
from hexiao.domain.coupon import Coupon
from hexiao.domain.party import Cashier, Credential, Item, Merchant, Role, Shop
from hexiao.domain.redemption import JournalEntry
from hexiao.domain.scheme import FixedDates, Goods, MoneyOff, Shops, Terms, Window
from hexiao.engine.commands import AnyCommand, CreateScheme, Failed, Issue, Issued, Put, Record, SchemeSaved
from hexiao.engine.committer import Engine
from hexiao.gateways.zvcms.account import DOOR as ZVCMS_DOOR
from hexiao.gateways.zvcms.account import Account, seal_account
from hexiao.vault import Vault
from hexiao.web.auth import DOOR as API_DOOR
from hexiao.web.auth import hash_key
from hexiao.wiring import migrate, open_engine

MASTER_KEY = "22" * 32
API_KEY = "hx_till_benchmark"  # a key of loopback databases that are thrown away
MERCHANT_ID = 1
SHOPS = 20
CASHIERS = 40
ITEMS = 50
DISCOUNT_FEN = 1_000
LIMIT = 1_000_000_000

OPEN_ID = "benchmark0000000000000000000000a"
GRANT_CODE = "782c281f62"
OPEN_KEY = "benchmark-open-key-0123456789abcdef0123456789abcdef"

PLAIN, COUNTED = 0, 1
"""The two schemes: without limits, and with a stock and a budget that every redemption is counted against."""

_SPREAD = 70_460_292_543_863_531_311
_STEP = 611_953
_KINDS_APART = 10**12


def shop_id(number: int) -> int:
    return 101 + number % SHOPS


def cashier_id(number: int) -> int:
    return 901 + number % CASHIERS


def sku(number: int) -> str:
    return f"69012345{number % ITEMS:05d}"


def code(scheme: int, number: int) -> str:
    """Twenty digits in no order; every number has its own, for both factors are coprime to 10**20."""
    return f"{(number + scheme * _KINDS_APART) * _SPREAD % 10**20:020d}"


def shuffled(place: int, coupons: int) -> int:
    """The number of the coupon that is used at this place: each once, and neighbours far apart."""
    return place * _STEP % coupons


def settings(database: str) -> Settings:
    return Settings(database=database, master_key=MASTER_KEY)


class Sample(NamedTuple):
    """A coupon of a scheme as the engine issues it, with its first journal row."""

    coupon: Coupon
    entry: JournalEntry


def open_shop(database: str) -> tuple[Sample, Sample]:
    """Migrate an empty database and put everything there but the many coupons; one issued coupon of each scheme."""
    migrate(settings(database))
    engine = open_engine(settings(database))
    try:
        for record in _records():
            do(engine, Put(merchant_id=MERCHANT_ID, record=record))
        return _scheme(engine, "PLAIN", 0), _scheme(engine, "COUNTED", LIMIT)
    finally:
        engine.close()


def _scheme(engine: Engine, number: str, limit: int) -> Sample:
    command = CreateScheme(
        merchant_id=MERCHANT_ID, number=number, name=f"满 20 减 10 {number}", terms=terms(limit),
        benefit=MoneyOff(amount_fen=DISCOUNT_FEN),
    )  # fmt: skip
    saved = do(engine, command)
    assert isinstance(saved, SchemeSaved)
    issued = do(engine, Issue(merchant_id=MERCHANT_ID, scheme_id=saved.scheme.id))
    assert isinstance(issued, Issued)
    coupon = issued.coupons[0]
    (entry,) = engine.read_now(lambda reader: reader.journal(coupon.id))
    return Sample(coupon, entry)


def terms(limit: int) -> Terms:
    """Something for every check to look at."""
    return Terms(
        validity=FixedDates(date(2020, 1, 1), date(2099, 12, 31)),
        windows=(Window(since="00:00", until="12:00"), Window(since="12:00", until="24:00")),
        minimum_spend_fen=2 * DISCOUNT_FEN,
        goods=Goods("listed", tuple(sku(number) for number in range(0, ITEMS, 2))),
        shops=Shops("listed", tuple(str(shop_id(number)) for number in range(SHOPS))),
        scene="shop",
        total=limit,
        budget_fen=limit * DISCOUNT_FEN,
    )


def _records() -> list[Record]:
    vault = Vault(bytes.fromhex(MASTER_KEY))
    account = Account(open_key=OPEN_KEY, grant_code=GRANT_CODE)
    return [
        Merchant(id=MERCHANT_ID, name="测试商户"),
        *(Shop(id=shop_id(i), merchant_id=MERCHANT_ID, number=f"{i:03d}", name=f"{i} 号店") for i in range(SHOPS)),
        *(Cashier(id=cashier_id(i), merchant_id=MERCHANT_ID, name=f"收银员 {i}") for i in range(CASHIERS)),
        *(Item(id=501 + i, merchant_id=MERCHANT_ID, sku=sku(i), name=f"商品 {i}") for i in range(ITEMS)),
        Credential(
            id=7, merchant_id=MERCHANT_ID, door=API_DOOR, public_id=hash_key(API_KEY), name="till", role=Role.TILL
        ),
        Credential(
            id=8,
            merchant_id=MERCHANT_ID,
            door=ZVCMS_DOOR,
            public_id=OPEN_ID,
            name="zvcms",
            sealed=seal_account(vault, OPEN_ID, account),
        ),
    ]


def do(engine: Engine, command: AnyCommand) -> msgspec.Struct:
    outcome = engine.call(command).outcome
    if isinstance(outcome, Failed):
        raise SystemExit(f"cannot open the shop: {outcome}")
    return outcome
