"""A file that a command makes: under another name until it is whole, and never over one that exists."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hexiao.cli.exits import Exit, Stop


def demand_new(file: Path) -> None:
    if os.path.lexists(file):
        raise _taken(file)
    if not file.parent.is_dir():
        raise Stop(Exit.USAGE, f"没有目录 {file.parent}", f"there is no folder {file.parent}: make it first")


@contextmanager
def published(file: Path) -> Iterator[Path]:
    """A file under another name until the block has ended well; whatever goes wrong, nothing of it stays."""
    unfinished = file.parent / f"hexiao-{secrets.token_hex(4)}.partial"
    # timeout(1) and the end of a unit are as Ctrl-C: else such a file would be left each night until the disk is full.
    terminated = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        unfinished.touch(mode=0o600, exist_ok=False)  # it holds members' names and numbers
        yield unfinished
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        _name(unfinished, file)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        for beside in ("", "-wal", "-shm", "-journal"):
            Path(f"{unfinished}{beside}").unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, terminated)


def _name(unfinished: Path, file: Path) -> None:
    """A link, because a rename takes the place of a file that another program made a moment ago."""
    try:
        file.hardlink_to(unfinished)
    except FileExistsError:
        raise _taken(file) from None
    except OSError:  # a file system without links
        demand_new(file)
        unfinished.rename(file)


def _taken(file: Path) -> Stop:
    return Stop(Exit.REFUSED, f"文件 {file} 已存在，请换一个名字", f"{file} exists already: give another name")
