"""`hexiao` and `python -m hexiao`: where the program begins."""

from __future__ import annotations

import os

from hexiao.cli.app import app
from hexiao.logs import configure_logs


def main() -> None:
    """Logs go to standard error from the first line on; standard output belongs to the answer."""
    configure_logs(os.environ.get("HEXIAO_LOG_LEVEL", "warning"))
    app(prog_name="hexiao")


if __name__ == "__main__":
    main()
