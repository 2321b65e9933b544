"""A file that a command makes, when somebody else makes one of the same name at the same time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hexiao.cli import newfile
from hexiao.cli.exits import Exit, Stop
from hexiao.cli.newfile import demand_new, published

from .database_files import files


class TestPublished:
    def test_is_there_under_its_name_and_no_other(self, tmp_path: Path) -> None:
        publish(tmp_path / "new", "ours")
        assert files(tmp_path) == {"new"}
        assert (tmp_path / "new").read_text() == "ours"

    def test_never_takes_the_place_of_one_that_appeared_in_the_last_moment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "new").write_text("theirs")
        monkeypatch.setattr(newfile, "demand_new", lambda file: None)  # it looked a moment too early
        with pytest.raises(Stop) as refused:
            publish(tmp_path / "new", "ours")
        assert refused.value.code == Exit.REFUSED
        assert files(tmp_path) == {"new"}
        assert (tmp_path / "new").read_text() == "theirs"

    def test_does_without_links_where_the_file_system_has_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def none_here(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", none_here)
        publish(tmp_path / "new", "ours")
        with pytest.raises(Stop):
            publish(tmp_path / "new", "other")
        assert files(tmp_path) == {"new"}
        assert (tmp_path / "new").read_text() == "ours"

    def test_is_not_put_in_the_place_of_a_link_that_leads_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "new").symlink_to(tmp_path / "nowhere")
        with pytest.raises(Stop):
            demand_new(tmp_path / "new")


def publish(file: Path, text: str) -> None:
    with published(file) as unfinished:
        unfinished.write_text(text)
