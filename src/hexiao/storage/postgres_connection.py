"""How a connection to PostgreSQL is made, and what may be said of one that could not be.

What the URL says wins over what stands here. Makes no promise about the server behind it; storage.postgres does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from hexiao.storage.base import Unanswerable

DEFAULTS = {
    "connect_timeout": 5,
    "client_encoding": "UTF8",  # whatever the environment or the user's own settings say: every text is kept
    # A server that is out of reach, or a machine that is gone, is given up after about ten seconds, also while an
    # answer is awaited. A server that only takes its time answers for itself: its kernel does.
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
MIGRATING = "hexiao migrate"
NO_TIMEOUT = """
    SELECT set_config(name, '0', false) FROM pg_settings
    WHERE name IN (
        'statement_timeout', 'transaction_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout'
    )
"""
REFUSED = (
    "the URL or the server was refused by the driver; check the address, user and password"
    " (in a URL a password's @ is %40, its : %3A, / %2F, # %23, % %25)"
)
_SEPARATORS = re.compile(r"[:/@?&=\[\]%]+")
_ENDS = re.compile(r"[:/@?&=\[\]]+")  # a part that libpq could not decode is quoted with its %
_PASSWORD = re.compile(r"password=([^&]*)")


def connect(url: str, name: str = "hexiao") -> psycopg.Connection[tuple[Any, ...]]:
    """Every statement is a transaction of its own, unless told otherwise."""
    parameters: dict[str, Any] = {**DEFAULTS, "application_name": name, **conninfo_to_dict(url)}
    return psycopg.connect(**parameters, autocommit=True)


def connect_for_long(url: str, name: str) -> psycopg.Connection[tuple[Any, ...]]:
    """For work that takes as long as it takes, whatever our user's statements are allowed."""
    db = connect(url, name)
    try:
        db.execute(NO_TIMEOUT)
    except BaseException:
        db.close()
        raise
    return db


def is_spread(db: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Whether the tables of this database may lie on several machines."""
    return bool(db.execute("SELECT 1 FROM pg_extension WHERE extname = 'citus'").fetchall())


def spelled_out(
    db: psycopg.Connection[tuple[Any, ...]], sql: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> str:
    """The statement with its parameters as literals: Citus takes no cursor that must read them a second time."""
    return psycopg.ClientCursor(db).mogrify(sql, parameters)


def named_rows(
    db: psycopg.Connection[tuple[Any, ...]], sql: str, parameters: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The rows as column name → value. Raises Unanswerable."""
    with db.cursor(row_factory=dict_row) as cursor:
        try:
            cursor.execute(sql.encode(), parameters)
        except psycopg.DataError as unfit:
            raise Unanswerable(unfit.diag.message_primary or str(unfit)) from unfit
        yield from cursor


@contextmanager
def warnings_of(db: psycopg.Connection[tuple[Any, ...]]) -> Iterator[list[str]]:
    """What the server warns of meanwhile."""
    heard: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            heard.append(notice.message_primary or "")

    db.add_notice_handler(hear)
    try:
        yield heard
    finally:
        db.remove_notice_handler(hear)


def told(failed: Exception, url: str) -> str:
    """The driver's first line, unless it quotes from the password."""
    return without_password(str(failed).partition("\n")[0], url)


def without_password(said: str, url: str) -> str:
    """What was said, or a sentence in its place when it quotes from the password in the URL."""
    rest = url.partition("://")[2]
    user, at, _ = rest.rpartition("@")
    place = "" if at else rest.partition("/")[0]  # perhaps somebody forgot the host
    hidden = [user.partition(":")[2], *_PASSWORD.findall(rest)]
    pieces = {piece for text in hidden for piece in (text, unquote(text), *_SEPARATORS.split(text), *_ENDS.split(text))}
    pieces |= {piece for piece in _SEPARATORS.split(place.partition(":")[2]) if not piece.isdigit()}
    quoted = any(len(piece) > 3 and piece in said for piece in pieces)
    return REFUSED if quoted else said
