"""The last net of the log: numbers that could be a mobile or a coupon's code lose their middle."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from hexiao.logs import mask_numbers


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("mobile 19900001234 is wrong", "mobile 199****1234 is wrong"),
        ("/v1/coupons/66044535908497124994", "/v1/coupons/6604…94"),
        ("/v1/redemptions/912155045326229504/capture", "/v1/redemptions/9121…04/capture"),
        ("took 1795311509779 ms", "took 1795311509779 ms"),
        ("shop 1333333333", "shop 1333333333"),
        ("0.123456789012345678", "0.123456789012345678"),
    ],
)
def test_what_looks_like_a_mobile_or_a_code_loses_its_middle(said: str, logged: str) -> None:
    assert mask_numbers(None, "info", {"event": said, "count": 3}) == {"event": logged, "count": 3}


def test_what_a_library_says_by_itself_is_one_object_a_line_too() -> None:
    program = (
        "import logging; from hexiao.logs import configure_logs; configure_logs()\n"
        "logging.getLogger('psycopg').warning('lost: %s', 19900001234); logging.getLogger('asyncio').info('nothing')\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: logging.getLogger('asyncio').exception('never retrieved')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    lost, never = (msgspec.json.decode(line) for line in ran.stderr.splitlines())
    assert (lost["event"], lost["level"], lost["name"], lost["said"]) == (
        "library_warned", "warning", "psycopg", "lost: 199****1234",
    )  # fmt: skip
    assert (never["event"], never["level"], never["name"]) == ("library_failed", "error", "asyncio")
    assert "ZeroDivisionError" in never["exception"]
