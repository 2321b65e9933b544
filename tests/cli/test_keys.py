"""Keys: made once, shown once, listed without secrets, revoked; and what `keys sign` prints for curl."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hexiao.cli.exits import Exit
from hexiao.config import Settings
from hexiao.gateways.kingdee import signing as kingdee
from hexiao.gateways.kingdee.account import open_account_set, open_application
from hexiao.gateways.zvcms import signing as zvcms
from hexiao.gateways.zvcms.account import open_account
from hexiao.web.auth import hash_key
from hexiao.wiring import migrate, open_storage, open_vault

from .conftest import Type, type_command

DEMO_SECRET = "75eb3c7cd5974c3018d6934e142b5f81"
OPEN_KEY = "hexiao-demo-open-key-0123456789abcdef0123456789abcd"


def dump(database: Path) -> str:
    with closing(sqlite3.connect(database)) as db:
        return "\n".join(db.iterdump())


class TestCreate:
    def test_the_key_is_shown_and_only_its_hash_is_stored(self, hexiao: Type, demo: Path) -> None:
        made = hexiao("keys", "create", "--role", "till", "--name", "till-7", "--json").json
        assert made["role"] == "till"
        assert made["key"] not in dump(demo)
        assert hash_key(made["key"]) in dump(demo)

    def test_is_what_a_new_database_asks_for(self, tmp_path: Path) -> None:
        database = tmp_path / "new.db"
        assert type_command("migrate", database=database).code == 0
        for command in (("keys", "list"), ("coupon", "show", "X"), ("coupon", "show", "X", "--json")):
            typed = type_command(*command, database=database)
            assert typed.code == Exit.UNKNOWN
            assert "hexiao keys create" in typed.err

    @pytest.mark.parametrize("added", ["create --role till", "add-zvcms", "add-kingdee --client-id 9 --app-key k"])
    def test_one_for_nobody_is_refused(self, hexiao: Type, added: str) -> None:
        """The journal would not say who it was, and no name would revoke it."""
        before = hexiao("keys", "list", "--json").json
        assert hexiao("keys", *added.split(), "--name", " ").code == Exit.USAGE
        assert hexiao("keys", "list", "--json").json == before

    def test_only_the_key_goes_to_stdout(self, hexiao: Type) -> None:
        typed = hexiao("keys", "create", "--role", "read", "--name", "report")
        assert re.fullmatch(r"hx_read_[\w-]{40,}\n", typed.out)

    def test_the_first_key_makes_the_merchant(self, tmp_path: Path) -> None:
        database = tmp_path / "own.db"
        migrate(Settings(database=f"sqlite:///{database}"))
        typed = type_command(
            "keys", "create", "--role", "admin", "--name", "hq", "--time-zone", "UTC", database=database
        )
        assert typed.code == 0
        with closing(open_storage(Settings(database=f"sqlite:///{database}"))) as storage:
            merchant = storage.merchant(1)
        assert merchant is not None
        assert merchant.time_zone == "UTC"

    @pytest.mark.parametrize("zone", ["Middle/Earth", "../etc/passwd", ""])
    def test_an_unknown_time_zone_is_wrong_usage(self, tmp_path: Path, zone: str) -> None:
        database = tmp_path / "own.db"
        type_command("migrate", database=database)
        typed = type_command("keys", "create", "--role", "admin", "--name", "x", "--time-zone", zone, database=database)
        assert typed.code == 2

    def test_an_unknown_role_is_wrong_usage(self, hexiao: Type) -> None:
        assert hexiao("keys", "create", "--role", "king", "--name", "x").code == 2


class TestListAndRevoke:
    def test_the_list_names_every_door_and_no_secret(self, hexiao: Type) -> None:
        typed = hexiao("keys", "list", "--json")
        assert {key["door"] for key in typed.json["keys"]} == {"api", "kingdee", "kingdee_account", "zvcms"}
        for secret in (DEMO_SECRET, OPEN_KEY, "demo-admin-key", hash_key("demo-admin-key")):
            assert secret not in typed.out

    def test_a_revoked_key_stays_in_the_list(self, hexiao: Type) -> None:
        assert hexiao("keys", "revoke", "demo-till").code == 0
        (till,) = [key for key in hexiao("keys", "list", "--json").json["keys"] if key["name"] == "demo-till"]
        assert till["revoked_at"] is not None

    def test_an_unknown_key_is_unknown(self, hexiao: Type) -> None:
        assert hexiao("keys", "revoke", "nobody").code == 3

    def test_of_two_namesakes_none_is_revoked(self, hexiao: Type) -> None:
        for _ in range(2):
            hexiao("keys", "create", "--role", "till", "--name", "twin")
        assert hexiao("keys", "revoke", "twin").code == 2

    def test_another_merchant_s_keys_are_not_there(self, hexiao: Type) -> None:
        typed = hexiao("keys", "list", "--merchant", "2", "--json")
        assert (typed.code, typed.json["code"]) == (3, "unknown_merchant")


class TestVendors:
    def test_kingdee_secrets_are_made_shown_and_sealed(self, hexiao: Type, demo: Path) -> None:
        typed = hexiao("keys", "add-kingdee", "--name", "erp", "--client-id", "99001", "--app-key", "shop9", "--json")
        assert typed.code == 0
        settings = Settings(database=f"sqlite:///{demo}")
        with closing(open_storage(settings)) as storage:
            application = storage.credential("kingdee", "99001")
            account = storage.credential("kingdee_account", "shop9")
        assert application is not None
        assert account is not None
        vault = open_vault(settings)
        assert open_application(vault, application).client_secret == typed.json["client_secret"]
        assert open_account_set(vault, account).app_secret == typed.json["app_secret"]
        assert typed.json["client_secret"] not in dump(demo)

    def test_a_second_account_set_keeps_the_application_s_secret(self, hexiao: Type) -> None:
        first = hexiao("keys", "add-kingdee", "--name", "a", "--client-id", "99001", "--app-key", "k1", "--json").json
        second = hexiao("keys", "add-kingdee", "--name", "a", "--client-id", "99001", "--app-key", "k2", "--json").json
        assert first["client_secret"] == second["client_secret"]
        assert first["app_secret"] != second["app_secret"]

    def test_an_application_that_was_revoked_gets_a_new_secret_when_it_is_added_anew(
        self, hexiao: Type, demo: Path
    ) -> None:
        """Also when the key under which the old one was sealed is lost."""
        added = ("keys", "add-kingdee", "--name", "erp", "--client-id", "99001", "--app-key", "k1", "--json")
        first = hexiao(*added).json
        for lost in (False, True):
            for known in hexiao("keys", "list", "--json").json["keys"]:
                if known["door"] != "api" and known["revoked_at"] is None:
                    assert hexiao("keys", "revoke", known["id"]).code == Exit.OK
            if lost:
                (demo.parent / "master.key").unlink()
            again = hexiao(*added)
            assert again.code == Exit.OK, again.err
            assert again.json["client_secret"] != first["client_secret"]
            assert {
                one["revoked_at"] for one in hexiao("keys", "list", "--json").json["keys"] if one["name"] == "erp"
            } == {None}

    def test_a_further_account_set_keeps_or_changes_whether_mobile_numbers_are_enciphered(
        self, hexiao: Type, demo: Path
    ) -> None:
        added = ("keys", "add-kingdee", "--name", "erp", "--client-id", "99001", "--json")
        settings = Settings(database=f"sqlite:///{demo}")
        vault, secrets = open_vault(settings), set()
        for app_key, told, enciphered in (
            ("k1", (), True),
            ("k2", ("--no-encrypt-mobile",), False),
            ("k3", (), False),
            ("k4", ("--encrypt-mobile",), True),
        ):
            secrets.add(hexiao(*added, "--app-key", app_key, *told).json["client_secret"])
            with closing(open_storage(settings)) as storage:
                application = storage.credential("kingdee", "99001")
            assert application is not None
            assert open_application(vault, application).encrypt_mobile is enciphered
        assert len(secrets) == 1

    def test_what_another_merchant_has_is_named_and_nothing_is_added(self, hexiao: Type) -> None:
        assert hexiao("keys", "create", "--role", "admin", "--name", "hq", "--merchant", "2").code == 0
        add = ("keys", "add-kingdee", "--name", "x", "--json")
        assert hexiao(*add, "--client-id", "99001", "--app-key", "k1").code == 0
        assert hexiao("keys", "add-zvcms", "--name", "x", "--open-id", "mini").code == 0
        for call, taken in (
            ((*add, "--client-id", "99001", "--app-key", "k2"), "99001"),
            ((*add, "--client-id", "99002", "--app-key", "k1"), "k1"),
            (("keys", "add-zvcms", "--name", "x", "--json", "--open-id", "mini"), "mini"),
        ):
            typed = hexiao(*call, "--merchant", "2")
            assert (typed.code, typed.json["code"], typed.json["facts"]) == (2, "id_taken", {"id": taken})
        (only,) = hexiao("keys", "list", "--merchant", "2", "--json").json["keys"]
        assert only["door"] == "api"

    @pytest.mark.parametrize(
        "added",
        [("add-kingdee", "--client-id", "99001", "--app-key", "k1"), ("add-zvcms", "--open-id", "mini")],
        ids=["kingdee", "zvcms"],
    )
    def test_no_secret_is_sealed_under_a_key_that_does_not_open_the_others(
        self, hexiao: Type, demo: Path, added: tuple[str, ...]
    ) -> None:
        """The server could not open it, and would not even say so at its start."""
        before = hexiao("keys", "list", "--json").json
        (demo.parent / "master.key").write_text("77" * 32)
        assert hexiao("keys", *added, "--name", "erp").code == Exit.UNAVAILABLE
        assert hexiao("keys", "list", "--json").json == before

    @pytest.mark.parametrize(
        "wrong", [("--client-id", "abc", "--app-key", "k"), ("--client-id", "1", "--app-key", "nine-long")]
    )
    def test_ids_that_no_client_could_send_are_refused(self, hexiao: Type, wrong: tuple[str, ...]) -> None:
        assert hexiao("keys", "add-kingdee", "--name", "x", *wrong).code == 2

    def test_zvcms_settings_are_sealed(self, hexiao: Type, demo: Path) -> None:
        typed = hexiao("keys", "add-zvcms", "--name", "mini", "--doc-literal", "--profile", "caps5", "--json")
        settings = Settings(database=f"sqlite:///{demo}")
        with closing(open_storage(settings)) as storage:
            credential = storage.credential("zvcms", typed.json["open_id"])
        assert credential is not None
        account = open_account(open_vault(settings), credential)
        assert (account.open_key, account.doc_literal, account.profiles) == (typed.json["open_key"], True, ("caps5",))

    @pytest.mark.parametrize("wrong", [("--profile", "caps9"), ("--open-id", "a=b&c"), ("--grant-code", "a b")])
    def test_zvcms_settings_that_cannot_work_are_refused(self, hexiao: Type, wrong: tuple[str, ...]) -> None:
        assert hexiao("keys", "add-zvcms", "--name", "x", *wrong).code == 2

    def test_an_unknown_merchant_gets_no_key(self, hexiao: Type) -> None:
        assert hexiao("keys", "add-zvcms", "--name", "x", "--merchant", "9").code == 3


class TestSign:
    """Without a server: the app-token is given."""

    def test_kingdee_headers_verify_for_the_very_url(self, hexiao: Type) -> None:
        query = "store_id=283&create_start_time=2024-01-01%2012:00:00&bill_no=A*B"
        url = f"http://127.0.0.1:1/jdy/v2/ls/coupons_write_off?{query}"
        headers = hexiao("keys", "sign", "kingdee", url, "--app-token", "T", "--json").json
        nonce, timestamp = headers["X-Api-Nonce"], headers["X-Api-TimeStamp"]
        path, signature = "/jdy/v2/ls/coupons_write_off", headers["X-Api-Signature"]
        assert kingdee.verify(DEMO_SECRET, "GET", path, query, nonce, timestamp, None, signature) == "W"
        assert (headers["app-token"], headers["X-GW-Router-Addr"]) == ("T", "https://tf.jdy.com")

    def test_kingdee_lines_are_what_curl_reads(self, hexiao: Type) -> None:
        lines = hexiao("keys", "sign", "kingdee", "--app-token", "T").out.splitlines()
        assert len(lines) == 9
        assert all(re.fullmatch(r"[\w-]+: \S+", line) for line in lines)

    def test_a_space_that_was_typed_in_an_address_is_one_that_curl_can_send(self, hexiao: Type) -> None:
        url = "http://127.0.0.1:1/jdy/v2/ls/coupons_write_off?store_id=283&create_start_time=2024-01-01 12:00:00"
        typed = hexiao("keys", "sign", "kingdee", url, "--app-token", "T", "--curl").out
        assert "create_start_time=2024-01-01%2012:00:00" in typed
        found = {name: re.search(rf"X-Api-{name}: (\S+)'", typed) for name in ("Nonce", "TimeStamp", "Signature")}
        nonce, timestamp, signature = (one[1] for one in found.values() if one is not None)
        path, _, query = url.replace(" ", "%20").removeprefix("http://127.0.0.1:1").partition("?")
        assert kingdee.verify(DEMO_SECRET, "GET", path, query, nonce, timestamp, None, signature) == "W"

    def test_kingdee_without_a_server_says_that_there_is_none(self, hexiao: Type) -> None:
        typed = hexiao("keys", "sign", "kingdee", "http://127.0.0.1:1/jdy/v2/ls/coupons_write_off?store_id=1")
        assert typed.code == 4
        assert "--app-token" in typed.err

    @pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "coupons_write_off", "file:///etc/passwd"])
    def test_kingdee_signs_for_http_only(self, hexiao: Type, url: str) -> None:
        assert hexiao("keys", "sign", "kingdee", url).code == 2

    def test_kingdee_of_an_unknown_client_is_unknown(self, hexiao: Type) -> None:
        assert hexiao("keys", "sign", "kingdee", "--client-id", "1", "--app-token", "T").code == 3

    def test_zvcms_body_verifies(self, hexiao: Type) -> None:
        body = hexiao("keys", "sign", "zvcms").json
        assert body["Params"] == {"code": "20191031966176899187"}
        verified = zvcms.verify(
            OPEN_KEY, body["Token"], body["OpenId"], body["GrantCode"], body["Nonce"], body["Timestamp"], body["Action"]
        )
        assert verified == "lower4"

    def test_zvcms_takes_other_params_and_profiles(self, hexiao: Type) -> None:
        body = hexiao("keys", "sign", "zvcms", "--params", '{"code":"DEMOMONEY3"}', "--profile", "caps4").json
        assert body["Params"] == {"code": "DEMOMONEY3"}

    @pytest.mark.parametrize("wrong", [("--params", "[1]"), ("--params", "{"), ("--profile", "x")])
    def test_zvcms_refuses_what_cannot_be_signed(self, hexiao: Type, wrong: tuple[str, str]) -> None:
        assert hexiao("keys", "sign", "zvcms", *wrong).code == 2

    def test_zvcms_secrets_of_others_come_from_the_database(self, hexiao: Type) -> None:
        added = hexiao("keys", "add-zvcms", "--name", "mini", "--json").json
        body = hexiao("keys", "sign", "zvcms", "--open-id", added["open_id"]).json
        assert body["GrantCode"] == added["grant_code"]

    def test_our_own_api_gets_a_fresh_idempotency_key_each_time(self, hexiao: Type) -> None:
        first, second = (hexiao("keys", "sign", "api", "--json").json for _ in range(2))
        assert first["Authorization"] == "Bearer demo-till-key"
        assert first["Idempotency-Key"] != second["Idempotency-Key"]

    def test_a_whole_curl_command_holds_its_body(self, hexiao: Type) -> None:
        typed = hexiao("keys", "sign", "zvcms", "--curl")
        assert typed.out.startswith("curl ")
        body = re.search(r"-d '(.*)'", typed.out)
        assert body is not None
        assert json.loads(body[1])["Action"] == "coupon.off-coupon"
