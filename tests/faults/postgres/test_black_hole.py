"""A server that can no longer be reached, and whose network says nothing: a line to it is given up within seconds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from faults.processes import search_path

GIVEN_UP_SECONDS_MAX = 20.0
WORLD = ["unshare", "--net"]


def may_make_worlds() -> bool:
    tools = shutil.which("unshare") and shutil.which("ip")
    return bool(tools) and subprocess.run([*WORLD, "ip", "link"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_make_worlds(), reason="needs root, unshare and ip to make a network that can be cut")
def test_a_server_that_fell_silent_is_given_up_within_seconds_and_without_our_settings_is_not() -> None:
    """The last two are the control: a line as it is by default waits for a quarter of an hour, or for ever."""
    done = subprocess.run(
        [*WORLD, sys.executable, "-m", "faults.postgres.black_hole"],
        env={**os.environ, "PYTHONPATH": search_path()}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    waited = json.loads(done.stdout)
    print({name: seconds and round(seconds, 1) for name, seconds in waited.items()})
    assert waited["question sent"] < GIVEN_UP_SECONDS_MAX
    assert waited["answer awaited"] < GIVEN_UP_SECONDS_MAX
    assert waited["question sent, without"] is None
    assert waited["answer awaited, without"] is None
