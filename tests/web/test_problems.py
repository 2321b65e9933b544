"""The table from codes to HTTP statuses is total, and a problem says everything in one form."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from conftest import Clock
from hexiao.domain.coupon import Channel
from hexiao.domain.errors import Code, Family, Unavailable
from hexiao.domain.redemption import Move, State
from hexiao.domain.scheme import Kind
from hexiao.engine.commands import Failed
from hexiao.engine.committer import Engine
from hexiao.web.problems import STATUS, show_problem
from hexiao.web.render import MOVES
from hexiao.web.views import CHANNELS, KINDS, STATES
from web.conftest import Api, App, MakeBill


def test_every_code_has_its_status() -> None:
    assert set(STATUS) == set(Code)


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.value)
def test_the_status_fits_the_family(code: Code) -> None:
    expected = {
        Family.NOT_ALLOWED: {401, 403},
        Family.BAD_REQUEST: {400, 404, 405, 409, 413, 422},
        Family.REFUSED: {409},
        Family.UNAVAILABLE: {500, 503},
    }
    assert STATUS[code] in expected[code.family]


def test_every_channel_kind_state_and_move_has_its_name() -> None:
    assert [Channel[name.upper()] for name in CHANNELS] == list(Channel)
    assert [kind.name.lower() for kind in Kind] == list(KINDS)
    assert [state.name.lower() for state in State] == list(STATES)
    assert {move: move.value for move in Move if move is not Move.LAPSE} == MOVES


def test_a_problem_tells_its_numbers_to_programs_and_its_sentence_to_people() -> None:
    failed = Failed(code=Code.HOLD_LAPSED, facts={"held_until_at": 1_763_784_900_000})
    problem = show_problem(failed, ZoneInfo("Asia/Shanghai"))
    assert (problem.status, problem.code, problem.type) == (409, "hold_lapsed", "/docs#hold_lapsed")
    assert problem.facts == {"held_until_at": "2025-11-22T04:15:00.000Z"}
    assert "2025-11-22 12:15:00" in problem.zh and "2025-11-22 12:15:00" in problem.en
    assert problem.detail == problem.en
    elsewhere = show_problem(failed, ZoneInfo("Asia/Tokyo"))
    assert "13:15:00" in elsewhere.zh
    assert msgspec.json.encode(problem) == msgspec.json.encode(show_problem(failed, ZoneInfo("Asia/Shanghai")))


def test_sentences_are_told_in_the_merchants_time(api: Api, bill: MakeBill, clock: Clock, engine: Engine) -> None:
    from hexiao.domain.party import Merchant
    from hexiao.engine.commands import Put

    (held,) = api.redeem(api.code(), bill(), "hold").json["redemptions"]
    engine.call(Put(merchant_id=1, record=Merchant(id=1, name="东京店", time_zone="Asia/Tokyo")))
    clock.forward(900)
    assert "13:15:00" in api.post(f"/v1/redemptions/{held['id']}/capture").json["zh"]


@pytest.mark.parametrize("code", [Code.BUSY, Code.STORAGE_UNAVAILABLE])
def test_unavailable_is_503_with_retry_after(api: Api, app: App, code: Code) -> None:
    async def unavailable(req: Any, resp: Any, **_: Any) -> None:
        raise Unavailable(code)

    app.add_sink(unavailable, "/v1/unavailable")
    answer = api.get("/v1/unavailable")
    assert (answer.status_code, answer.json["code"]) == (503, code.value)
    assert answer.headers["retry-after"] == "1"
