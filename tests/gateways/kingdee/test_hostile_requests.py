"""What no client of good will sends: every answer is a documented error, and the server lives on."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateways.kingdee.world import AUTHORISE_PATH, CLIENT_ID, CLIENT_SECRET, TOKEN_PATH, WRITE_OFF_PATH, Till
from hexiao import http
from hexiao.domain.reasons import REASONS
from hexiao.gateways.kingdee import signing
from hexiao.gateways.kingdee.errors import BusinessCode, GatewayCode, Rejected
from hexiao.gateways.kingdee.parameters import Parameters, from_body, from_query, write_off_query

MIB = 1 << 20


def raw(till: Till, data: bytes) -> bytes:
    """Send these very bytes, read until the server closes."""
    with socket.create_connection((till.address.hostname, till.address.port), timeout=20) as connection:
        connection.sendall(data)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


class TestQuery:
    @pytest.mark.parametrize(
        "query",
        ["store_id=%FF%FE", "store_id=%zz", "store_id=1%", "store_id=1&bill_no=%2", "%FF=1&store_id=1",
         "store_id=%C0%80", "store_id=1&bill_no=%ED%A0%80"],
    )  # fmt: skip
    def test_bytes_that_are_no_text_are_a_wrong_format(self, query: str, till: Till) -> None:
        response = till.signed_raw("GET", WRITE_OFF_PATH, query, token=till.token())
        assert (response.status, response.errcode) == (200, BusinessCode.FIELD_FORMAT)

    @pytest.mark.parametrize("query", ["", "&", "&&&=&=1&", "store_id", "=1333333333", "?", "store_id[]=1"])
    def test_a_query_without_parameters_has_no_store(self, query: str, till: Till) -> None:
        response = till.signed_raw("GET", WRITE_OFF_PATH, query, token=till.token())
        assert response.errcode == BusinessCode.FIELD_EMPTY

    def test_an_empty_value_is_no_less_the_first(self, till: Till) -> None:
        for query, body in (("store_id=&store_id=1", None), ("store_id=", b'{"store_id":"1"}')):
            response = till.signed_raw("GET", WRITE_OFF_PATH, query, token=till.token(), body=body)
            assert response.errcode == BusinessCode.FIELD_EMPTY

    def test_a_nul_is_a_wrong_format(self, till: Till) -> None:
        response = till.signed_raw("GET", WRITE_OFF_PATH, "store_id=1%00", token=till.token())
        assert response.errcode == BusinessCode.FIELD_FORMAT

    def test_a_query_of_many_thousand_parameters_is_answered(self, till: Till) -> None:
        query = "store_id=1&" + "&".join(f"x{n}={n}" for n in range(3000))
        assert till.signed_raw("GET", WRITE_OFF_PATH, query, token=till.token()).errcode == 0

    def test_raw_utf8_in_the_target_is_read_as_such(self, till: Till, clock: Any) -> None:
        query = "store_id=1&bill_no=优"
        now = str(clock.now)
        string, *_ = signing.canonical_strings("GET", WRITE_OFF_PATH, query, "1", now)
        lines = [
            f"GET {WRITE_OFF_PATH}?{query} HTTP/1.1", "Host: x", "Connection: close", "X-Api-ClientID: 205022",
            "X-Api-Auth-Version: 2.0", f"X-Api-TimeStamp: {now}", "X-Api-Nonce: 1",
            "X-Api-SignHeaders: X-Api-TimeStamp,X-Api-Nonce", f"X-Api-Signature: {signing.sign(CLIENT_SECRET, string)}",
            f"app-token: {till.token()}", "", "",
        ]  # fmt: skip
        head, _, body = raw(till, "\r\n".join(lines).encode()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert json.loads(body)["errcode"] == 0

    @pytest.mark.parametrize(
        "target",
        [WRITE_OFF_PATH.encode() + b"?store_id=\xff\xfe", b"/jdy/%FF%00", b"/jdy/" + b"x" * 100_000, b"/jdy/\x00"],
        ids=["invalid utf-8", "invalid path", "long path", "NUL"],
    )
    def test_a_target_that_is_none_gets_a_4xx_or_the_gateways_error(self, target: bytes, till: Till) -> None:
        answer = raw(till, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        status = int(answer.split()[1])
        assert status in (400, 414, 519)
        assert b"Traceback" not in answer

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (b"?bill_no=\xff HTTP/1.1", 400),
            (b"?bill_no=a b HTTP/1.1", 400),
            (b'?bill_no=" HTTP/1.1', 400),
            (b"?bill_no=<> HTTP/1.1", 400),
            (b"?bill_no=" + b"x" * 66_000 + b" HTTP/1.1", 414),
            (b" HTTP/1.1" + b"\r\nX-A: b" * 200, 431),
        ],
        ids=["invalid utf-8", "space", "quote", "angles", "long target", "many headers"],
    )
    def test_what_is_no_http_is_answered_by_the_web_server(self, sent: bytes, status: int, till: Till) -> None:
        answer = raw(till, b"GET " + WRITE_OFF_PATH.encode() + sent + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert (int(head.split()[1]), body) == (status, b"")


class TestBody:
    @pytest.mark.parametrize(
        "body",
        [b"{", b"[1]", b'"x"', b"7", b"\xff\xfe", b'{"store_id":"\xff"}', b"store_id=1", b"\xef\xbb\xbf{}",
         b'{"a":' * 5000, b"[" * 100_000, b'{"store_id":1e400}', b'{"store_id":"\\ud800"}', b"{}{}", b"\x00"],
        ids=repr,
    )  # fmt: skip
    def test_a_body_that_is_no_json_object_is_a_wrong_format(self, body: bytes, till: Till) -> None:
        response = till.signed("GET", WRITE_OFF_PATH, token=till.token(), body=body)
        assert (response.status, response.errcode) == (200, BusinessCode.FIELD_FORMAT)

    @pytest.mark.parametrize("body", [b"", b" \n", b"null", b"[]", b"{}", b'{"store_id":null}', b'{"store_id":""}'])
    def test_a_body_without_parameters_is_none(self, body: bytes, till: Till) -> None:
        response = till.signed("GET", WRITE_OFF_PATH, token=till.token(), body=body)
        assert response.errcode == BusinessCode.FIELD_EMPTY

    @pytest.mark.parametrize("value", ["1.5", "true", "[]", "{}", "-1", "[1]", "18446744073709551616", "1e3"])
    def test_a_value_of_the_wrong_type_is_named(self, value: str, till: Till) -> None:
        body = f'{{"store_id":{value}}}'.encode()
        response = till.signed("GET", WRITE_OFF_PATH, token=till.token(), body=body)
        assert response.errcode == BusinessCode.FIELD_TYPE
        assert "store_id" in response.body["description"]

    @pytest.mark.parametrize(("method", "path"), [("GET", WRITE_OFF_PATH), ("POST", AUTHORISE_PATH)])
    def test_a_mebibyte_is_the_most(self, method: str, path: str, till: Till) -> None:
        token, params = till.token(), {"store_id": "1333333333"}
        most = b'{"x":"' + b"x" * (MIB - 8) + b'"}'
        assert till.signed(method, path, params, token=token, body=most).errcode == 0
        over = till.signed(method, path, params, token=token, body=most + b" ")
        assert (over.status, over.errcode) == (200, BusinessCode.TOO_MANY)

    def test_a_chunked_body_is_counted_as_it_comes(self, till: Till, clock: Any) -> None:
        target, headers = signing.sign_request(
            CLIENT_ID, CLIENT_SECRET, "POST", AUTHORISE_PATH, {}, "1", str(clock.now)
        )
        head = f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        answer = raw(till, head.encode() + b"\r\n" + chunk * 17 + b"0\r\n\r\n")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["errcode"] == BusinessCode.TOO_MANY


class TestTransport:
    def test_connection_close_is_honoured_and_said(self, till: Till) -> None:
        # `raw` returns only when the server closes.
        answer = raw(till, b"GET /jdy/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"connection: close" in answer.lower()

    def test_without_it_the_connection_stays_open(self, till: Till) -> None:
        request = b"GET /jdy/x HTTP/1.1\r\nHost: x\r\n\r\n"
        with socket.create_connection((till.address.hostname, till.address.port), timeout=20) as connection:
            for _ in range(3):
                connection.sendall(request)
                assert b" 519 " in connection.recv(65536)

    def test_a_post_without_body_announces_nothing_or_zero(self, till: Till) -> None:
        assert till.signed("POST", AUTHORISE_PATH).errcode == 0
        assert till.signed("POST", AUTHORISE_PATH, body=b"").errcode == 0

    @pytest.mark.parametrize("method", ["WEBSOCKET", "X", "HEAD", "TRACE", "get\x7f"])
    def test_a_method_that_is_none_is_refused(self, method: str, till: Till) -> None:
        answer = raw(till, f"{method} {TOKEN_PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        status = int(answer.split()[1])
        assert status in (200, 400, 519)
        if status == 200:
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["errcode"] == BusinessCode.FIELD_FORMAT

    @pytest.mark.parametrize(("ends", "reason"), [(True, "broken_off"), (False, "body_late")])
    def test_a_body_that_breaks_off_or_does_not_come_is_a_wrong_format(
        self, till: Till, clock: Any, monkeypatch: pytest.MonkeyPatch, ends: bool, reason: str
    ) -> None:
        monkeypatch.setattr(http, "BODY_SECONDS_MAX", 20.0 if ends else 0.1)
        now = str(clock.now)
        string, *_ = signing.canonical_strings("POST", AUTHORISE_PATH, "", "1", now)
        request = (
            f"POST {AUTHORISE_PATH} HTTP/1.1\r\nHost: x\r\nX-Api-ClientID: {CLIENT_ID}\r\nX-Api-Auth-Version: 2.0\r\n"
            f"X-Api-TimeStamp: {now}\r\nX-Api-Nonce: 1\r\nX-Api-SignHeaders: X-Api-TimeStamp,X-Api-Nonce\r\n"
            f"X-Api-Signature: {signing.sign(CLIENT_SECRET, string)}\r\nContent-Length: 9\r\n\r\n{{}}"
        )
        with socket.create_connection((till.address.hostname, till.address.port), timeout=20) as connection:
            connection.sendall(request.encode())
            if ends:
                connection.shutdown(socket.SHUT_WR)
            answer = json.loads(connection.recv(65536).partition(b"\r\n\r\n")[2])
        assert answer["errcode"] == BusinessCode.FIELD_FORMAT
        assert REASONS[reason][0].format(limit_seconds="0.1") in answer["description"]

    def test_an_unsigned_mebibyte_is_refused_before_it_is_read(self, till: Till) -> None:
        response = till.send("POST", AUTHORISE_PATH, {}, b"x" * MIB)
        assert response.errcode == GatewayCode.CLIENT_ID_EMPTY


texts = st.text(st.characters(), max_size=40)
values = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.lists(st.integers(), max_size=2)
fields = st.sampled_from(
    ["store_id", "bill_no", "coupons_no", "create_start_time", "member_id", "page", "page_size", "schema_type"]
)


@given(st.dictionaries(fields, values), texts, st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_sent_the_reading_side_only_ever_raises_its_own_refusal(
    params: dict[str, Any], query: str, body: bytes
) -> None:
    for read in (
        lambda: write_off_query(Parameters({"store_id": "1"} | params)),
        lambda: from_query(query.encode("utf-8", "replace").decode()),
        lambda: from_body(body),
    ):
        try:
            read()
        except Rejected as refusal:
            assert refusal.status == 200
