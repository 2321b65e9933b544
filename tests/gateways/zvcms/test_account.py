"""The settings of a caller: what they default to, what is refused, and that they open nowhere else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hexiao.domain.party import Credential
from hexiao.gateways.zvcms.account import Account, open_account, seal_account
from hexiao.vault import SealBroken, Vault

VAULT = Vault(bytes(range(32)))


def credential(sealed: bytes, open_id: str = "abc") -> Credential:
    return Credential(id=1, merchant_id=1, door="zvcms", public_id=open_id, name="a", sealed=sealed)


def test_everything_but_the_two_secrets_has_a_careful_default() -> None:
    account = Account(open_key="k", grant_code="g")
    assert (account.doc_literal, account.lenient_names, account.images, account.replay_check) == (False,) * 4
    assert account.profiles == ("lower4", "caps4")


def test_what_was_sealed_comes_back() -> None:
    account = Account(open_key="k", grant_code="g", images=True, profiles=("caps5",))
    assert open_account(VAULT, credential(seal_account(VAULT, "abc", account))) == account


def test_a_seal_opens_only_for_its_open_id_and_its_key() -> None:
    sealed = seal_account(VAULT, "abc", Account(open_key="k", grant_code="g"))
    with pytest.raises(SealBroken):
        open_account(VAULT, credential(sealed, "abd"))
    with pytest.raises(SealBroken):
        open_account(Vault(bytes(32)), credential(sealed))


@pytest.mark.parametrize(
    "settings",
    [
        {"open_key": ""},
        {"grant_code": ""},
        {"grant_code": "a b/c+d"},
        {"profiles": ()},
        {"profiles": ("lower4", "lower5")},
    ],
    ids=str,
)
def test_settings_that_no_client_could_use_are_refused(settings: dict[str, Any]) -> None:
    whole = {"open_key": "k", "grant_code": "g"} | settings
    with pytest.raises(ValueError):
        Account(**whole)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(whole, Account)


def test_an_open_id_that_clients_escape_in_two_ways_is_refused() -> None:
    with pytest.raises(ValueError, match="open id"):
        seal_account(VAULT, "a b", Account(open_key="k", grant_code="g"))
