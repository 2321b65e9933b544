"""How a body is read: whole and no more, up to a limit; and which timers end the waits for those that do not come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import falcon
import pytest
from structlog.testing import capture_logs

from hexiao import http
from hexiao.domain.errors import BadRequest, Code

LIMIT = 10
BROKEN_OFF = "broken_off"


class Line:
    """What the web server gives, piece by piece."""

    def __init__(self, *pieces: bytes, ends: bool = False) -> None:
        self.asked = 0
        self._events = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        if ends:
            self._events[-1]["more_body"] = False

    async def __call__(self) -> Any:
        self.asked += 1
        return self._events.pop(0) if self._events else {"type": "http.disconnect"}


def read(line: Line, announced: int | None = None) -> bytes:
    req: Any = SimpleNamespace(scope={http.RECEIVE: line}, content_length=announced)
    return asyncio.run(http.read_body(req, LIMIT))


@pytest.mark.parametrize(
    ("line", "announced"),
    [
        (Line(b"0123456789"), 10),
        (Line(b"01234", b"56789"), 10),
        (Line(b"01234", b"56789 and what follows it on the line"), 10),
        (Line(b"01234", b"56789", ends=True), None),
        (Line(b"01234", b"", b"56789", ends=True), None),
    ],
)
def test_a_body_up_to_the_limit_is_read_whole_and_not_beyond_its_end(line: Line, announced: int | None) -> None:
    assert read(line, announced) == b"0123456789"


@pytest.mark.parametrize("announced", [0, None])
def test_one_that_is_empty_is_empty(announced: int | None) -> None:
    line = Line(b"", ends=True)
    assert read(line, announced) == b""
    assert line.asked == (announced is None)


@pytest.mark.parametrize(
    ("line", "announced"),
    [(Line(b"01234", b"567890"), 11), (Line(b"0123456789", b"0", ends=True), None), (Line(b"0"), 11)],
    ids=["announced", "not announced", "announced and cut off"],
)
def test_a_byte_more_is_too_large(line: Line, announced: int | None) -> None:
    with pytest.raises(BadRequest) as refused:
        read(line, announced)
    assert refused.value.code is Code.BODY_TOO_LARGE


@pytest.mark.parametrize(
    ("line", "announced"),
    [(Line(b"0123"), 5), (Line(b"0123", ends=True), 5), (Line(b"0123"), None)],
    ids=["the line broke", "a piece is missing", "the line broke between chunks"],
)
def test_what_broke_off_is_nothing(line: Line, announced: int | None) -> None:
    with pytest.raises(falcon.HTTPError) as refused:
        read(line, announced)
    assert (refused.value.status_code, refused.value.description) == (400, BROKEN_OFF)


def test_what_is_too_large_is_dropped_up_to_a_bound_so_that_its_sender_hears_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "DROPPED_MAX_BYTES", 100)
    line = Line(*[b"x" * 30] * 9)
    with pytest.raises(BadRequest):
        read(line, 270)
    assert line.asked == 4  # the fourth goes beyond the bound
    line = Line(*[b"x" * 20] * 9)
    with pytest.raises(BadRequest):
        read(line, 60)
    assert line.asked == 3


# Timers.


@pytest.fixture(autouse=True)
def no_cohort(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(http.Cohort, "newest", None)
    yield


def test_who_begins_to_wait_at_nearly_the_same_time_shares_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS_MAX", 3.0)  # a tenth of a second for each cohort

    async def join() -> list[bool]:
        loop = asyncio.get_running_loop()
        first, at_once = http.Cohort.of(loop), http.Cohort.of(loop)
        await asyncio.sleep(0.12)
        later = http.Cohort.of(loop)
        return [first is at_once, first is later, later is http.Cohort.of(loop)]

    assert asyncio.run(join()) == [True, False, True]


def test_another_loop_has_timers_of_its_own() -> None:
    async def join() -> http.Cohort:
        return http.Cohort.of(asyncio.get_running_loop())

    assert asyncio.run(join()) is not asyncio.run(join())


# What goes to the answer and to the log.


@pytest.mark.parametrize(
    ("refusal", "facts"),
    [
        (falcon.HTTPBadRequest(description=BROKEN_OFF), {"reason": BROKEN_OFF}),
        (
            falcon.HTTPBadRequest(title="no", description="of its own"),
            {"reason": "not_understood", "said": "of its own"},
        ),
        (falcon.HTTPBadRequest(title="no"), {"reason": "not_understood", "said": "no"}),
    ],
)
def test_a_refusal_of_the_framework_is_told_in_our_words_or_in_its_own(
    refusal: falcon.HTTPError, facts: dict[str, str]
) -> None:
    assert http.facts_of(refusal) == facts


@pytest.mark.parametrize(("template", "logged"), [("/v1/coupons/{code}", "/v1/coupons/{code}"), (None, "/v1/nowhere")])
def test_no_value_of_a_path_is_logged_where_its_form_is_known(template: str | None, logged: str) -> None:
    req: Any = SimpleNamespace(uri_template=template, path="/v1/nowhere", method="GET")
    with capture_logs() as lines:
        error_id = http.log_unexpected(req, ValueError("x"))
    assert [(line["event"], line["error_id"], line["path"]) for line in lines] == [("unexpected", error_id, logged)]
