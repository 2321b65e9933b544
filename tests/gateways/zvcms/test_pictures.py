"""The pictures of a code: real SVG in a data URI, and nothing where no bars exist."""

from __future__ import annotations

from base64 import b64decode
from xml.etree import ElementTree

import pytest

from hexiao.gateways.zvcms.pictures import barcode_uri, qrcode_uri

PREFIX = "data:image/svg+xml;base64,"


def drawn(uri: str) -> str:
    assert uri.startswith(PREFIX)
    return b64decode(uri.removeprefix(PREFIX), validate=True).decode("utf-8")


@pytest.mark.parametrize("code", ["20191031966176899187", "A", "ABC123", "Z" * 64])
def test_bars_and_squares_are_svg(code: str) -> None:
    for uri in (barcode_uri(code), qrcode_uri(code)):
        root = ElementTree.fromstring(drawn(uri))  # noqa: S314 - our own picture
        assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_the_code_stands_under_its_bars() -> None:
    assert "20191031966176899187" in drawn(barcode_uri("20191031966176899187"))


def test_different_codes_are_different_pictures() -> None:
    assert barcode_uri("1") != barcode_uri("2")
    assert qrcode_uri("1") != qrcode_uri("2")


@pytest.mark.parametrize("code", ["券1", "É", "\x7f"])
def test_a_code_without_bars_has_still_its_squares(code: str) -> None:
    assert barcode_uri(code) == ""
    assert drawn(qrcode_uri(code))


def test_letters_that_mean_something_in_xml_do_no_harm() -> None:
    ElementTree.fromstring(drawn(barcode_uri("A<B&C>")))  # noqa: S314 - our own picture
