"""docs/operate/tamper-evidence.md: typed as it stands, beside a running server; its table has every sign."""

from __future__ import annotations

import shutil

import pytest

from hexiao.domain.tampering import Sign
from journeys import shell
from journeys.doors import Doors
from journeys.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "operate" / "tamper-evidence.md")


@pytest.mark.skipif(shutil.which("openssl") is None or shutil.which("jq") is None, reason="needs openssl and jq")
def test_its_commands_do_what_it_says(doors: Doors) -> None:
    bill = {"number": "B1", "shop_id": "284", "lines": [{"sku": "1", "quantity": 1, "unit_price_fen": 9000}]}
    body = {"mode": "redeem", "coupons": [{"code": "DEMOMONEY1"}], "bill": bill}
    assert "redemptions" in doors.api("POST", "/v1/redemptions", body, key="chain")
    shutil.copy(ROOT / "examples" / "check_proof.py", doors.server.folder)
    for outcome in shell.typed(
        shell.steps([block for block in PAGE.blocks if block.under != "Every day"]), doors.server
    ):
        shell.check(outcome)


def test_its_table_has_every_sign() -> None:
    named = [name.strip(" `") for row in PAGE.table("sign") for name in row[0].split(",")]
    assert named == [sign.value for sign in Sign]
