"""The tour in README.md: each command works as printed beside a running demo, and prints what the page says.

README.zh-CN.md has the very same commands, so one of the two is typed.
"""

from __future__ import annotations

from pathlib import Path

from hexiao.demo import demo_requests
from journeys import served, shell
from journeys.pages import ROOT, Page

ENGLISH, CHINESE = Page(ROOT / "README.md"), Page(ROOT / "README.zh-CN.md")
TOUR = shell.steps(ENGLISH.under("A tour of 60 seconds"))


def test_every_command_of_the_tour_prints_what_it_says(tmp_path: Path) -> None:
    assert len(TOUR) == 7
    with served.served(tmp_path, "--demo") as server:
        for outcome in shell.typed(TOUR, server):
            shell.check(outcome)


def test_both_tours_make_the_same_steps() -> None:
    chinese = shell.steps(CHINESE.under("60 秒体验"))
    assert [step._replace(line=0) for step in chinese] == [step._replace(line=0) for step in TOUR]


def test_the_tour_has_the_requests_that_the_demo_prints() -> None:
    shown = "\n".join(step.commands for step in TOUR)
    ours, kingdee, zvcms = (text for _, text in demo_requests())
    assert ours in shown
    for printed in (kingdee, zvcms):
        request = printed.rpartition("keys sign")[2]  # where the program lies is that machine's
        assert f"hexiao keys sign{request}" in shown


def test_both_begin_with_the_two_commands() -> None:
    assert [page.blocks[0].text for page in (ENGLISH, CHINESE)] == ["make serve\nmake test"] * 2
