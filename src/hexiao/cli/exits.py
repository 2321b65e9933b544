"""Exit codes, and how an error is told: one clear sentence on stderr in 中文 and English, never a traceback.

With --json the error is a JSON object on stdout as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from zoneinfo import ZoneInfo

import typer

from hexiao.cli import show
from hexiao.cli.epilog import MEANINGS as MEANINGS
from hexiao.cli.epilog import Exit as Exit
from hexiao.domain.errors import Code, Fact, Family, HexiaoError, sentences
from hexiao.engine.commands import Failed
from hexiao.storage.base import StorageDown, StorageError
from hexiao.vault import SealBroken

EXIT_OF: dict[Family, Exit] = {
    Family.NOT_ALLOWED: Exit.REFUSED,
    Family.BAD_REQUEST: Exit.USAGE,
    Family.REFUSED: Exit.REFUSED,
    Family.UNAVAILABLE: Exit.UNAVAILABLE,
}

NOT_THERE = frozenset(
    {
        Code.NOT_FOUND,
        Code.UNKNOWN_MERCHANT,
        Code.UNKNOWN_SHOP,
        Code.UNKNOWN_CASHIER,
        Code.UNKNOWN_MEMBER,
        Code.UNKNOWN_SCHEME,
        Code.UNKNOWN_GOODS,
        Code.UNKNOWN_COUPON,
        Code.UNKNOWN_REDEMPTION,
    }
)
"""What our API answers with 404."""


class Declined(Exception):
    """The engine's answer is no; every verdict is shown with it."""

    def __init__(self, failed: Failed, zone: ZoneInfo) -> None:
        super().__init__(failed.code.value)
        self.failed = failed
        self.zone = zone


class Stop(Exception):
    """An ending that has no Code: what happened in both languages, and the exit code."""

    def __init__(self, code: Exit, zh: str, en: str) -> None:
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en


def exit_of(code: Code) -> Exit:
    return Exit.UNKNOWN if code in NOT_THERE else EXIT_OF[code.family]


@contextmanager
def reporting(as_json: bool) -> Iterator[None]:
    """Turns every error into its sentence and its exit code."""
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except Declined as declined:
        failed = declined.failed
        _tell(as_json, failed.code.value, *sentences(failed.code, failed.facts, declined.zone), failed.facts)
        if not as_json and failed.assessments:
            show.verdicts(failed.assessments, declined.zone)
        raise typer.Exit(exit_of(failed.code)) from None
    except HexiaoError as error:
        _tell(as_json, error.code.value, *sentences(error.code, error.facts), error.facts)
        raise typer.Exit(exit_of(error.code)) from None
    except Stop as stop:
        _tell(as_json, stop.code.name.lower(), stop.zh, stop.en, {})
        raise typer.Exit(stop.code) from None
    except (StorageError, SealBroken) as error:
        _tell(as_json, Code.STORAGE_UNAVAILABLE.value, "数据库或密钥不能使用，请按英文说明处理", str(error), {})
        raise typer.Exit(Exit.UNAVAILABLE) from None
    except StorageDown as down:
        _tell(as_json, Code.STORAGE_UNAVAILABLE.value, "数据库暂不可用，请稍后重试", f"try again: {down}", {})
        raise typer.Exit(Exit.UNAVAILABLE) from None
    except BrokenPipeError:  # who reads has seen enough, and needs no complaint
        raise typer.Exit(Exit.UNAVAILABLE) from None
    except OSError as error:
        _tell(as_json, Code.STORAGE_UNAVAILABLE.value, "文件或网络不可用", str(error), {})
        raise typer.Exit(Exit.UNAVAILABLE) from None
    except Exception as unexpected:
        if os.environ.get("HEXIAO_LOG_LEVEL", "").lower() == "debug":
            raise
        text = f"{type(unexpected).__name__}: {unexpected} (HEXIAO_LOG_LEVEL=debug shows where)"
        _tell(as_json, Code.INTERNAL_ERROR.value, "内部错误，请告知维护人员", text, {})
        raise typer.Exit(Exit.UNAVAILABLE) from None


def _tell(as_json: bool, code: str, zh: str, en: str, facts: dict[str, Fact]) -> None:
    if as_json:
        with suppress(OSError):  # nobody reads it; the exit code still says what happened
            show.json({"code": code, "zh": zh, "en": en, "facts": facts})
    show.complain(zh, en)
    if code == Code.UNKNOWN_MERCHANT.value:  # on a new database this is what everybody meets first
        show.note("商户随其第一个密钥而建 · its first key makes it: hexiao keys create --help")
