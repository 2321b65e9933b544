"""What a person does about an error of SQLite. A full disk and a closed folder must not read like a lost database."""

from __future__ import annotations

import sqlite3

ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Of a damaged file SQLite may quote bytes that are no text: Python then raises the second instead of the first."""

ADVICE: dict[str, str] = {
    "SQLITE_FULL": "make room on the disk, then run the same command again",
    "SQLITE_IOERR": "look at the disk, its room and its quota, then run the same command again",
    "SQLITE_BUSY": "another program is writing to it: end that, then run the same command again",
    "SQLITE_READONLY": "it cannot be written: see to the rights of the file and its folder",
    "SQLITE_CANTOPEN": "see to the rights of the file and its folder; if the disk is read-only, copy it to another",
    "SQLITE_CONSTRAINT_NOTNULL": "no database of hexiao has such a row: mend it in the source, or take another backup",
    "SQLITE_CONSTRAINT": "if another command works on it, let it end and run this one again; else give an empty target",
    "SQLITE_NOTADB": "give a database of hexiao, or a file made by hexiao backup",
    "SQLITE_CORRUPT": "the file is damaged: keep it as it is, and go on with a backup that is whole",
}
"""By the beginning of the name of SQLite's error, the longer one first."""
NO_TEXT = "mend the text that it shows, or take another backup"
"""SQLite itself keeps any bytes as a text; only who reads them finds that they are none, and gives no name to it."""


DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def damaged(failed: BaseException) -> bool:
    """Whether it will be so as often as anybody tries: pages that are none, a text that is none."""
    return _no_text(failed) or getattr(failed, "sqlite_errorname", "").startswith(DAMAGED)


def advice(failed: BaseException) -> str:
    """To be put after what SQLite says; empty when there is nothing to add."""
    code = getattr(failed, "sqlite_errorname", "")
    if isinstance(failed, UnicodeDecodeError):
        code = "SQLITE_CORRUPT"
    elif _no_text(failed):
        return f"; {NO_TEXT}"
    return next((f"; {what}" for name, what in ADVICE.items() if code.startswith(name)), "")


def _no_text(failed: BaseException) -> bool:
    return not getattr(failed, "sqlite_errorname", "") and "decode" in str(failed)
