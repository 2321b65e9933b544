"""One demo for all journeys: made once, served by a real `hexiao serve --demo` for each page that is followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys import served
from journeys.doors import Doors


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("journeys")
    made = served.run(folder, "demo")
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def doors(demo_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """The three doors of a demo that nobody has used yet."""
    folder = tmp_path_factory.mktemp("served")
    served.copy_data(demo_data, folder)
    with served.served(folder, "--demo") as server, Doors(server) as opened:
        yield opened
