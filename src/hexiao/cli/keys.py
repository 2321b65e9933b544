"""keys: who may call. API keys are shown once and stored hashed; the vendors' callers are added in vendors.py."""

from __future__ import annotations

import secrets
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

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
from hexiao.gateways.kingdee.account import ACCOUNT_DOOR, APPLICATION_DOOR
from hexiao.gateways.zvcms.account import DOOR as ZVCMS_DOOR
from hexiao.web.auth import DOOR as API_DOOR
from hexiao.web.auth import hash_key

DOORS = (API_DOOR, APPLICATION_DOOR, ACCOUNT_DOOR, ZVCMS_DOOR)

app = typer.Typer(
    no_args_is_help=True,
    help="密钥 · API keys, the vendors' credentials, and signing a request by hand.",
    epilog=examples("hexiao keys create --role till --name till-7", "hexiao keys list", "hexiao keys sign zvcms"),
)


def _named(name: str) -> str:
    if not name.strip():
        raise typer.BadParameter("say who it is for", param_hint="--name")
    return name


NameOption = Annotated[
    str, typer.Option("--name", callback=_named, help="用途，写入流水 · who it is for; written to the journal")
]


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
        saved = put_credential(run, API_DOOR, hash_key(key), name, role)
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
                str(one.id), one.door, show.escape(one.name), one.role.value if one.door == API_DOOR else "",
                show.escape(_public(one)), show.when(one.revoked_at, run.zone),
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
            raise Stop(
                Exit.USAGE, f"有 {len(found)} 个同名密钥，请用编号", f"{len(found)} keys are named {key}; give the id"
            )
        revoked = msgspec.structs.replace(found[0], revoked_at=found[0].revoked_at or run.now)
        run.ask(Put(merchant_id=merchant, actor=ACTOR, record=revoked), Saved)
        if as_json:
            show.json(_shown(revoked))
        else:
            show.say(f"已吊销 · revoked: {show.escape(revoked.name)} ({revoked.id})")


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


def put_credential(run: Session, door: str, public_id: str, name: str, role: Role, sealed: bytes = b"") -> int:
    credential = Credential(
        id=0, merchant_id=run.merchant_id, door=door, public_id=public_id, name=name, role=role, sealed=sealed
    )
    return run.ask(Put(merchant_id=run.merchant_id, actor=ACTOR, record=credential), Saved).id


def _all(run: Session) -> list[Credential]:
    run.demand_merchant()
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
