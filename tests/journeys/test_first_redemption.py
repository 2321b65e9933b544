"""docs/build/first-redemption.md, typed into a shell beside a server with an empty database."""

from __future__ import annotations

from pathlib import Path

from journeys import served, shell
from journeys.pages import ROOT, Page

PAGE = Page(ROOT / "docs" / "build" / "first-redemption.md")


def test_every_command_prints_what_the_page_says(tmp_path: Path) -> None:
    first, *others = shell.steps(PAGE.blocks)
    assert first.commands == "hexiao migrate"
    assert served.run(tmp_path, "migrate").returncode == 0
    with served.served(tmp_path) as server:
        for outcome in shell.typed(others, server):
            shell.check(outcome)
