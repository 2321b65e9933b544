"""The tours in README.md and README.zh-CN.md: each command works as printed beside a running demo, and prints that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hexiao.demo import demo_requests
from journeys import served, shell
from journeys.pages import ROOT, Page

TOURS = {"README.md": "A tour of 60 seconds", "README.zh-CN.md": "60 秒体验"}
PAGES = {name: Page(ROOT / name) for name in TOURS}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    served.make_demo(folder)
    return folder


@pytest.fixture(params=list(TOURS))
def tour(request: pytest.FixtureRequest) -> list[shell.Step]:
    return shell.steps(PAGES[request.param].under(TOURS[request.param]))


@pytest.fixture
def server(demo: Path, tmp_path: Path) -> Iterator[served.Served]:
    """`make serve` without make: the demo with its default database, in a folder of its own."""
    served.copy_data(demo, tmp_path)
    with served.served(tmp_path, "--demo") as running:
        yield running


def test_every_command_of_the_tour_prints_what_it_says(tour: list[shell.Step], server: served.Served) -> None:
    outcomes = shell.typed(tour, server)
    assert len(outcomes) >= 7
    for outcome in outcomes:
        shell.check(outcome)


def test_the_tours_make_the_same_steps() -> None:
    english, chinese = (shell.steps(PAGES[name].under(heading)) for name, heading in TOURS.items())
    assert [step.commands for step in chinese] == [step.commands for step in english]
    assert [step.expected for step in chinese] == [step.expected for step in english]


def test_the_tour_shows_the_requests_that_the_demo_prints(tour: list[shell.Step]) -> None:
    shown = "\n".join(step.commands for step in tour)
    ours, kingdee, zvcms = (text for _, text in demo_requests())
    assert ours in shown
    for printed in (kingdee, zvcms):
        ending = printed.rpartition("keys sign")[2]  # the path of the program is that of the machine
        assert f"hexiao keys sign{ending}" in shown


def test_both_readmes_start_with_the_two_commands() -> None:
    for page in PAGES.values():
        assert [block.text for block in page.blocks][0] == "make serve\nmake test"
