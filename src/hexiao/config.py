"""Settings: one frozen object from the environment and the command line. Nobody below wiring reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from hexiao.domain.errors import BadRequest, Code

DEFAULT_DATABASE = "sqlite:///data/hexiao.db"


class Settings(msgspec.Struct, kw_only=True, frozen=True):
    """`master_key` (64 hex digits) wins over the file; the file is made at the first start."""

    database: str = DEFAULT_DATABASE
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    own_cores: bool = False
    demo: bool = False
    master_key: str = ""
    master_key_file: str = ""
    window_seconds: Annotated[int, msgspec.Meta(ge=0)] = 300
    log_level: Annotated[str, msgspec.Meta(pattern="^(?i:debug|info|warning|error)$")] = "info"

    @property
    def key_file(self) -> Path:
        """Beside the SQLite file, or under ./data, unless said otherwise."""
        if self.master_key_file:
            return Path(self.master_key_file)
        return (Path("data") if self.on_postgres else self.sqlite_path.parent) / "master.key"

    @property
    def base_url(self) -> str:
        """An address that a browser on this machine can open."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 (read, not bound)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def on_postgres(self) -> bool:
        return self.database.startswith(("postgresql://", "postgres://"))

    @property
    def sqlite_path(self) -> Path:
        """The file of a `sqlite:///path` database. Raises BadRequest for any other kind of URL.

        What looks like options is refused, as there are none, unless a file has that very name.
        """
        scheme, found, path = self.database.partition("sqlite:///")
        if scheme or not found or not path or ("?" in path and not Path(path).exists()):
            raise BadRequest(
                Code.MALFORMED_REQUEST,
                reason="wrong_database",
                got=_without_password(self.database),
            )
        return Path(path)


def load_settings(environment: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """HEXIAO_DATABASE, HEXIAO_PORT … from the environment; overrides that are not None win."""
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    for name in Settings.__struct_fields__:
        text = environment.get(f"HEXIAO_{name.upper()}")
        if text is not None:
            values[name] = text
    values.update({name: value for name, value in overrides.items() if value is not None})
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as wrong:
        what, _, name = str(wrong).partition(" - at `$.")
        raise BadRequest(
            Code.MALFORMED_REQUEST, reason="wrong_setting", setting=f"HEXIAO_{name.rstrip('`').upper()}", said=what
        ) from wrong


def to_environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a worker process."""
    return {
        f"HEXIAO_{name.upper()}": str(getattr(settings, name)).lower()
        if isinstance(getattr(settings, name), bool)
        else str(getattr(settings, name))
        for name in Settings.__struct_fields__
    }


def _without_password(url: str) -> str:
    """A password may stand anywhere in a URL of another kind, or in what is none."""
    if url.startswith("sqlite:") or not {"@", "="} & set(url):
        return url
    kind, separator, _ = url.partition("://")
    return f"{kind}://…" if separator else "…"
