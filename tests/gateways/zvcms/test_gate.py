"""The order of checks, and each check by itself, through the running server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from gateways.zvcms.callers import OPEN_ID, Caller, outcome
from hexiao.config import Settings
from hexiao.domain.party import Credential
from hexiao.engine.commands import Put
from hexiao.engine.committer import Engine
from hexiao.gateways.zvcms.gate import MEMBERS, Envelope, Seen
from hexiao.gateways.zvcms.server import build
from hexiao.vault import Vault
from hexiao.wiring import open_engine

PAST_THE_GATE = (True, 100010)
UNREADABLE = (False, 100001)
FORMAT = (False, 100002)
MISSING = (False, 100003)
OPEN_ID_UNKNOWN = (False, 110001)
GRANT_CODE = (False, 110002)
WINDOW = (False, 110003)
TOKEN = (False, 110004)
REPLAYED = (False, 110005)
ACTION = (False, 110006)

OTHER_ID = "0123456789abcdef0123456789abcdef"


def wrong_everywhere(caller: Caller) -> dict[str, Any]:
    return {
        "OpenId": "nobody",
        "GrantCode": "nothing",
        "Token": "x",
        "Timestamp": "1",
        "Nonce": "1",
        "Action": "coupon.no-such",
        "Params": "text",
    }


class TestTheOrder:
    def test_mending_one_mistake_after_the_other_meets_every_check_in_turn(self, caller: Caller) -> None:
        caller.open_account(OTHER_ID, replay_check=True)
        body = wrong_everywhere(caller)
        met = [outcome(caller.post(b"[]"))]
        met.append(outcome(caller.send({**body, "OpenId": None})))
        met.append(outcome(caller.send(body)))
        good = caller.body({}, open_id=OTHER_ID, action="coupon.no-such")
        for member in ("OpenId", "GrantCode"):
            body[member] = good[member]
            met.append(outcome(caller.send(body)))
        body["Timestamp"] = good["Timestamp"]
        met.append(outcome(caller.send(body)))
        body["Nonce"], body["Token"] = good["Nonce"], good["Token"]
        met.append(outcome(caller.send(body)))
        met.append(outcome(caller.send(body)))
        known = caller.body({}, open_id=OTHER_ID, nonce="2") | {"Params": "text"}
        met.append(outcome(caller.send(known)))
        met.append(outcome(caller.send(caller.body({}, open_id=OTHER_ID, nonce="3"))))
        met.append(outcome(caller.send(caller.body({"code": "1"}, open_id=OTHER_ID, nonce="4"))))
        assert met == [
            UNREADABLE,
            MISSING,
            OPEN_ID_UNKNOWN,
            GRANT_CODE,
            WINDOW,
            TOKEN,
            ACTION,
            REPLAYED,  # the very same body again: met before the action
            FORMAT,
            FORMAT,
            PAST_THE_GATE,
        ]


class TestMembers:
    @pytest.mark.parametrize("member", MEMBERS)
    def test_each_of_the_seven_must_be_there(self, caller: Caller, member: str) -> None:
        body = caller.body({"code": "1"})
        del body[member]
        answer = caller.send(body)
        assert outcome(answer) == MISSING
        assert member in answer["message"]

    @pytest.mark.parametrize("member", [member for member in MEMBERS if member != "Params"])
    def test_null_and_empty_are_missing_and_other_types_are_wrong(self, caller: Caller, member: str) -> None:
        whole = caller.body({"code": "1"})
        wrong: list[tuple[object, tuple[bool, int]]] = [
            (None, MISSING),
            ("", MISSING),
            ({}, FORMAT),
            (["x"], FORMAT),
            (True, FORMAT),
            (1.5, FORMAT),
            (-5, FORMAT),
        ]
        for value, expected in wrong:
            assert outcome(caller.send(whole | {member: value})) == expected, (member, value)

    def test_unknown_members_are_ignored(self, caller: Caller) -> None:
        assert outcome(caller.send(caller.body({"code": "1", "x": [1e300]}) | {"openid": 1, "": {}})) == PAST_THE_GATE

    @pytest.mark.parametrize("nothing", [None, ""])
    @pytest.mark.parametrize("name", ["OpenId", "openId"])
    def test_an_open_id_of_nothing_is_missing_also_when_others_are(
        self, name: str, nothing: str | None, caller: Caller
    ) -> None:
        answer = caller.send({name: nothing})
        assert outcome(answer) == MISSING
        assert "OpenId" in answer["message"]

    def test_a_number_with_leading_digits_of_its_own_is_signed_as_text(self, caller: Caller) -> None:
        body = caller.body({"code": "1"}, nonce="0042")
        assert outcome(caller.send(body)) == PAST_THE_GATE
        assert outcome(caller.send(body | {"Nonce": 42})) == TOKEN


class TestNames:
    def lowered(self, body: dict[str, Any]) -> dict[str, Any]:
        return {name[0].lower() + name[1:]: value for name, value in body.items()}

    def test_are_case_sensitive(self, caller: Caller) -> None:
        assert outcome(caller.send(self.lowered(caller.body({"code": "1"})))) == MISSING

    def test_may_be_lower_camel_for_an_account_that_wants_it(self, caller: Caller) -> None:
        caller.open_account(OTHER_ID, lenient_names=True)
        body = caller.body({"code": "1"}, open_id=OTHER_ID)
        assert outcome(caller.send(self.lowered(body))) == PAST_THE_GATE
        assert outcome(caller.send(body)) == PAST_THE_GATE
        mixed = {"openId": body.pop("OpenId")} | body
        assert outcome(caller.send(mixed)) == PAST_THE_GATE
        assert outcome(caller.send(mixed | {"nonce": "other"})) == PAST_THE_GATE

    def test_must_still_be_all_there(self, caller: Caller) -> None:
        caller.open_account(OTHER_ID, lenient_names=True)
        body = self.lowered(caller.body({"code": "1"}, open_id=OTHER_ID))
        del body["nonce"]
        assert outcome(caller.send(body)) == MISSING
        del body["openId"]
        assert outcome(caller.send(body)) == MISSING

    def test_of_others_are_not_accepted(self, caller: Caller) -> None:
        caller.open_account(OTHER_ID, lenient_names=True)
        body = caller.body({"code": "1"}, open_id=OTHER_ID)
        other = {name.lower(): value for name, value in body.items()}
        assert outcome(caller.send(other)) == MISSING


class TestWhoAsks:
    @pytest.mark.parametrize(
        "open_id", ["nobody", OPEN_ID.upper(), OPEN_ID + " ", "x" * 10_000, "a\x00b", "'; --", "券"]
    )
    def test_another_open_id_is_unknown(self, caller: Caller, open_id: str) -> None:
        assert outcome(caller.send(caller.body({"code": "1"}, open_id=open_id))) == OPEN_ID_UNKNOWN

    def test_a_revoked_one_is_unknown(self, caller: Caller, engine: Engine) -> None:
        credential = engine.read_now(lambda reader: reader.credential("zvcms", OPEN_ID))
        assert credential is not None
        credential.revoked_at = caller.clock.now
        caller.put(credential)
        assert outcome(caller.ask("1")) == OPEN_ID_UNKNOWN

    def test_a_grant_code_of_another_account_does_not_fit(self, caller: Caller) -> None:
        caller.open_account(OTHER_ID, grant_code="a1b2c3d4e5")
        assert outcome(caller.ask("1", grant_code="a1b2c3d4e5")) == GRANT_CODE
        assert outcome(caller.ask("1", open_id=OTHER_ID)) == GRANT_CODE
        assert outcome(caller.ask("1", open_id=OTHER_ID, grant_code="a1b2c3d4e5")) == PAST_THE_GATE
        assert outcome(caller.ask("1", grant_code="ſ券\x00")) == GRANT_CODE

    def test_an_account_sealed_with_another_key_is_an_error_of_ours(self, caller: Caller) -> None:
        sealed = b"x" * 60
        record = Credential(id=0, merchant_id=1, door="zvcms", public_id=OTHER_ID, name="broken", sealed=sealed)
        caller.do(Put(merchant_id=1, record=record))
        with structlog.testing.capture_logs() as logs:
            answer = caller.ask("1", open_id=OTHER_ID)
        assert outcome(answer) == (False, 110015)
        assert next(one["error_id"] for one in logs if one["event"] == "unexpected") in answer["message"]
        assert "Traceback" not in answer["message"] and "Seal" not in answer["message"]


class TestTheWindow:
    @pytest.mark.parametrize("seconds_off", [-300, -299, 0, 299, 300])
    def test_is_closed_on_both_sides(self, caller: Caller, seconds_off: int) -> None:
        caller.clock.now += 999
        assert outcome(caller.ask("1", seconds_off=seconds_off)) == PAST_THE_GATE

    @pytest.mark.parametrize("seconds_off", [-301, 301, -86_400, 10**9])
    def test_refuses_what_lies_outside(self, caller: Caller, seconds_off: int) -> None:
        assert outcome(caller.ask("1", seconds_off=seconds_off)) == WINDOW

    @pytest.mark.parametrize(
        "timestamp", ["now", "1e9", "0x10", "１７６３７８４０００", "9" * 60, " 1", "1700000000.0"]
    )
    def test_refuses_what_is_not_in_seconds(self, caller: Caller, timestamp: str) -> None:
        body = caller.body({"code": "1"})
        assert outcome(caller.send(body | {"Timestamp": timestamp})) == WINDOW
        assert outcome(caller.send(body | {"Timestamp": body["Timestamp"] + "000"})) == WINDOW

    def test_can_be_turned_off(self, caller: Caller, vault: Vault, serve: Callable[[Any], str]) -> None:
        caller.url = serve(build(caller.engine, vault, window_seconds=0))
        assert outcome(caller.ask("1", seconds_off=-(10**9))) == PAST_THE_GATE

    def test_can_be_narrower(self, caller: Caller, vault: Vault, serve: Callable[[Any], str]) -> None:
        caller.url = serve(build(caller.engine, vault, window_seconds=5))
        assert outcome(caller.ask("1", seconds_off=5)) == PAST_THE_GATE
        assert outcome(caller.ask("1", seconds_off=6)) == WINDOW


class TestTheToken:
    @pytest.mark.parametrize("profile", ["lower4", "caps4"])
    def test_two_profiles_are_accepted_by_default_and_the_log_says_which(self, caller: Caller, profile: str) -> None:
        with structlog.testing.capture_logs() as logs:
            assert outcome(caller.ask("1", profile=profile)) == PAST_THE_GATE
        matched = [one for one in logs if one["event"] == "token matched"]
        assert [(one["profile"], one["log_level"]) for one in matched] == [(profile, "debug")]
        assert "open-key" not in json.dumps(logs)

    def test_the_third_only_for_an_account_that_lists_it(self, caller: Caller) -> None:
        caller.open_account(OTHER_ID, profiles=("caps5",))
        assert outcome(caller.ask("1", profile="caps5")) == TOKEN
        assert outcome(caller.ask("1", open_id=OTHER_ID, profile="caps5")) == PAST_THE_GATE
        assert outcome(caller.ask("1", open_id=OTHER_ID, profile="lower4")) == TOKEN

    @pytest.mark.parametrize("token", ["x", "%", "%%zz%E4", "券", "\x00", "=" * 28, "A" * 100_000])
    def test_another_one_is_refused(self, caller: Caller, token: str) -> None:
        assert outcome(caller.send(caller.body({"code": "1"}) | {"Token": token})) == TOKEN

    def test_does_not_sign_params(self, caller: Caller) -> None:
        body = caller.body({"code": "1"})
        assert outcome(caller.send(body | {"Params": {"code": "2"}})) == PAST_THE_GATE


class TestReplays:
    def test_are_let_through_unless_the_account_says_otherwise(self, caller: Caller) -> None:
        body = caller.body({"code": "1"})
        assert [outcome(caller.send(body)) for _ in range(2)] == [PAST_THE_GATE] * 2

    def test_are_refused_when_it_does(self, caller: Caller) -> None:
        caller.open_account(OTHER_ID, replay_check=True)
        body = caller.body({"code": "1"}, open_id=OTHER_ID)
        assert [outcome(caller.send(body)) for _ in range(2)] == [PAST_THE_GATE, REPLAYED]
        assert outcome(caller.send(body | {"Params": {"code": "2"}})) == REPLAYED
        assert outcome(caller.send(body | {"Nonce": int(body["Nonce"])})) == REPLAYED

    def test_a_nonce_may_come_again_with_another_timestamp(self, caller: Caller) -> None:
        caller.open_account(OTHER_ID, replay_check=True)
        answers = [caller.ask("1", open_id=OTHER_ID, nonce="11886", seconds_off=off) for off in (0, 1)]
        assert [outcome(answer) for answer in answers] == [PAST_THE_GATE] * 2

    def test_a_request_that_was_refused_does_not_count(self, caller: Caller) -> None:
        caller.open_account(OTHER_ID, replay_check=True)
        body = caller.body({"code": "1"}, open_id=OTHER_ID)
        assert outcome(caller.send(body | {"Token": "x"})) == TOKEN
        assert outcome(caller.send(body)) == PAST_THE_GATE

    def test_memory_is_bounded_and_forgets_the_oldest(self) -> None:
        seen = Seen(remembered=2)

        def is_new(nonce: str) -> bool:
            return seen.is_new(
                Envelope(open_id="o", grant_code="", token="", timestamp="1", nonce=nonce, action="", params=None)  # type: ignore[arg-type]
            )

        assert [is_new(nonce) for nonce in "abbcbac"] == [True, True, False, True, False, True, False]


class TestActionAndParams:
    @pytest.mark.parametrize(
        "action", ["coupon.off_coupon", "Coupon.off-coupon", "coupon.off-coupon ", "x" * 5000, "券"]
    )
    def test_another_action_is_unknown(self, caller: Caller, action: str) -> None:
        assert outcome(caller.ask("1", action=action)) == ACTION

    @pytest.mark.parametrize("params", ["", "{}", '{"code":"1"}', ["1"], [[]], None, True, 5, 1.5], ids=repr)
    def test_params_must_be_an_object(self, caller: Caller, params: object) -> None:
        answer = caller.send(caller.body() | {"Params": params})
        assert outcome(answer) == FORMAT
        assert "Params.code" not in answer["message"]

    @pytest.mark.parametrize("params", [{}, []], ids=repr)
    def test_no_parameters_are_a_missing_code(self, caller: Caller, params: object) -> None:
        answer = caller.send(caller.body() | {"Params": params})
        assert outcome(answer) == FORMAT
        assert "code" in answer["message"]

    @pytest.mark.parametrize("code", [None, True, 1.5, -1, {}, ["1"]], ids=repr)
    def test_a_code_must_be_text_or_a_whole_number(self, caller: Caller, code: object) -> None:
        assert outcome(caller.ask(code)) == FORMAT

    @pytest.mark.parametrize("code", ["", " - ", "\u0000", "９" * 65, "x" * 100_000, "😀", 0, 10**63])
    def test_anything_else_is_looked_up(self, caller: Caller, code: object) -> None:
        answer = caller.ask(code)
        assert outcome(answer) == PAST_THE_GATE
        assert answer["message"] == "查询的信息不存在"


class TestFailuresOfOurs:
    @pytest.fixture
    def closing(self, caller: Caller, settings: Settings, vault: Vault, serve: Callable[[Any], str]) -> Engine:
        """A second engine on the same database, behind the door, which is closed while the door stays open."""
        engine = open_engine(settings, clock=caller.clock)
        caller.url = serve(build(engine, vault))
        return engine

    def test_an_engine_that_takes_no_more_is_a_system_error(self, caller: Caller, closing: Engine) -> None:
        assert outcome(caller.ask("1")) == PAST_THE_GATE
        closing.close()
        answer = caller.ask("1")
        assert outcome(answer) == (False, 110013)
        assert "繁忙" in answer["message"]

    def test_what_nobody_foresaw_shows_the_id_that_was_logged(
        self, caller: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken(*_: object) -> None:
            raise RuntimeError("shutdown")

        monkeypatch.setattr(Engine, "credential", broken)
        with structlog.testing.capture_logs() as logs:
            answer = caller.ask("1")
        assert outcome(answer) == (False, 110015)
        assert next(one["error_id"] for one in logs if one["event"] == "unexpected") in answer["message"]
        assert "shutdown" not in answer["message"]
