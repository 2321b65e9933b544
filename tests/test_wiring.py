"""What stands between the settings and a running server."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from hexiao import wiring
from hexiao.config import Settings, load_settings, to_environment
from hexiao.domain.errors import BadRequest
from hexiao.domain.party import Credential, Merchant
from hexiao.engine.commands import Put
from hexiao.engine.committer import Engine
from hexiao.storage.base import StorageError
from hexiao.vault import Vault, load_or_make_key, place_of
from hexiao.wiring import Application, build_app, check_master_key, open_engine, open_storage, open_vault


def with_a_secret(settings: Settings, key: bytes) -> None:
    sealed = Vault(key).seal(b"{}", place_of("zvcms", "abc"))
    engine = open_engine(settings)
    engine.call(Put(merchant_id=1, record=Merchant(id=1, name="m")))
    record = Credential(id=0, merchant_id=1, door="zvcms", public_id="abc", name="z", sealed=sealed)
    engine.call(Put(merchant_id=1, record=record))
    engine.close()


def test_the_key_that_sealed_the_secrets_is_accepted(settings: Settings) -> None:
    with_a_secret(settings, bytes.fromhex(settings.master_key))
    check_master_key(settings)


def test_another_key_is_refused_before_a_port_is_opened(settings: Settings) -> None:
    with_a_secret(settings, b"k" * 32)
    with pytest.raises(StorageError, match="master key"):
        check_master_key(settings)


def test_no_new_key_is_made_beside_secrets_that_were_sealed_under_another(settings: Settings) -> None:
    """Else it would lie where the right one belongs, and get into the safe in its place."""
    with_a_secret(settings, b"k" * 32)
    without = msgspec.structs.replace(settings, master_key="")
    with pytest.raises(StorageError, match="master key"):
        check_master_key(without)
    assert not without.key_file.exists()


def test_any_key_will_do_while_nothing_is_sealed(settings: Settings) -> None:
    check_master_key(settings)


def test_a_new_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "master.key"
    assert load_or_make_key(path) == load_or_make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_missing_database_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="hexiao migrate"):
        open_storage(Settings(database=f"sqlite:///{tmp_path}/none.db"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hexiao.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///a?b=c",
        "mysql://u:secret@h/d",
        "mysql://u@h/d?password=secret",
        "PostgreSQL://h/d?user=u&password=secret",
        "host=127.0.0.1 user=u password=secret",
        "u:secret@h/d",
    ],
)
def test_a_url_of_no_known_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BadRequest) as refused:
        open_storage(Settings(database=url))
    assert "secret" not in str(refused.value)


def test_settings_come_from_the_environment_and_overrides_win() -> None:
    environment = {"HEXIAO_PORT": "9000", "HEXIAO_DEMO": "true", "HEXIAO_HOST": "::1"}
    settings = load_settings(environment, host="127.0.0.1", port=None)
    assert (settings.port, settings.demo, settings.host) == (9000, True, "127.0.0.1")


def test_settings_survive_the_way_to_a_worker_process() -> None:
    settings = Settings(database="sqlite:///a.db", port=1, demo=True, workers=3, window_seconds=0)
    assert load_settings(to_environment(settings)) == settings


def test_a_setting_of_the_wrong_kind_is_refused_by_name() -> None:
    with pytest.raises(BadRequest, match="HEXIAO_PORT"):
        load_settings({"HEXIAO_PORT": "many"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HEXIAO_PORT", "abc"),
        ("HEXIAO_WORKERS", ""),
        ("HEXIAO_DEMO", "perhaps"),
        ("HEXIAO_WINDOW_SECONDS", "-5"),
        ("HEXIAO_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_setting_is_called_by_the_name_that_was_typed(name: str, text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        load_settings({name: text})
    facts = refused.value.facts
    assert (facts["reason"], facts["setting"]) == ("wrong_setting", name)


@pytest.mark.parametrize("key", ["zz" * 32, "ab" * 31, "not hex"])
def test_a_master_key_of_another_form_is_refused_in_a_sentence(key: str, settings: Settings) -> None:
    with pytest.raises(StorageError, match="HEXIAO_MASTER_KEY must be the 64 hexadecimal digits") as refused:
        open_vault(msgspec.structs.replace(settings, master_key=key))
    assert key not in str(refused.value)


def test_settings_cannot_be_changed_once_made() -> None:
    with pytest.raises((AttributeError, msgspec.ValidationError)):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/jdy/x", {"errcode": 5001}),
        ("/jdyconnector", {"errcode": 5001}),
        ("//jdy/v2/ls/coupons_write_off", {"errcode": 5001}),
        ("//api/v2", {"code": 110010}),
        ("/jdyx", {"code": "not_found"}),
        ("//", {"code": "not_found"}),
    ],
)
def test_a_door_answers_all_below_its_paths_also_after_a_slash_too_many(
    engine: Engine, vault: Vault, settings: Settings, serve: Callable[[Any], str], path: str, told: dict[str, Any]
) -> None:
    """A base address that ends in a slash is a slip that callers make; each reads only its own door's errors."""
    host = serve(build_app(engine, vault, settings)).removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    assert answer.items() >= told.items()


def test_a_worker_that_cannot_start_says_why_in_the_log_and_to_the_web_server(settings: Settings) -> None:
    gone = msgspec.structs.replace(settings, database="sqlite:////nowhere/at/all.db")
    said: list[Any] = []

    async def start() -> None:
        async def receive() -> Any:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            said.append(message)

        await Application(gone)({"type": "lifespan"}, receive, send)

    with capture_logs() as lines:
        asyncio.run(start())
    assert [(line["event"], line["log_level"]) for line in lines] == [("cannot_start", "error")]
    assert [one["type"] for one in said] == ["lifespan.startup.failed"]
    assert lines[0]["reason"] == said[0]["message"]


@pytest.mark.parametrize(("core", "told"), [(None, ["no_core_left"]), (0, [])])
def test_a_worker_without_a_core_of_its_own_says_so_and_serves(
    monkeypatch: pytest.MonkeyPatch, core: int | None, told: list[str]
) -> None:
    monkeypatch.setenv(wiring.CORES, "an offer")
    monkeypatch.setenv("HEXIAO_OWN_CORES", "true")
    monkeypatch.setattr(wiring, "take_core", lambda offer: core)
    for of_this_process in ("take_turns", "configure_logs"):
        monkeypatch.setattr(wiring, of_this_process, lambda *_: None)
    with capture_logs() as lines:
        assert isinstance(wiring.app(), Application)
    assert [line["event"] for line in lines] == told
