"""Asks a server for the app-token that every Kingdee business call must carry. Says in a sentence why there is none."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from hexiao.cli.exits import Exit, Stop
from hexiao.gateways.kingdee.account import AccountSet, Application
from hexiao.gateways.kingdee.signing import app_signature, sign_request

TOKEN_PATH = "/jdyconnector/app_management/kingdee_auth_token"  # noqa: S105 (a path)
PATIENCE_SECONDS = 10
REPLY_MAX_BYTES = 1 << 20


def fetch_app_token(
    base_url: str,
    client_id: str,
    application: Application,
    app_key: str,
    account_set: AccountSet,
    nonce: str,
    timestamp: str,
) -> str:
    """`base_url` is http or https. Raises Stop when the server cannot be reached or says no."""
    params = {"app_key": app_key, "app_signature": app_signature(app_key, account_set.app_secret)}
    target, headers = sign_request(client_id, application.client_secret, "GET", TOKEN_PATH, params, nonce, timestamp)
    reply = _get(base_url, target, headers)
    data = reply.get("data")
    token = data.get("app-token") if isinstance(data, dict) else None
    if reply.get("errcode") != 0 or not isinstance(token, str):
        said = f"{reply.get('errcode')} {reply.get('description_cn') or reply.get('description')}"
        raise Stop(Exit.REFUSED, f"服务没有发放 app-token：{said}", f"the server gave no app-token: {said}")
    return token


def _get(base_url: str, target: str, headers: dict[str, str]) -> dict[str, object]:
    request = Request(base_url + target, headers=headers)  # noqa: S310 (the caller checked the scheme)
    # A proxy of the environment cannot reach this machine's own addresses.
    opener = build_opener(ProxyHandler({})) if _is_loopback(base_url) else build_opener()
    try:
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            body = answer.read(REPLY_MAX_BYTES)
    except HTTPError as refused:  # the gateway's own errors come with status 519
        with refused:
            body = refused.read(REPLY_MAX_BYTES)
    except OSError as unreachable:
        raise Stop(
            Exit.UNAVAILABLE,
            f"连不上 {base_url}，服务启动了吗？",
            f"cannot reach {base_url} ({unreachable}); is it running? Or give --app-token",
        ) from unreachable
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError as wrong:
        raise Stop(Exit.UNAVAILABLE, f"{base_url} 的答复不是 JSON", f"{base_url} did not answer in JSON") from wrong


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
