"""keys sign: what a request of each door must carry, ready for curl. Without arguments it signs the demo's requests.

Secrets are never arguments: those of the demo are known, all others are read from the database.
"""

from __future__ import annotations

import secrets
import shlex
from typing import Annotated
from urllib.parse import unquote, urlsplit

import msgspec
import typer

from hexiao import wiring
from hexiao.cli import show
from hexiao.cli.apptoken import fetch_app_token
from hexiao.cli.exits import Exit, Stop, reporting
from hexiao.cli.session import DatabaseOption, JsonOption, examples
from hexiao.config import load_settings
from hexiao.demo import access
from hexiao.domain.party import Credential
from hexiao.gateways.kingdee import signing as kingdee_signing
from hexiao.gateways.kingdee.account import (
    ACCOUNT_DOOR,
    APPLICATION_DOOR,
    AccountSet,
    Application,
    open_account_set,
    open_application,
)
from hexiao.gateways.zvcms import signing as zvcms_signing
from hexiao.gateways.zvcms.account import DOOR as ZVCMS_DOOR
from hexiao.gateways.zvcms.account import Account, open_account

CurlOption = Annotated[bool, typer.Option("--curl", help="打印整条 curl 命令 · print the entire curl command")]

sign = typer.Typer(
    no_args_is_help=True,
    help="签名 · Sign one request for a door; by default the demo's request with the demo's credentials.",
    epilog=examples("hexiao keys sign api --curl", "hexiao keys sign kingdee --curl | sh", "hexiao keys sign zvcms"),
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(sign, name="sign")


@sign.command(
    epilog=examples(
        "hexiao keys sign api --curl | sh",
        "hexiao keys sign api | curl -sS -H @- http://127.0.0.1:8080/v1/schemes",
    )
)
def api(
    key: Annotated[
        str, typer.Option("--key", envvar="HEXIAO_API_KEY", help="API 密钥 · the key", show_default=access.TILL_KEY)
    ] = access.TILL_KEY,
    curl: CurlOption = False,
    as_json: JsonOption = False,
) -> None:
    """我们自己的 API 的请求头 · The headers of our own API: the key, and a fresh Idempotency-Key."""
    with reporting(as_json):
        headers = {
            "Authorization": f"Bearer {key}",
            "Idempotency-Key": secrets.token_hex(16),
            "Content-Type": "application/json",
        }
        if curl:
            url = f"{_base_url()}/v1/redemptions"
            _print_curl(url, headers, msgspec.json.encode(access.redeem_body()).decode())
        else:
            _print_headers(headers, as_json)


@sign.command(
    epilog=examples(
        "hexiao keys sign kingdee --curl | sh",
        "URL='http://127.0.0.1:8080/jdy/v2/ls/coupons_write_off?store_id=283'",
        'hexiao keys sign kingdee "$URL" | curl -sS -H @- "$URL"',
    )
)
def kingdee(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="请求地址，含参数 · the whole address, with its query")
    ] = None,
    method: Annotated[str, typer.Option("--method", help="GET · POST")] = "GET",
    client_id: Annotated[str, typer.Option("--client-id", help="应用 ID")] = access.KINGDEE_CLIENT_ID,
    app_key: Annotated[str, typer.Option("--app-key", help="账套 appKey")] = access.KINGDEE_APP_KEY,
    app_token: Annotated[
        str | None, typer.Option("--app-token", help="留空则向服务领取 · asked of the server when left out")
    ] = None,
    curl: CurlOption = False,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """金蝶请求头 · The headers that a Kingdee JDY v2 request must carry: signature, app-token, router address."""
    with reporting(as_json):
        url = (url or access.kingdee_url(_base_url())).replace(" ", "%20")  # of a time; curl refuses it as it was typed
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise typer.BadParameter("an address such as http://127.0.0.1:8080/jdy/…", param_hint="URL")
        application, account_set = _kingdee_secrets(client_id, app_key, database)
        nonce, timestamp = str(secrets.randbelow(9 * 10**9) + 10**9), str(wiring.system_clock())
        token = app_token or fetch_app_token(
            f"{parts.scheme}://{parts.netloc}", client_id, application, app_key, account_set, nonce, timestamp
        )
        # Form W reads the query as it stands on the wire, so whatever was typed is what is signed.
        string, *_ = kingdee_signing.canonical_strings(method, unquote(parts.path), parts.query, nonce, timestamp)
        headers = {
            "Content-Type": "application/json",
            "X-Api-ClientID": client_id,
            "X-Api-Auth-Version": "2.0",
            kingdee_signing.TIMESTAMP_HEADER: timestamp,
            kingdee_signing.NONCE_HEADER: nonce,
            "X-Api-SignHeaders": f"{kingdee_signing.TIMESTAMP_HEADER},{kingdee_signing.NONCE_HEADER}",
            "X-Api-Signature": kingdee_signing.sign(application.client_secret, string),
            "app-token": token,
            "X-GW-Router-Addr": account_set.domain,
        }
        if curl:
            _print_curl(url, headers, None, method)
        else:
            _print_headers(headers, as_json)


@sign.command(
    epilog=examples(
        "hexiao keys sign zvcms --curl | sh",
        'curl -sS http://127.0.0.1:8080/api/v2 -d "$(hexiao keys sign zvcms)"',
        'hexiao keys sign zvcms --params \'{"code":"DEMOMONEY3"}\'',
    )
)
def zvcms(
    action: Annotated[str, typer.Option("--action")] = access.ZVCMS_ACTION,
    params: Annotated[
        str | None, typer.Option("--params", metavar="JSON", help="业务参数 · default: the code of the sample")
    ] = None,
    open_id: Annotated[str, typer.Option("--open-id")] = access.ZVCMS_OPEN_ID,
    profile: Annotated[str, typer.Option("--profile", help="lower4 · caps4 · caps5")] = "lower4",
    curl: CurlOption = False,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """智迈请求体 · The JSON body of a zvcms v2 request, with its token."""
    with reporting(as_json):
        if profile not in zvcms_signing.PROFILES:
            raise typer.BadParameter(f"one of {', '.join(zvcms_signing.PROFILES)}", param_hint="--profile")
        account = _zvcms_secrets(open_id, database)
        nonce, timestamp = str(secrets.randbelow(900_000) + 100_000), str(wiring.system_clock() // 1000)
        body = zvcms_signing.sign_body(
            open_id, account.grant_code, account.open_key, action, _params(params), nonce, timestamp, profile
        )
        text = msgspec.json.encode(body).decode()
        if curl:
            _print_curl(f"{_base_url()}/api/v2", {"Content-Type": "application/json"}, text)
        else:
            show.plain(text)


def _params(text: str | None) -> dict[str, object]:
    if text is None:
        return dict(access.ZVCMS_PARAMS)
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError as wrong:
        raise typer.BadParameter(f"a JSON object: {wrong}", param_hint="--params") from None


def _kingdee_secrets(client_id: str, app_key: str, database: str | None) -> tuple[Application, AccountSet]:
    if (client_id, app_key) == (access.KINGDEE_CLIENT_ID, access.KINGDEE_APP_KEY):
        return access.KINGDEE_APPLICATION, access.KINGDEE_ACCOUNT_SET
    application = _credential(APPLICATION_DOOR, client_id, database)
    account_set = _credential(ACCOUNT_DOOR, app_key, database)
    vault = wiring.open_vault(load_settings(database=database))
    return open_application(vault, application), open_account_set(vault, account_set)


def _zvcms_secrets(open_id: str, database: str | None) -> Account:
    if open_id == access.ZVCMS_OPEN_ID:
        return access.ZVCMS_ACCOUNT
    credential = _credential(ZVCMS_DOOR, open_id, database)
    return open_account(wiring.open_vault(load_settings(database=database)), credential)


def _credential(door: str, public_id: str, database: str | None) -> Credential:
    storage = wiring.open_storage(load_settings(database=database))
    try:
        credential = storage.credential(door, public_id)
    finally:
        storage.close()
    if credential is None or credential.revoked_at is not None:
        raise Stop(Exit.UNKNOWN, f"数据库里没有这个凭证：{door} {public_id}", f"no such credential: {door} {public_id}")
    return credential


def _base_url() -> str:
    """Where the server of this environment listens."""
    settings = load_settings()
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 (read, not bound)
    return f"http://{host}:{settings.port}"


def _print_headers(headers: dict[str, str], as_json: bool) -> None:
    if as_json:
        show.json(headers)
    else:
        show.plain("\n".join(f"{name}: {value}" for name, value in headers.items()))


def _print_curl(url: str, headers: dict[str, str], body: str | None, method: str = "GET") -> None:
    parts = ["curl -sS " + ("" if body is not None or method == "GET" else f"-X {method} ") + shlex.quote(url)]
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    if body is not None:
        parts.append(f"-d {shlex.quote(body)}")
    show.plain(" \\\n  ".join(parts))
