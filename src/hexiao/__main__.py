"""`hexiao` and `python -m hexiao`: where the program begins."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from hexiao.cli.app import app
from hexiao.logs import configure_logs


def main() -> None:
    """Logs go to standard error from the first line on; standard output belongs to the answer."""
    _settle_streams()
    configure_logs(os.environ.get("HEXIAO_LOG_LEVEL", "warning"))
    if _shows_help(sys.argv[1:]):  # it takes time, and nobody else needs it
        from hexiao.cli.folding import fold_help

        fold_help()
    app(prog_name="hexiao")


def _shows_help(words: list[str]) -> bool:
    """Asked for, or because a group stands alone. One word may be a command, too, which then imports it in vain."""
    asked = not {"-h", "--help"}.isdisjoint(words)
    return asked or (len(words) < 2 and words not in (["serve"], ["--version"]))


def _settle_streams() -> None:
    """What was done must not end as an error because a terminal in GBK has no ✓, or because nobody listens."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (to the end of the process)
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
