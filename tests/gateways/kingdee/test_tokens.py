"""The app-token: what it says, how long it lives, and everything it refuses."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hexiao.gateways.kingdee import tokens

KEY = b"0123456789abcdef0123456789abcdef"
OTHER_KEY = b"x" * 32
NOW = 1_670_305_063
DAY = 86_400
ACCOUNT = "1820256048657727488"
TOKEN = tokens.mint(KEY, ACCOUNT, "205022", 173053163, NOW)
PAYLOAD: dict[str, Any] = jwt.decode(TOKEN, options={"verify_signature": False})


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def test_a_token_has_the_shape_of_the_public_sample() -> None:
    assert jwt.get_unverified_header(TOKEN) == {"typ": "JWT", "alg": "HS256"}
    assert PAYLOAD == {
        "ext": {"clientId": "205022", "uid": 173053163},
        "grp": "",
        "aid": ACCOUNT,
        "iat": NOW,
        "exp": NOW + DAY,
    }


def test_the_same_moment_gives_the_same_token() -> None:
    assert tokens.mint(KEY, ACCOUNT, "205022", 173053163, NOW) == TOKEN


@given(st.text(), st.text(), st.integers(0, 2**63 - 1), st.integers(0, 2**40))
def test_reading_gives_back_what_was_minted(account: str, client: str, uid: int, now_s: int) -> None:
    token = tokens.mint(KEY, account, client, uid, now_s)
    assert tokens.read(KEY, token, now_s) == tokens.Claims(account, client, uid, now_s, now_s + DAY)


@pytest.mark.parametrize("now_s", [0, NOW - 1, NOW, NOW + DAY - 1])
def test_a_token_is_good_until_its_day_is_over(now_s: int) -> None:
    assert tokens.read(KEY, TOKEN, now_s).account_id == ACCOUNT


@pytest.mark.parametrize("now_s", [NOW + DAY, NOW + DAY + 1, 2**40])
def test_a_token_is_expired_when_its_day_is_over(now_s: int) -> None:
    with pytest.raises(tokens.TokenExpired):
        tokens.read(KEY, TOKEN, now_s)


def test_a_forged_token_is_invalid_even_when_it_is_also_too_old() -> None:
    with pytest.raises(tokens.TokenInvalid):
        tokens.read(OTHER_KEY, TOKEN, NOW + 2 * DAY)


@given(st.data())
def test_a_token_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    # The last character of a base64 digest of 32 bytes holds two bits that mean nothing.
    at = data.draw(st.integers(0, len(TOKEN) - 2))
    other = data.draw(st.characters().filter(lambda character: character != TOKEN[at]))
    with pytest.raises(tokens.TokenInvalid):
        tokens.read(KEY, TOKEN[:at] + other + TOKEN[at + 1 :], NOW)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_another_algorithm_is_refused_though_the_key_is_right(algorithm: str) -> None:
    with pytest.raises(tokens.TokenInvalid):
        tokens.read(KEY, jwt.encode(PAYLOAD, KEY, algorithm=algorithm), NOW)


def test_an_unsigned_token_is_refused() -> None:
    with pytest.raises(tokens.TokenInvalid):
        tokens.read(KEY, jwt.encode(PAYLOAD, "", algorithm="none"), NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"exp": None},
        {"exp": str(NOW + DAY)},
        {"exp": True},
        {"exp": float(NOW + DAY)},
        {"iat": "now"},
        {"aid": int(ACCOUNT)},
        {"ext": None},
        {"ext": {}},
        {"ext": {"clientId": "205022", "uid": "1"}},
    ],
    ids=str,
)
def test_a_well_signed_token_with_other_claims_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(tokens.TokenInvalid):
        tokens.read(KEY, jwt.encode(PAYLOAD | change, KEY, algorithm="HS256"), NOW)


@pytest.mark.parametrize("missing", ["exp", "iat", "aid", "ext"])
def test_a_well_signed_token_that_lacks_a_claim_is_refused(missing: str) -> None:
    payload = {name: value for name, value in PAYLOAD.items() if name != missing}
    with pytest.raises(tokens.TokenInvalid):
        tokens.read(KEY, jwt.encode(payload, KEY, algorithm="HS256"), NOW)


@given(st.text(st.characters(), max_size=60) | st.text("eyJ.=-_ab\udcff", max_size=60))
@example("")
@example("..")
@example(encoded("[" * 50_000) + ".e30.")
@example(encoded('{"alg":[]}') + ".e30.")
@example(encoded('{"alg":"HS256","crit":7,"b64":false,"kid":[]}') + ".e30.")
@example(encoded('{"alg":' + "1" * 5000 + "}") + ".e30.")
def test_hostile_text_is_an_invalid_token_and_nothing_worse(text: str) -> None:
    with pytest.raises(tokens.TokenInvalid):
        tokens.read(KEY, text, NOW)


def test_a_key_shorter_than_the_digest_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        tokens.mint(b"short", ACCOUNT, "205022", 1, NOW)
    with pytest.raises(ValueError, match="at least 32 bytes"):
        tokens.read(b"short", TOKEN, NOW)
