"""zvcms v2 tokens: every vector about signing, then what must hold for every request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hexiao.gateways.zvcms import signing

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "zvcms-v2.json").read_text("utf-8"))
SIGNED = {vector["name"]: vector for vector in VECTORS["sign"]}
ACTION = "coupon.off-coupon"
EVERY_PROFILE = tuple(signing.PROFILES)

any_text = st.text(st.characters(), max_size=30)  # surrogates included
profiles = st.sampled_from(EVERY_PROFILE)


def by_name(vectors: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[vectors], ids=lambda vector: vector["name"])


def verified(vector: dict[str, Any], sent_token: str, allowed: tuple[str, ...] = EVERY_PROFILE) -> str | None:
    return signing.verify(
        vector["open_key"],
        sent_token,
        vector["open_id"],
        vector["grant_code"],
        vector["nonce"],
        vector["timestamp"],
        ACTION,
        allowed,
    )


def joined(vector: dict[str, Any], profile: str) -> str:
    return signing.string_to_sign(
        profile, vector["open_id"], vector["grant_code"], vector["nonce"], vector["timestamp"], ACTION
    )


class TestVectors:
    @by_name("sign")
    def test_the_token_is_the_recorded_one(self, vector: dict[str, Any]) -> None:
        string = joined(vector, vector["profile"])
        assert string == vector["string_to_sign"]
        assert signing.token(vector["open_key"], string) == vector["token"]
        assert vector.get("expected_from_source", vector["token"]) == vector["token"]

    @by_name("sign")
    def test_a_recorded_token_is_accepted_under_its_profile_alone(self, vector: dict[str, Any]) -> None:
        others = tuple(profile for profile in EVERY_PROFILE if profile != vector["profile"])
        assert verified(vector, vector["token"]) == vector["profile"]
        assert verified(vector, vector["token"], others) is None

    @by_name("sign")
    def test_real_identifiers_are_valid(self, vector: dict[str, Any]) -> None:
        assert signing.is_valid_identifier(vector["open_id"])
        assert signing.is_valid_identifier(vector["grant_code"])

    @by_name("sign_negative")
    def test_a_token_for_other_values_is_refused(self, vector: dict[str, Any]) -> None:
        assert SIGNED[vector["from_vector"]]["token"] == vector["token"]
        assert verified(vector, vector["token"]) is None

    @by_name("token_transport")
    def test_a_token_is_form_decoded_once_before_it_is_compared(self, vector: dict[str, Any]) -> None:
        signed = SIGNED[vector["vector"]]
        assert (verified(signed, vector["sent_token"]) is not None) is vector["accept"], vector["why"]
        assert (vector["decoded_once"] == signed["base64"]) is vector["accept"]

    @by_name("sign_edge")
    def test_values_are_signed_as_printed_and_such_a_grant_code_is_never_made(self, vector: dict[str, Any]) -> None:
        raw, escaped = vector["raw"], vector["escaped"]
        assert joined(vector, "lower4") == raw["string_to_sign"]
        assert signing.token(vector["open_key"], raw["string_to_sign"]) == raw["token"]
        assert signing.token(vector["open_key"], escaped["string_to_sign"]) == escaped["token"]
        assert verified(vector, raw["token"]) == "lower4"
        assert verified(vector, escaped["token"]) is None
        assert not signing.is_valid_identifier(vector["grant_code"])

    def test_the_sample_without_a_secret_fits_no_printed_key(self) -> None:
        sample = VECTORS["unverifiable_sample"]
        assert unquote_plus(sample["token"]) == sample["base64"]
        for vector in VECTORS["sign"]:
            assert verified(sample | {"open_key": vector["open_key"]}, sample["token"]) is None


class TestProfiles:
    def test_they_are_the_three_of_the_protocol_page(self) -> None:
        vector = SIGNED["synthetic-plain"]
        lower4 = vector["string_to_sign"]
        caps4 = lower4.replace("grant", "Grant").replace("nonce", "Nonce")
        caps4 = caps4.replace("openId", "OpenId").replace("timestamp", "Timestamp")
        assert set(EVERY_PROFILE) == set(VECTORS["profiles"])
        assert joined(vector, "lower4") == lower4
        assert joined(vector, "caps4") == caps4
        assert joined(vector, "caps5") == f"Action={ACTION}&{caps4}"

    def test_caps5_is_refused_unless_it_is_allowed(self) -> None:
        vector = SIGNED["synthetic-plain"]
        sent = signing.token(vector["open_key"], joined(vector, "caps5"))
        assert verified(vector, sent, signing.DEFAULT_PROFILES) is None
        assert verified(vector, sent, EVERY_PROFILE) == "caps5"
        assert verified(vector, sent, ()) is None

    def test_an_unknown_profile_is_a_mistake_of_the_caller(self) -> None:
        with pytest.raises(ValueError, match="no sign profile 'lower5'; there are lower4, caps4, caps5"):
            joined(SIGNED["synthetic-plain"], "lower5")


class TestForEveryRequest:
    @given(any_text, any_text, any_text, any_text, any_text, any_text, profiles)
    @example("k", "{nonce}", "{0}", "&", "=", "%", "lower4")
    def test_what_our_client_signs_our_server_accepts(
        self, open_id: str, grant: str, key: str, action: str, nonce: str, timestamp: str, profile: str
    ) -> None:
        body = signing.sign_body(open_id, grant, key, action, {"code": "优"}, nonce, timestamp, profile)
        sent = str(body["Token"])
        assert signing.verify(key, sent, open_id, grant, nonce, timestamp, action, [profile]) == profile

    @given(profiles, st.sampled_from(VECTORS["sign"]), st.data())
    def test_a_token_with_one_character_changed_is_refused(
        self, profile: str, vector: dict[str, Any], data: st.DataObject
    ) -> None:
        sent = signing.token(vector["open_key"], joined(vector, profile))
        at = data.draw(st.integers(0, len(sent) - 1))
        changed = sent[:at] + data.draw(st.characters()) + sent[at + 1 :]
        assume(unquote_plus(changed) != unquote_plus(sent))  # %2b spells the same + as %2B
        assert verified(vector, sent) == profile
        assert verified(vector, changed) is None
        assert verified(vector, sent[:at] + sent[at + 1 :]) is None

    def test_a_token_escaped_twice_is_refused(self) -> None:
        vector = SIGNED["synthetic-plain"]
        assert verified(vector, vector["token"].replace("%", "%25")) is None

    def test_a_raw_plus_reads_as_a_space_and_is_refused(self) -> None:
        vector = SIGNED["synthetic-plus-and-slash"]
        assert verified(vector, vector["base64"]) is None

    @given(any_text, any_text | st.text("%+ =2Bbz/\udcff"), any_text, any_text, any_text, any_text, any_text)
    @example("", "", "", "", "", "", "")
    @example("", "%%zz%E4%\ud800", "{", "}", "{0}", "\udcff", "")
    def test_hostile_text_is_refused_without_an_exception(
        self, key: str, sent: str, open_id: str, grant: str, nonce: str, timestamp: str, action: str
    ) -> None:
        assert signing.verify(key, sent, open_id, grant, nonce, timestamp, action, EVERY_PROFILE) is None


class TestTheBody:
    def test_it_has_the_seven_members_and_an_object_for_params(self) -> None:
        vector = SIGNED["synthetic-plus-and-slash"]
        body = signing.sign_body(
            vector["open_id"],
            vector["grant_code"],
            vector["open_key"],
            ACTION,
            {"code": "20191031966176899187"},
            vector["nonce"],
            vector["timestamp"],
        )
        assert body == {
            "OpenId": vector["open_id"],
            "GrantCode": vector["grant_code"],
            "Token": vector["token"],
            "Timestamp": vector["timestamp"],
            "Nonce": vector["nonce"],
            "Action": ACTION,
            "Params": {"code": "20191031966176899187"},
        }


class TestIdentifiers:
    @pytest.mark.parametrize("text", ["a1b2c3d4e5", "fake-grant-code-0001", "A_b-9", "0"])
    def test_letters_digits_underscore_and_hyphen_are_valid(self, text: str) -> None:
        assert signing.is_valid_identifier(text)

    @pytest.mark.parametrize("text", ["", "a b", "a+b", "a/b", "a&b", "a=b", "a\n", "é", "９", "优", "\udcff"])
    def test_anything_else_is_not(self, text: str) -> None:
        assert not signing.is_valid_identifier(text)
