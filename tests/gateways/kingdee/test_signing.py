"""Kingdee JDY v2 signatures: every vector, then what must hold for every request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hexiao.gateways.kingdee import signing

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "kingdee-jdy-v2.json").read_text("utf-8"))
SECRET = "75eb3c7cd5974c3018d6934e142b5f81"
PATH = "/jdy/v2/ls/coupons_write_off"
NONCE, TIMESTAMP = "4427456950", "1670305063559"

any_text = st.text(st.characters(), max_size=30)  # surrogates included
unicode_text = st.text(max_size=20)
query_text = st.text("ab=&%+ *~!'()2Fz优\udcff", max_size=40)


def by(key: str, vectors: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", VECTORS[vectors], ids=lambda vector: vector[key])


def split_target(target: str) -> tuple[str, str]:
    path, _, query = target.partition("?")
    return unquote(path), query


def forms(raw_query: str, **changed: Any) -> dict[str, str]:
    request = {"method": "GET", "path": PATH, "nonce": NONCE, "timestamp": TIMESTAMP} | changed
    strings = signing.canonical_strings(raw_query=raw_query, **request)
    return dict(zip(signing.FORMS, strings, strict=True))


def signed_query(raw_query: str, form: str) -> str:
    return forms(raw_query)[form].split("\n")[2]


def signed_request(params: dict[str, Any], method: str = "GET") -> tuple[str, dict[str, str]]:
    return signing.sign_request("205022", SECRET, method, PATH, params, NONCE, TIMESTAMP)


def verified(raw_query: str, signature: str) -> str | None:
    return signing.verify(SECRET, "GET", PATH, raw_query, NONCE, TIMESTAMP, {}, signature)


def verified_vector(vector: dict[str, Any], target: str) -> str | None:
    secret, method = vector["client_secret"], vector["method"]
    nonce, timestamp, signature = vector["nonce"], vector["timestamp"], vector["signature"]
    return signing.verify(secret, method, *split_target(target), nonce, timestamp, {}, signature)


class TestVectors:
    @by("name", "x_api_signature")
    def test_form_w_rebuilds_from_the_wire_what_the_official_client_signed(self, vector: dict[str, Any]) -> None:
        path, query = split_target(vector["wire_request_target"])
        wire_form = signing.canonical_strings(
            vector["method"], path, query, vector["nonce"], vector["timestamp"], vector["extra_signed_headers"]
        )[0]
        assert wire_form == vector["string_to_sign"]
        assert wire_form.split("\n")[1:3] == [vector["path_encoded"], vector["query_encoded"]]
        assert signing.sign(vector["client_secret"], wire_form) == vector["signature"]

    @by("name", "x_api_signature")
    def test_a_request_of_the_official_client_is_accepted(self, vector: dict[str, Any]) -> None:
        assert verified_vector(vector, vector["wire_request_target"]) == "W"

    @by("name", "x_api_signature")
    def test_our_client_s_own_request_for_the_same_call_is_accepted(self, vector: dict[str, Any]) -> None:
        nonce, timestamp = vector["nonce"], vector["timestamp"]
        target, headers = signing.sign_request(
            "205022", vector["client_secret"], "GET", vector["path"], dict(vector["params"]), nonce, timestamp
        )
        strings = signing.canonical_strings("GET", *split_target(target), nonce, timestamp)
        assert verified_vector(vector | {"signature": headers["X-Api-Signature"]}, target) == "W"
        assert strings[0] == strings[2], "W and decode-then-encode-twice are one string for our requests"

    @by("client", "captured_requests")
    def test_a_public_client_s_request_matches_exactly_the_forms_recorded(self, vector: dict[str, Any]) -> None:
        headers, recorded = vector["headers"], vector["canonical_forms_that_match"]
        nonce, timestamp = headers["x-api-nonce"], headers["x-api-timestamp"]
        path, query = split_target(vector["request_target"])
        strings = forms(query, method=vector["method"], path=path, nonce=nonce, timestamp=timestamp)
        signature = headers["x-api-signature"]
        matching = [form for form in strings if signing.sign(vector["client_secret"], strings[form]) == signature]
        request = vector | {"nonce": nonce, "timestamp": timestamp, "signature": signature}
        assert matching == [form for form in signing.FORMS if form in recorded]
        assert verified_vector(request, vector["request_target"]) == recorded[0]
        assert signing.parse_timestamp(timestamp) is not None

    @by("name", "reject")
    def test_a_nearly_right_signature_is_refused(self, vector: dict[str, Any]) -> None:
        assert verified_vector(vector, vector["request_target"]) is None, vector["why"]

    @by("app_key", "app_signature")
    def test_the_app_signature_is_the_documented_one(self, vector: dict[str, Any]) -> None:
        assert signing.app_signature(vector["app_key"], vector["app_secret"]) == vector["app_signature"]

    @by("ciphertext_base64", "privacy_aes")
    def test_a_mobile_number_is_enciphered_as_documented(self, vector: dict[str, Any]) -> None:
        plain, cipher, key = vector["plaintext"], vector["ciphertext_base64"], vector["key"]
        assert signing.encrypt_mobile(plain, key) == cipher
        assert signing.decrypt_mobile(cipher, key) == plain


class TestTheFourForms:
    """One case for each row of the table of §1.4 that the vectors do not tell apart."""

    @pytest.mark.parametrize(
        ("raw_query", "signed", "form"),
        [
            ("t=2024-01-01+12%3A22%3A31", "t=2024-01-01%2B12%253A22%253A31", "W"),
            ("no=A*B", "no=A*B", "WJ"),
            ("t=2024-01-01+12%3A22%3A31", "t=2024-01-01%252012%253A22%253A31", "R"),
            ("no=(A)&t=2024-01-01+12:22:31", "no=(A)&t=2024-01-01%252012%253A22%253A31", "J"),
        ],
    )
    def test_each_form_accepts_the_client_that_needs_it(self, raw_query: str, signed: str, form: str) -> None:
        head, tail = forms("")["W"].split("\n\n")
        string = f"{head}\n{signed}\n{tail}"
        assert verified(raw_query, signing.sign(SECRET, string)) == form

    def test_all_forms_agree_on_digits_and_letters(self) -> None:
        assert len(set(forms("store_id=1333&page=2").values())) == 1

    @pytest.mark.parametrize("form", signing.FORMS)
    def test_parts_without_key_or_equals_sign_are_not_signed(self, form: str) -> None:
        assert signed_query("&=x&lonely&b=2&&a=1&", form) == "a=1&b=2"

    @pytest.mark.parametrize("form", signing.FORMS)
    def test_a_value_keeps_every_equals_sign_but_the_first(self, form: str) -> None:
        assert unquote(unquote(signed_query("k==a=", form))) == "k==a="

    def test_form_w_sorts_whole_parts_and_form_r_sorts_keys(self) -> None:
        assert signed_query("a=0&page_size=1&a1=2&page=3", "W") == "a1=2&a=0&page=3&page_size=1"
        assert signed_query("a=0&page_size=1&a1=2&page=3", "R") == "a=0&a1=2&page=3&page_size=1"

    def test_different_invalid_utf8_gives_different_strings(self) -> None:
        for form in signing.FORMS:
            values = ("%FF", "%FE", "\ud800", "\ud801", "?")
            assert len({signed_query(f"a={value}", form) for value in values}) == len(values)

    def test_a_raw_space_on_the_wire_becomes_a_plus_in_form_w(self) -> None:
        assert signed_query("a=b c", "W") == "a=b+c"

    def test_the_method_is_signed_in_upper_case_and_the_path_encoded(self) -> None:
        assert forms("", method="post", path="/a b/~优")["W"].startswith("POST\n%2Fa+b%2F~%E4%BC%98\n")

    def test_further_signed_headers_stand_sorted_by_their_spelling(self) -> None:
        extra = {"x-shop": "9", "App-Token": "T", "Z": "1", "X-API-NONCE": "ignored", "x-api-timestamp": "ignored"}
        own = f"x-api-nonce:{NONCE}\nx-api-timestamp:{TIMESTAMP}"
        for string in forms("", extra_headers=extra).values():
            assert string.endswith(f"\n\napp-token:T\n{own}\nz:1\nx-shop:9\n")

    def test_the_first_form_that_matches_is_named(self) -> None:
        assert verified("no=A*B", signing.sign(SECRET, forms("no=A*B")["J"])) == "WJ"


class TestForEveryRequest:
    @given(st.dictionaries(unicode_text.filter(bool), unicode_text, max_size=5), unicode_text, unicode_text)
    @example({"a": "1", "a-b": "2", "优": "*!'()~ +%&="}, "n", "t")
    def test_what_our_client_signs_our_server_accepts(self, params: dict[str, str], nonce: str, timestamp: str) -> None:
        target, headers = signing.sign_request("205022", SECRET, "GET", PATH, params, nonce, timestamp)
        path, query = split_target(target)
        signature = headers["X-Api-Signature"]
        assert signing.verify(SECRET, "GET", path, query, nonce, timestamp, {}, signature) == "W"

    @given(st.dictionaries(unicode_text.filter(bool), unicode_text, min_size=1, max_size=5), st.data())
    def test_parameters_may_arrive_in_any_order(self, params: dict[str, str], data: st.DataObject) -> None:
        target, headers = signed_request(params)
        shuffled = data.draw(st.permutations(split_target(target)[1].split("&")))
        assert verified("&".join(shuffled), headers["X-Api-Signature"]) == "W"

    @given(query_text, st.sampled_from(signing.FORMS), st.data())
    def test_a_signature_with_one_character_changed_is_refused(
        self, raw_query: str, form: str, data: st.DataObject
    ) -> None:
        signature = signing.sign(SECRET, forms(raw_query)[form])
        at = data.draw(st.integers(0, len(signature) - 1))
        other = data.draw(st.characters().filter(lambda character: character != signature[at]))
        assert verified(raw_query, signature) is not None
        assert verified(raw_query, signature[:at] + other + signature[at + 1 :]) is None
        assert verified(raw_query, signature[:at] + signature[at + 1 :]) is None

    @given(st.dictionaries(unicode_text.filter(bool), unicode_text, max_size=3), unicode_text)
    def test_a_changed_value_is_refused(self, params: dict[str, str], other: str) -> None:
        _, headers = signed_request(params | {"store_id": "1"})
        changed, _ = signed_request(params | {"store_id": f"1{other}0"})
        assert verified(split_target(changed)[1], headers["X-Api-Signature"]) is None

    @given(any_text, any_text, any_text, any_text | query_text, any_text, any_text, any_text)
    @example("", "", "", "%&%zz&=%&a=%E4%BC&a=%ff%&\ud800=\udcff&+=+", "", "", "")
    def test_hostile_text_is_refused_without_an_exception(
        self, secret: str, method: str, path: str, query: str, nonce: str, timestamp: str, signature: str
    ) -> None:
        extra = {nonce: timestamp, path: query}
        assert signing.verify(secret, method, path, query, nonce, timestamp, extra, signature) is None


class TestOurClientsRequest:
    def test_it_is_sorted_encoded_once_and_without_unset_filters(self) -> None:
        params = {"store_id": "1", "page": None, "create_start_time": "2024-01-01 12:22:31", "bill_no": "A*B~", "a": ""}
        target, _ = signed_request(params)
        assert target == f"{PATH}?a=&bill_no=A%2AB~&create_start_time=2024-01-01%2012%3A22%3A31&store_id=1"

    def test_it_carries_the_six_documented_headers(self) -> None:
        _, headers = signed_request({})
        assert headers | {"X-Api-Signature": "…"} == {
            "X-Api-ClientID": "205022",
            "X-Api-Auth-Version": "2.0",
            "X-Api-TimeStamp": TIMESTAMP,
            "X-Api-Nonce": NONCE,
            "X-Api-SignHeaders": "X-Api-TimeStamp,X-Api-Nonce",
            "X-Api-Signature": "…",
        }

    def test_a_call_without_parameters_has_no_question_mark(self) -> None:
        target, _ = signed_request({"page": None}, method="POST")
        assert target == PATH

    def test_an_unusual_path_is_encoded_on_the_wire(self) -> None:
        target, _ = signing.sign_request("205022", SECRET, "GET", "/a b?/优", {}, NONCE, TIMESTAMP)
        assert target == "/a%20b%3F/%E4%BC%98"

    def test_a_parameter_without_a_name_is_a_mistake_of_the_caller(self) -> None:
        with pytest.raises(ValueError, match="needs a name"):
            signed_request({"": "x"})


class TestTimestamps:
    def test_thirteen_digits_are_milliseconds_and_ten_are_seconds(self) -> None:
        assert signing.parse_timestamp("1670305063559") == 1670305063559
        assert signing.parse_timestamp("1670305063") == 1670305063000

    @pytest.mark.parametrize("text", ["", "167030506355", "16703050635590", "1" * 5000])
    def test_another_number_of_digits_is_no_timestamp(self, text: str) -> None:
        assert signing.parse_timestamp(text) is None

    @pytest.mark.parametrize("text", ["-670305063", " 1670305063559", "1_70305063", "167030506355９", "١٦٧٠٣٠٥٠٦٣"])
    def test_only_ascii_digits_are_a_timestamp(self, text: str) -> None:
        assert signing.parse_timestamp(text) is None

    @given(any_text)
    def test_no_text_makes_it_raise(self, text: str) -> None:
        signing.parse_timestamp(text)


class TestMobileNumbers:
    @given(unicode_text)
    def test_what_was_enciphered_can_be_read_again(self, plain: str) -> None:
        assert signing.decrypt_mobile(signing.encrypt_mobile(plain, SECRET), SECRET) == plain

    @pytest.mark.parametrize("value", [None, ""])
    def test_null_and_empty_stay_as_they_are(self, value: str | None) -> None:
        assert signing.encrypt_mobile(value, SECRET) == value
        assert signing.decrypt_mobile(value, SECRET) == value

    @pytest.mark.parametrize("text", ["18599999999", "138****8888", "1859999999912345", "优惠券", "\udcff"])
    def test_a_number_in_plain_text_comes_back_unchanged(self, text: str) -> None:
        assert signing.decrypt_mobile(text, SECRET) == text

    @pytest.mark.parametrize("text", ["bsiV0ZrykeIH/5ZZ65lX5A", "bsiV0ZrykeIH/5ZZ65lX5A==\n", "A" * 22 + "=="])
    def test_what_is_no_ciphertext_comes_back_unchanged(self, text: str) -> None:
        assert signing.decrypt_mobile(text, SECRET) == text

    @given(any_text)
    def test_no_text_makes_decryption_raise(self, text: str) -> None:
        signing.decrypt_mobile(text, SECRET)

    @pytest.mark.parametrize("secret", ["", "short", SECRET + "0", "优" * 32])
    def test_a_client_secret_of_another_length_is_refused_in_words(self, secret: str) -> None:
        with pytest.raises(ValueError, match="32 bytes"):
            signing.encrypt_mobile("18599999999", secret)
        with pytest.raises(ValueError, match="32 bytes"):
            signing.decrypt_mobile("18599999999", secret)
