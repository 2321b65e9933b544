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
    if sys.argv[1:2] != ["serve"] or not {"-h", "--help"}.isdisjoint(sys.argv):  # to serve takes no time for this
        from hexiao.cli.folding import fold_help

        fold_help()
    app(prog_name="hexiao")


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
