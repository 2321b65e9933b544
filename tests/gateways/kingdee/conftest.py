"""A served Kingdee door with a small world behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateways.kingdee.world import SHOP, Shelf, Till
from hexiao.domain.party import Member, Merchant, Shop
from hexiao.engine.committer import Engine
from hexiao.gateways.kingdee import server
from hexiao.vault import Vault


@pytest.fixture
def shelf(engine: Engine, vault: Vault) -> Shelf:
    """Merchant 1 with a shop, a member, the application and its account set."""
    shelf = Shelf(engine, vault)
    shelf.put(Merchant(id=1, name="测试商户"))
    shelf.put(Shop(id=SHOP, merchant_id=1, number="001", name="001门店"))
    shelf.put(Member(id=SHOP, merchant_id=1, name="会员001", mobile="13222113311", card_id="1", card_number="001"))
    shelf.application()
    shelf.account_set()
    return shelf


@pytest.fixture
def till(shelf: Shelf, vault: Vault, serve: Callable[[Any], str]) -> Iterator[Till]:
    yield Till(serve(server.build(shelf.engine, vault)), shelf.engine)
