"""/, /docs, /live and /ready: readable without a key, without a script, and under a strict policy."""

from __future__ import annotations

import re
import shutil
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from hexiao.config import Settings
from hexiao.domain.errors import Code
from hexiao.engine.committer import Engine
from hexiao.web.api import OPERATIONS
from hexiao.web.app import build
from hexiao.web.docs_page import anchor
from hexiao.web.html import Html, tag
from hexiao.wiring import open_engine
from web.conftest import Api

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """Checks that every element is closed in order; collects ids, links and element names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(name)
        for key, value in attributes:
            assert not key.startswith("on") and key != "style" and key != "src"
            if key == "id":
                self.ids.append(value or "")
            if key == "href":
                self.links.append(value or "")
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_is_sound_html_without_script_under_a_strict_policy(api: Api, path: str) -> None:
    answer = api.get(path, role=None)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    parsed = Page(answer.text)
    assert not parsed.names & {"script", "img", "iframe", "form", "link", "object"}
    assert len(set(parsed.ids)) == len(parsed.ids)
    assert {link[1:] for link in parsed.links if link.startswith("#") and link != "#"} <= set(parsed.ids)
    assert all(link.startswith(("#", "/")) for link in parsed.links)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_docs_show_every_operation_and_every_code_in_both_languages(api: Api) -> None:
    parsed = Page(api.get("/docs", role=None).text)
    assert {anchor(one.method.lower(), one.path) for one in OPERATIONS} <= set(parsed.ids)
    assert {code.value for code in Code} <= set(parsed.ids)
    text = api.get("/docs", role=None).text
    assert all(one.zh in text and one.path in text for one in OPERATIONS)
    assert all(code.zh in text for code in Code)


def test_the_type_of_a_problem_leads_to_its_code(api: Api) -> None:
    problem = api.get("/v1/nothing").json
    path, _, fragment = problem["type"].partition("#")
    assert fragment in Page(api.get(path, role=None).text).ids


def test_the_first_page_shows_the_demo_requests_escaped_and_only_in_the_demo(api: Api, engine: Engine) -> None:
    request = ("核销一张券 <b>", "curl 'http://127.0.0.1:8080/v1' -d '{\"a\": \"<script>\"}' && echo")
    demo = type(api)(build(engine, demo_requests=(request,)))
    text = demo.get("/", role=None).text
    assert "&lt;script&gt;" in text and "&amp;&amp; echo" in text and "核销一张券 &lt;b&gt;" in text
    Page(text)
    plain = api.get("/", role=None).text
    assert "curl" not in plain
    assert 'href="/docs"' in plain


def test_what_is_put_into_html_is_escaped() -> None:
    assert tag("p", "<x>", Html("<b></b>"), title='"&') == '<p title="&quot;&amp;">&lt;x&gt;<b></b></p>'


def test_live_and_ready(api: Api) -> None:
    assert (api.get("/live", role=None).status_code, api.get("/live", role=None).json) == (200, {"live": True})
    assert (api.get("/ready", role=None).status_code, api.get("/ready", role=None).json) == (200, {"ready": True})


def test_not_ready_while_the_database_does_not_answer(api: Api, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "broken.db"
    shutil.copy(settings.sqlite_path, path)
    engine = open_engine(msgspec.structs.replace(settings, database=f"sqlite:///{path}"))
    broken = type(api)(build(engine))
    path.write_bytes(b"nothing of a database" * 1000)
    answer = broken.get("/ready", role=None)
    assert (answer.status_code, answer.json) == (503, {"ready": False})
    assert answer.headers["retry-after"] == "1"
    assert broken.get("/live", role=None).status_code == 200
    engine.close()


def test_answers_of_the_api_are_kept_by_nobody(api: Api) -> None:
    for answer in (api.get("/v1/schemes"), api.get("/v1/nothing"), api.get("/v1/schemes", role=None)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
