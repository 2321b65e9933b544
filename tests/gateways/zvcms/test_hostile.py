"""Bodies and requests that no honest client sends: always this door's own form, never a trace, never a 500."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateways.zvcms.callers import Caller, outcome
from hexiao.http import BODY_MAX_BYTES

PAST_THE_GATE = (True, 100010)
UNREADABLE = (False, 100001)
FORMAT = (False, 100002)
MISSING = (False, 100003)
TOO_LARGE = (False, 100004)
NOT_FOUND = (False, 110010)
METHOD = (False, 110011)


def raw(caller: Caller, params: bytes, extra: bytes = b"") -> bytes:
    """A signed body whose Params, and what follows them, are the given bytes."""
    body = json.dumps(caller.body({}) | {"Params": "HERE"}).encode()
    return body.replace(b'"HERE"', params + extra)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"\x00",
        b"null",
        b"[]",
        b'"text"',
        b"5",
        b"{",
        b"{}}",
        b"{'OpenId':1}",
        b"OpenId=1&GrantCode=2",
        b'{"OpenId":"\xff"}',
        b'{"OpenId":"\xed\xa0\x80"}',
        b'{"OpenId":"\\ud800"}',
        b'{"\\ud800":1}',
        b'{"OpenId":"a\x00b"}',
        b'{"OpenId":NaN}',
        b'{"OpenId":01}',
        b"\xef\xbb\xbf{}",
        '{"OpenId":1}'.encode("utf-16"),
        b"[" * 200_000,
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_body_that_is_not_one_json_object_is_unreadable(caller: Caller, content: bytes) -> None:
    assert outcome(caller.post(content)) == UNREADABLE


@pytest.mark.parametrize(
    "content",
    [b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b'{"Params":' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
    ids=["objects", "lists"],
)
def test_a_body_may_be_nested_deeper_than_it_is_read(caller: Caller, content: bytes) -> None:
    assert outcome(caller.post(content)) in (UNREADABLE, MISSING)  # how deep that is depends on the interpreter


def test_an_empty_object_lacks_everything(caller: Caller) -> None:
    assert outcome(caller.post(b"{}")) == MISSING


def test_a_body_of_a_mebibyte_is_read_and_one_byte_more_is_not(caller: Caller) -> None:
    body = raw(caller, b'{"code":"1"}')
    assert outcome(caller.post(body.ljust(BODY_MAX_BYTES))) == PAST_THE_GATE
    assert outcome(caller.post(body.ljust(BODY_MAX_BYTES + 1))) == TOO_LARGE


def test_of_a_member_given_twice_the_last_one_counts(caller: Caller) -> None:
    assert outcome(caller.post(raw(caller, b'5, "Params":{"code":true, "code":"1"}'))) == PAST_THE_GATE
    assert outcome(caller.post(raw(caller, b'{"code":"1"}, "Params":5'))) == FORMAT


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (b'{"code":1e400}', FORMAT),
        (b'{"code":-1e400}', FORMAT),
        (b'{"code":1e5}', FORMAT),
        (b'{"code":' + b"9" * 64 + b"}", PAST_THE_GATE),
        (b'{"code":' + b"9" * 65 + b"}", FORMAT),
        (b'{"code":' + b"9" * 500_000 + b"}", FORMAT),
        (b'{"code":"\\u0000"}', PAST_THE_GATE),
        (b'{"code":"\\u0000\\ud83d\\ude00"}', PAST_THE_GATE),
        (b'{"code":"1","x":1e400,"y":' + b"9" * 9_000 + b"}", PAST_THE_GATE),
        (b'{"code":"1","code":[]}', FORMAT),
        (b'{"CODE":"1"}', FORMAT),
        (b"1e400", FORMAT),
        (b'[{"code":"1"}]', FORMAT),
        (b'{"code":' + b"[" * 500 + b"]" * 500 + b"}", FORMAT),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "",
)
def test_strange_parameters_are_refused_or_find_nothing(
    caller: Caller, params: bytes, expected: tuple[Any, Any]
) -> None:
    assert outcome(caller.post(raw(caller, params))) == expected


def test_a_code_of_half_a_million_accents_keeps_nobody_waiting(caller: Caller) -> None:
    accents = "\u0301\u0316" * 260_000  # to put these in order would take minutes
    began = time.monotonic()
    assert outcome(caller.post(raw(caller, f'{{"code":"1{accents}"}}'.encode()))) == PAST_THE_GATE
    assert time.monotonic() - began < 10


def test_strange_members_beside_ours_do_no_harm(caller: Caller) -> None:
    strange = b', "":null, "\\u0000":1e400, "x":' + b"9" * 9_000 + b', "__proto__":{"status":true}'
    assert outcome(caller.post(raw(caller, b'{"code":"1"}', strange))) == PAST_THE_GATE


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "FROB"])
def test_another_method_gets_the_doors_own_form(caller: Caller, method: str) -> None:
    assert outcome(caller.post(b"", method=method)) == METHOD


@pytest.mark.parametrize("path", ["/api/v2/", "/api/v2/x", "/api/v2x", "/", "/api/v2%00", "/api/v2/" + "x" * 2000])
def test_another_address_gets_the_doors_own_form(caller: Caller, path: str) -> None:
    assert outcome(caller.post(b"{}", path=path)) == NOT_FOUND
    assert outcome(caller.post(b"", path=path, method="GET")) == NOT_FOUND


def test_a_query_string_is_ignored(caller: Caller) -> None:
    assert outcome(caller.post(raw(caller, b'{"code":"1"}'), path="/api/v2?a=%ff&Action=x")) == PAST_THE_GATE


def test_the_content_type_does_not_matter(caller: Caller) -> None:
    at = urlsplit(caller.url)
    body = raw(caller, b'{"code":"1"}')
    for headers in ({}, {"Content-Type": "text/plain; charset=gbk"}, {"Content-Type": "\xff"}, {"Accept": "text/html"}):
        connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=10)
        connection.request("POST", "/api/v2", body, headers)
        assert outcome(json.loads(connection.getresponse().read())) == PAST_THE_GATE
        connection.close()


def test_a_body_in_chunks_without_a_length_is_bounded_too(caller: Caller) -> None:
    at = urlsplit(caller.url)
    for size, expected in ((0, PAST_THE_GATE), (BODY_MAX_BYTES, TOO_LARGE)):
        connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=10)
        connection.request("POST", "/api/v2", iter([raw(caller, b'{"code":"1"}'), b" " * size or b" "]))
        assert outcome(json.loads(connection.getresponse().read())) == expected
        connection.close()
