"""The demo: a merchant with 30 days of history and both vendors' printed samples, made through the engine itself.

The same `now` always gives the same rows, sealed secrets apart. An engine for it runs on a HistoryClock.
"""

from __future__ import annotations

from collections.abc import Callable

from hexiao.demo import catalogue as the
from hexiao.demo import samples
from hexiao.demo.access import ADMIN_KEY, credentials, demo_credentials, demo_requests
from hexiao.demo.clock import HistoryClock
from hexiao.demo.history import History, first_midnight
from hexiao.demo.planning import DAY_MS, DAYS
from hexiao.engine.commands import Import, Imported, Put
from hexiao.engine.committer import Engine
from hexiao.storage.base import Reader
from hexiao.storage.snapshot import Record
from hexiao.vault import Vault
from hexiao.web.auth import DOOR as API_DOOR
from hexiao.web.auth import hash_key

__all__ = [
    "DAYS", "HistoryClock", "demo_credentials", "demo_requests", "fill", "is_complete", "is_empty",
]  # fmt: skip


def is_empty(reader: Reader) -> bool:
    """Whether the demo's merchant, the first that anybody makes, does not exist yet."""
    return reader.merchant(the.MERCHANT_ID) is None


def is_complete(reader: Reader) -> bool:
    """Whether the demo was made here, to its end."""
    return reader.credential(API_DOOR, hash_key(ADMIN_KEY)) is not None


def fill(
    engine: Engine, clock: HistoryClock, vault: Vault, now: int, tell: Callable[[int], None] = lambda day: None
) -> None:
    """Make it all, oldest first, until `now`. `tell` hears how many of the DAYS are done.

    Raises ValueError when `now` lies before the newest of the vendors' samples and 30 days.
    """
    begin = first_midnight(now)
    history = History(engine, clock, tell)
    records: list[Record] = [the.MERCHANT, *the.SHOPS, *the.CASHIERS, *the.MEMBERS]
    records += [article.item for article in the.ARTICLES]
    # A cashier names his shop, so the shops come first; within one call the order holds.
    history.say(samples.ZVCMS_CREATED_AT, *(_put(record) for record in records))
    for at, command in samples.steps():
        history.say(at, command)
    history.say(begin - DAY_MS, *the.SCHEMES)
    history.play(now)
    bound = {scheme.id for scheme in the.SCHEMES if scheme.terms.holder == "member"}
    history.say(now, *(_well_known(scheme_id, scheme_id in bound, now) for scheme_id in the.WELL_KNOWN))
    for credential in credentials(vault):  # one by one: the last says that all is there
        history.say(now, _put(credential))


def _put(record: Record) -> Put:
    return Put(merchant_id=the.MERCHANT_ID, actor=the.ACTOR, record=record)


def _well_known(scheme_id: int, bound: bool, now: int) -> Import:
    """Received the day before, so that those valid from the next day can be used at once."""
    member_id, received_at = the.KINGDEE_MEMBER if bound else None, now - DAY_MS
    return Import(
        merchant_id=the.MERCHANT_ID, request_id=f"demo/well-known/{scheme_id}", actor=the.ACTOR, scheme_id=scheme_id,
        coupons=tuple(
            Imported(code=code, member_id=member_id, received_at=received_at) for code in the.WELL_KNOWN[scheme_id]
        ),
    )  # fmt: skip
