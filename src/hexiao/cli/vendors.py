"""keys add-kingdee, keys add-zvcms: let a vendor's client in. Its secrets are shown once and stored sealed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
import typer

from hexiao import wiring
from hexiao.cli import show
from hexiao.cli.exits import Exit, Stop
from hexiao.cli.keys import NameOption, put_credential
from hexiao.cli.session import DatabaseOption, JsonOption, MerchantOption, Session, examples, session
from hexiao.domain.errors import BadRequest, Code
from hexiao.domain.party import Credential, Role
from hexiao.gateways.kingdee.account import (
    ACCOUNT_DOOR,
    APPLICATION_DOOR,
    AccountSet,
    Application,
    open_application,
)
from hexiao.gateways.zvcms.account import DOOR as ZVCMS_DOOR
from hexiao.gateways.zvcms.account import Account, seal_account
from hexiao.gateways.zvcms.signing import DEFAULT_PROFILES
from hexiao.vault import Vault, place_of

SecretOption = Annotated[str | None, typer.Option(help="留空则生成 · made when left out")]


def add_to(app: typer.Typer) -> None:
    app.command(
        "add-kingdee",
        epilog=examples(
            "hexiao keys add-kingdee --name erp --client-id 205022 --app-key shopKey1",
            "hexiao keys add-kingdee --name erp --client-id 205022 --app-key shopKey2",
        ),
    )(add_kingdee)
    app.command(
        "add-zvcms",
        epilog=examples(
            "hexiao keys add-zvcms --name mini-program",
            "hexiao keys add-zvcms --name old-erp --doc-literal --images",
        ),
    )(add_zvcms)


def add_kingdee(
    name: NameOption,
    client_id: Annotated[str, typer.Option("--client-id", help="应用 ID · digits")],
    app_key: Annotated[str, typer.Option("--app-key", help="账套 appKey · at most 8 characters")],
    client_secret: Annotated[
        str | None, typer.Option(envvar="HEXIAO_KINGDEE_CLIENT_SECRET", help="留空则生成 · made when left out")
    ] = None,
    app_secret: Annotated[
        str | None, typer.Option(envvar="HEXIAO_KINGDEE_APP_SECRET", help="留空则生成 · made when left out")
    ] = None,
    outer_instance_id: Annotated[str | None, typer.Option(help="留空则生成 · 18 digits, made when left out")] = None,
    account_id: Annotated[str | None, typer.Option(help="账套 ID，留空则生成 · 19 digits, made when left out")] = None,
    account_name: Annotated[str, typer.Option(help="账套名称 · the account set's name")] = "",
    uid: Annotated[int, typer.Option(help="云用户 ID · the cloud user's id", min=1)] = 1,
    domain: Annotated[str, typer.Option(help="X-GW-Router-Addr")] = "https://tf.jdy.com",
    encrypt_mobile: Annotated[
        bool | None,
        typer.Option(
            "--encrypt-mobile/--no-encrypt-mobile",
            help="按文档加密会员手机号，新应用默认加密 · encipher member_mobile as documented; a new application does",
        ),
    ] = None,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """添加金蝶应用与账套 · Let a Kingdee JDY client in: its application and its account set."""
    with session(database, merchant, as_json) as run:
        if not (client_id.isascii() and client_id.isdigit()):
            raise typer.BadParameter("decimal digits", param_hint="--client-id")
        if not 0 < len(app_key) <= 8:
            raise typer.BadParameter("1 to 8 characters", param_hint="--app-key")
        run.demand_merchant()
        vault = _vault(run)
        known = _demand_ours(run, APPLICATION_DOOR, client_id)
        _demand_ours(run, ACCOUNT_DOOR, app_key)
        with _settings_errors():
            application = Application(
                client_secret=client_secret or secrets.token_hex(16), encrypt_mobile=encrypt_mobile is not False
            )
            # A further account set of the same application. One that was revoked may be sealed under a lost key.
            if known is not None and known.revoked_at is None and client_secret is None:
                application = open_application(vault, known)
                if encrypt_mobile is not None:
                    application = msgspec.structs.replace(application, encrypt_mobile=encrypt_mobile)
            account_set = AccountSet(
                app_secret=app_secret or secrets.token_hex(20),
                client_id=client_id,
                outer_instance_id=outer_instance_id or _digits(18),
                account_id=account_id or _digits(19),
                account_name=account_name or name,
                uid=uid,
                domain=domain,
            )
        for door, public_id, settings in (
            (APPLICATION_DOOR, client_id, application),
            (ACCOUNT_DOOR, app_key, account_set),
        ):
            sealed = vault.seal(msgspec.json.encode(settings), place_of(door, public_id))
            put_credential(run, door, public_id, name, Role.READ, sealed)
        _show_secrets(
            as_json,
            {
                "client_id": client_id,
                "client_secret": application.client_secret,
                "app_key": app_key,
                "app_secret": account_set.app_secret,
                "outer_instance_id": account_set.outer_instance_id,
                "account_id": account_set.account_id,
                "domain": domain,
            },
        )


def add_zvcms(
    name: NameOption,
    open_id: SecretOption = None,
    grant_code: SecretOption = None,
    open_key: Annotated[
        str | None, typer.Option(envvar="HEXIAO_ZVCMS_OPEN_KEY", help="留空则生成 · made when left out")
    ] = None,
    doc_literal: Annotated[
        bool, typer.Option(help="标量加引号，如文档示例 · quote every scalar, as the sample does")
    ] = False,
    lenient_names: Annotated[bool, typer.Option(help="接受小写字段名 · take lower-case field names")] = False,
    images: Annotated[bool, typer.Option(help="返回条码、二维码图片 · bar code and QR code as data URIs")] = False,
    profile: Annotated[list[str] | None, typer.Option(help="签名方式 · lower4, caps4, caps5; may be repeated")] = None,
    replay_check: Annotated[bool, typer.Option(help="拒绝重复随机数 · refuse a repeated nonce")] = False,
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """添加智迈接入方 · Let a zvcms client in."""
    with session(database, merchant, as_json) as run:
        run.demand_merchant()
        vault = _vault(run)
        public_id = open_id or secrets.token_hex(16)
        _demand_ours(run, ZVCMS_DOOR, public_id)
        with _settings_errors():
            account = Account(
                open_key=open_key or secrets.token_hex(25),
                grant_code=grant_code or secrets.token_hex(5),
                doc_literal=doc_literal,
                lenient_names=lenient_names,
                images=images,
                profiles=tuple(profile or DEFAULT_PROFILES),
                replay_check=replay_check,
            )
            sealed = seal_account(vault, public_id, account)
        put_credential(run, ZVCMS_DOOR, public_id, name, Role.READ, sealed)
        _show_secrets(as_json, {"open_id": public_id, "grant_code": account.grant_code, "open_key": account.open_key})


def _vault(run: Session) -> Vault:
    """Its key opens what is there already: a server has one key, and could not open what another one sealed."""
    wiring.check_master_key(run.settings)
    return wiring.open_vault(run.settings)


def _demand_ours(run: Session, door: str, public_id: str) -> Credential | None:
    """What is known by this name; raises before anything is written when it is another merchant's."""
    known = run.storage.credential(door, public_id)
    if known is not None and known.merchant_id != run.merchant_id:
        raise BadRequest(Code.ID_TAKEN, id=public_id)
    return known


@contextmanager
def _settings_errors() -> Iterator[None]:
    """Turns what the settings refuse into wrong usage."""
    try:
        yield
    except ValueError as wrong:
        raise Stop(Exit.USAGE, "设置有误", str(wrong)) from wrong


def _show_secrets(as_json: bool, values: dict[str, str]) -> None:
    if as_json:
        show.json(values)
        return
    show.note("请立即保存，以后不再显示 · keep them now, they are not shown again:")
    show.fields("", [(name, show.escape(value)) for name, value in values.items()])


def _digits(count: int) -> str:
    return f"1{secrets.randbelow(10 ** (count - 1)):0{count - 1}d}"
