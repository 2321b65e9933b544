"""A disk of a few megabytes that can be filled up, and grows when somebody makes room. Needs the right to mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ATTEMPTS_MAX = 20


class SmallDisk:
    """A tmpfs, mounted on `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def leave(self, kib: int) -> None:
        """So much is free from now on, and no more."""
        for _ in range(ATTEMPTS_MAX):
            state = os.statvfs(self.folder)
            used_kib = (state.f_blocks - state.f_bfree) * state.f_frsize // 1024
            mount = ["mount", "-o", f"remount,size={used_kib + kib}k", str(self.folder)]
            done = subprocess.run(mount, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
            # Whoever writes to it may have used more than that by now.
        raise AssertionError(f"the disk fills faster than it is made small: {done.stderr.strip()}")


@contextmanager
def a_small_disk(kib: int) -> Iterator[SmallDisk]:
    """Skips the test where nobody may mount."""
    with TemporaryDirectory(prefix="hexiao-disk-") as place:
        Path(place).chmod(0o755)  # PostgreSQL comes by as another user
        folder = Path(place) / "disk"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=0755", "tmpfs", str(folder)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
