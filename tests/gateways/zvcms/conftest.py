"""The zvcms door on a real port, with one account that has the default settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateways.zvcms.callers import Caller
from hexiao.engine.committer import Engine
from hexiao.gateways.zvcms.server import build
from hexiao.vault import Vault


@pytest.fixture
def caller(engine: Engine, vault: Vault, clock: Any, serve: Callable[[Any], str]) -> Caller:
    caller = Caller(engine, vault, clock)
    caller.url = serve(build(engine, vault))
    caller.open_account()
    return caller
