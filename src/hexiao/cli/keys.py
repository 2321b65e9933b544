"""keys: who may call. API keys are shown once and stored hashed; the vendors' secrets are stored sealed."""

from __future__ import annotations

import secrets
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.markup import escape

from hexiao import wiring
from hexiao.cli import show
from hexiao.cli.exits import Exit, Stop
from hexiao.cli.session import (
    ACTOR,
    DatabaseOption,
    JsonOption,
    MerchantOption,
    Session,
    examples,
    session,
)
from hexiao.domain.party import Credential, Merchant, Role
from hexiao.engine.commands import Put, Saved
from hexiao.gateways.kingdee.account import ACCOUNT_DOOR, APPLICATION_DOOR, AccountSet, Application
from hexiao.gateways.zvcms.account import DOOR as ZVCMS_DOOR
from hexiao.gateways.zvcms.account import Account, seal_account
from hexiao.gateways.zvcms.signing import DEFAULT_PROFILES
from hexiao.vault import place_of
from hexiao.web.auth import DOOR as API_DOOR
from hexiao.web.auth import hash_key

DOORS = (API_DOOR, APPLICATION_DOOR, ACCOUNT_DOOR, ZVCMS_DOOR)

app = typer.Typer(
    no_args_is_help=True,
    help="密钥 · API keys, the vendors' credentials, and signing a request by hand.",
    epilog=examples("hexiao keys create --role till --name till-7", "hexiao keys list", "hexiao keys sign zvcms"),
)

NameOption = Annotated[str, typer.Option("--name", help="用途，写入流水 · who it is for; written to the journal")]
SecretOption = Annotated[str | None, typer.Option(help="留空则生成 · made and shown once when left out")]


@app.command(
    epilog=examples(
        "hexiao keys create --role admin --name back-office",
        "hexiao keys create --role till --name till-7",
        "hexiao keys create --role admin --name hq --merchant 2 --merchant-name 分店",
    )
)
def create(
    role: Annotated[Role, typer.Option("--role", help="admin · till · read")],
    name: NameOption,
    merchant: MerchantOption = 1,
    merchant_name: Annotated[
        str, typer.Option("--merchant-name", help="商户名，新商户才用 · its name, when the merchant is new")
    ] = "",
    time_zone: Annotated[
        str, typer.Option("--time-zone", help="商户时区，新商户才用 · its time zone, when new")
    ] = "Asia/Shanghai",
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """创建 API 密钥，只显示一次 · Make a key for our API; it is shown this once. A new merchant is made with it."""
    with session(database, merchant, as_json) as run:
        made_merchant = _ensure_merchant(run, merchant_name, time_zone)
        key = f"hx_{role.value}_{secrets.token_urlsafe(32)}"
        saved = _put(run, API_DOOR, hash_key(key), name, role)
        if as_json:
            show.json({"id": str(saved), "role": role.value, "name": name, "key": key})
            return
        if made_merchant:
            show.note(f"新建商户 · made merchant {merchant}")
        show.note("请立即保存，以后不再显示 · keep it now, it is not shown again:")
        show.plain(key)


@app.command("list", epilog=examples("hexiao keys list", "hexiao keys list --json"))
def list_(merchant: MerchantOption = 1, database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """列出密钥（不含密文） · Who may call, at which door. Secrets are never shown."""
    with session(database, merchant, as_json) as run:
        found = _all(run)
        if as_json:
            show.json({"keys": [_shown(one) for one in found]})
            return
        rows = [
            (
                str(one.id), one.door, escape(one.name), one.role.value if one.door == API_DOOR else "",
                escape(_public(one)), show.when(one.revoked_at, run.zone),
            )
            for one in found
        ]  # fmt: skip
        columns = ("id", "door", "name", "role", "known as", "revoked at")
        show.table("密钥 keys", columns, rows, empty="hexiao keys create --role admin --name …")


@app.command(epilog=examples("hexiao keys revoke 236918244311425024", "hexiao keys revoke till-7"))
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID|NAME", help="编号或名称 · id or name, as `keys list` shows them")],
    merchant: MerchantOption = 1,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """吊销密钥，几秒内生效 · Take a key out of use; it works for a few more seconds at most."""
    with session(database, merchant, as_json) as run:
        found = [one for one in _all(run) if key in (str(one.id), one.name)]
        if not found:
            raise Stop(Exit.UNKNOWN, f"没有这个密钥：{key}", f"there is no key {key}; see: hexiao keys list")
        if len(found) > 1:
            raise Stop(Exit.USAGE, f"有 {len(found)} 个同名密钥，请用编号", f"{len(found)} keys are named {key}; give the id")
        revoked = msgspec.structs.replace(found[0], revoked_at=found[0].revoked_at or run.now)
        run.ask(Put(merchant_id=merchant, actor=ACTOR, record=revoked), Saved)
        if as_json:
            show.json(_shown(revoked))
        else:
            show.say(f"已吊销 · revoked: {escape(revoked.name)} ({revoked.id})")


@app.command(
    "add-kingdee",
    epilog=examples(
        "hexiao keys add-kingdee --name erp --client-id 205022 --app-key shopKey1",
        "hexiao keys add-kingdee --name erp --client-id 205022 --app-key k2 \\",
        "    --account-id 1730531630000000001 --account-name 二店账套",
    ),
)
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
        bool, typer.Option(help="按文档加密会员手机号 · encipher member_mobile as documented")
    ] = True,
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
        run.zone  # noqa: B018 (the merchant must exist)
        vault = wiring.open_vault(run.settings)
        known = run.storage.credential(APPLICATION_DOOR, client_id)
        with _settings_errors():
            application = Application(
                client_secret=client_secret or secrets.token_hex(16), encrypt_mobile=encrypt_mobile
            )
            if known is not None and client_secret is None:  # a further account set of the same application
                place = place_of(APPLICATION_DOOR, client_id)
                application = msgspec.json.decode(vault.open(known.sealed, place), type=Application)
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
            _put(run, door, public_id, name, Role.READ, sealed)
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


@app.command(
    "add-zvcms",
    epilog=examples(
        "hexiao keys add-zvcms --name mini-program",
        "hexiao keys add-zvcms --name old-erp --doc-literal --images",
    ),
)
def add_zvcms(
    name: NameOption,
    open_id: SecretOption = None,
    grant_code: SecretOption = None,
    open_key: Annotated[
        str | None, typer.Option(envvar="HEXIAO_ZVCMS_OPEN_KEY", help="留空则生成 · made when left out")
    ] = None,
    doc_literal: Annotated[bool, typer.Option(help="标量加引号，如文档示例 · quote every scalar, as the sample does")] = False,
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
        run.zone  # noqa: B018 (the merchant must exist)
        public_id = open_id or secrets.token_hex(16)
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
            sealed = seal_account(wiring.open_vault(run.settings), public_id, account)
        _put(run, ZVCMS_DOOR, public_id, name, Role.READ, sealed)
        _show_secrets(
            as_json, {"open_id": public_id, "grant_code": account.grant_code, "open_key": account.open_key}
        )


class _settings_errors:
    """Turns what the settings refuse (a ValueError) into wrong usage."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError):
            raise Stop(Exit.USAGE, "设置有误", str(error)) from error


def _ensure_merchant(run: Session, name: str, time_zone: str) -> bool:
    if run.storage.merchant(run.merchant_id) is not None:
        return False
    try:
        ZoneInfo(time_zone)
    except (ValueError, OSError, KeyError):
        raise typer.BadParameter(f"no such time zone: {time_zone}", param_hint="--time-zone") from None
    record = Merchant(id=run.merchant_id, name=name or f"商户 {run.merchant_id}", time_zone=time_zone)
    run.ask(Put(merchant_id=run.merchant_id, actor=ACTOR, record=record), Saved)
    return True


def _put(run: Session, door: str, public_id: str, name: str, role: Role, sealed: bytes = b"") -> int:
    credential = Credential(
        id=0, merchant_id=run.merchant_id, door=door, public_id=public_id, name=name, role=role, sealed=sealed
    )
    return run.ask(Put(merchant_id=run.merchant_id, actor=ACTOR, record=credential), Saved).id


def _all(run: Session) -> list[Credential]:
    run.zone  # noqa: B018 (the merchant must exist)
    return [one for door in DOORS for one in run.storage.credentials(run.merchant_id, door)]


def _public(credential: Credential) -> str:
    """An API key's hash is of use to nobody; its beginning tells two of them apart."""
    return f"sha256 {credential.public_id[:8]}…" if credential.door == API_DOOR else credential.public_id


def _shown(credential: Credential) -> dict[str, object]:
    return {
        "id": str(credential.id),
        "door": credential.door,
        "name": credential.name,
        "role": credential.role.value,
        "known_as": _public(credential),
        "revoked_at": credential.revoked_at,
    }


def _show_secrets(as_json: bool, values: dict[str, str]) -> None:
    if as_json:
        show.json(values)
        return
    show.note("请立即保存，以后不再显示 · keep them now, they are not shown again:")
    show.fields("", [(name, escape(value)) for name, value in values.items()])


def _digits(count: int) -> str:
    return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))
