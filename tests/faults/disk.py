"""A disk that keeps a diary: every write, truncation, sync and deletion of SQLite's files, in order.

From the diary it makes the disks that a power cut may leave behind: what was synced is there; of what was not, any
part is, torn at sectors of 512 bytes. It may fail, too: what a sync that failed was to keep is kept in part, and no
later sync makes that good, though it can be read until the power goes. Knows nothing of what stands in the files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import apsw

SECTOR = 512
NAME = "diary"

Kept = Mapping[str, bytes]
"""File name → content, as a power cut left them."""


class Step(NamedTuple):
    """One thing that was asked of the disk. `data` is what was written at `at`, or None: cut off there."""

    kind: str
    file: str
    at: int = 0
    data: bytes | None = None


class Failing(NamedTuple):
    """A share of all writes and syncs fails. A disk that does not tell has syncs that fail, and says they were done."""

    rng: random.Random
    share: float
    tells: bool = True


class DiaryVFS(apsw.VFS):
    """The system's own file access, written down. SQLite finds it under NAME; only one at a time."""

    def __init__(self, failing: Failing | None = None) -> None:
        self.steps: list[Step] = []
        self.failed = 0
        self.failing = failing
        super().__init__(NAME, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _File:
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.steps.append(Step("delete", Path(filename).name))


class _File(apsw.VFSFile):
    def __init__(self, disk: DiaryVFS, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._disk = disk
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = Path(path or "").name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        fails = self._tells and self._fails()
        written = data[: len(data) // 2] if fails else data
        super().xWrite(written, offset)
        self._disk.steps.append(Step("write", self._name, offset, bytes(written)))
        if fails:
            raise apsw.exceptionfor(apsw.SQLITE_IOERR_WRITE)

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self._disk.steps.append(Step("write", self._name, newsize))

    def xSync(self, flags: int) -> None:
        fails = self._fails()
        if not fails:
            super().xSync(flags)
        self._disk.steps.append(Step("failed sync" if fails else "sync", self._name))
        if fails and self._tells:
            raise apsw.exceptionfor(apsw.SQLITE_IOERR_FSYNC)

    @property
    def _tells(self) -> bool:
        return self._disk.failing is None or self._disk.failing.tells

    def _fails(self) -> bool:
        failing = self._disk.failing
        fails = failing is not None and failing.rng.random() < failing.share
        self._disk.failed += fails
        return fails


def disks_after(
    steps: list[Step], before: Kept, cuts: list[int], rng: random.Random
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """(cut, one disk that it may leave behind) for each cut, which is the number of steps done; cuts ascend."""
    certain = {name: bytearray(content) for name, content in before.items()}
    pending: list[Step] = []
    done = 0
    for cut in cuts:
        for step in steps[done:cut]:
            if step.kind.endswith("sync"):
                for one in pending:
                    if one.file == step.file and (step.kind == "sync" or rng.random() < 0.5):
                        _apply(certain, one)
                pending = [one for one in pending if one.file != step.file]
            else:
                pending.append(step)
        done = cut
        yield cut, _one_of(certain, pending, rng)


def _one_of(certain: Mapping[str, bytearray], pending: list[Step], rng: random.Random) -> dict[str, bytes]:
    """Unsynced steps took place or did not, each by itself; a share is drawn first, so that all and none occur too."""
    disk = {name: bytearray(content) for name, content in certain.items()}
    share = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    torn = rng.random() < 0.5
    for step in pending:
        if rng.random() < share:
            for part in _sectors(step) if torn and step.data else (step,):
                if not torn or rng.random() < 0.7:
                    _apply(disk, part)
    return {name: bytes(content) for name, content in disk.items()}


def _sectors(step: Step) -> Iterator[Step]:
    """The same write, cut where a sector of the disk ends."""
    assert step.data is not None
    start, end = step.at, step.at + len(step.data)
    while start < end:
        stop = min(end, start - start % SECTOR + SECTOR)
        yield Step("write", step.file, start, step.data[start - step.at : stop - step.at])
        start = stop


def _apply(disk: dict[str, bytearray], step: Step) -> None:
    if step.kind == "delete":
        disk.pop(step.file, None)
        return
    content = disk.setdefault(step.file, bytearray())
    if step.data is None:
        del content[step.at :]
        return
    if len(content) < step.at:
        content.extend(bytes(step.at - len(content)))
    content[step.at : step.at + len(step.data)] = step.data
