"""Plain HTML from the server: everything is escaped unless it is markup already. No script, nothing from elsewhere.

One style sheet stands inside the page; the content security policy allows exactly that text and nothing else.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | bool) -> Html:
    """An element. `class_` is the attribute class; an attribute that is True stands alone."""
    shown = "".join(_attribute(key.rstrip("_"), value) for key, value in attributes.items() if value is not False)
    inside = "".join(_markup(child) for child in children)
    return Html(f"<{name}{shown}>{inside}</{name}>")


def join(*parts: str) -> Html:
    return Html("".join(_markup(part) for part in parts))


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Html:
    return tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head))),
            tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows)),
        ),
        class_="wide",
    )


def prose(text: str) -> Html:
    """A sentence with `names` in it."""
    parts = text.split("`")
    return join(*(tag("code", part) if number % 2 else part for number, part in enumerate(parts)))


def page(title: str, *body: str) -> bytes:
    """A whole document."""
    head = join(
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', *body), lang='zh-CN')}\n".encode()


def _attribute(name: str, value: str | bool) -> str:
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _markup(child: str) -> str:
    return child if isinstance(child, Html) else escape(child)


STYLE = """\
:root{--ink:#1c2024;--soft:#5c6670;--paper:#fbfaf7;--card:#fff;--line:#e2dfd7;--seal:#a8321f;--get:#1f6f54;--code:#f3f1ea}
@media(prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#a0a7ae;--paper:#16181a;--card:#1e2124;--line:#33373b;
--seal:#f08a72;--get:#6fc7a5;--code:#26292d}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,"PingFang SC","Microsoft YaHei",
"Noto Sans CJK SC",sans-serif}
a{color:inherit;text-decoration-color:var(--seal);text-underline-offset:.2em}
a:focus-visible,summary:focus-visible{outline:3px solid var(--seal);outline-offset:2px}
h1{font-size:1.9rem;line-height:1.25;margin:0 0 .5rem}h1 b{color:var(--seal)}
h2{font-size:1.35rem;margin:3rem 0 .5rem;padding-top:.5rem;border-top:2px solid var(--line)}
h3{font-size:1rem;margin:1.5rem 0 .4rem}
p{margin:.4rem 0;max-width:48rem}.soft{color:var(--soft)}.pre{white-space:pre-line}
code,pre{font:.86em/1.55 ui-monospace,"Cascadia Mono","SF Mono",Menlo,Consolas,monospace}
code{background:var(--code);padding:.08em .3em;border-radius:4px;overflow-wrap:anywhere}
pre{background:var(--code);padding:.9rem 1rem;border-radius:8px;overflow-x:auto;margin:.5rem 0}
pre code{background:none;padding:0}
.narrow{max-width:56rem;margin:0 auto;padding:3.5rem 1.25rem 5rem}
.shell{display:grid;grid-template-columns:17rem minmax(0,1fr);max-width:84rem;margin:0 auto}
.shell>nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:1.75rem 1rem 3rem 1.25rem;
border-right:1px solid var(--line);font-size:.9rem}
.shell>nav ul{list-style:none;margin:.1rem 0 .8rem;padding:0 0 0 .75rem}
.shell>nav a{display:block;padding:.12rem 0;text-decoration:none}.shell>nav small{color:var(--soft);margin-left:.5em}
.shell>nav a:hover{text-decoration:underline}
.shell>main{padding:2rem 2rem 6rem;min-width:0}
details{background:var(--card);border:1px solid var(--line);border-radius:10px;margin:.6rem 0}
summary{cursor:pointer;padding:.65rem 1rem;display:flex;flex-wrap:wrap;gap:.3rem .8rem;align-items:baseline}
summary code{background:none;padding:0;font-weight:600}
details>div{padding:.2rem 1.1rem 1.1rem;border-top:1px solid var(--line)}
details>div{scroll-margin-top:4rem}
.method{font:700 .78rem/1 ui-monospace,monospace;width:2.9rem;color:var(--seal)}.method.get{color:var(--get)}
.wide{overflow-x:auto}td code{white-space:nowrap}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.4rem .7rem .4rem 0;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--soft);white-space:nowrap}
tr:target,section:target h3{background:color-mix(in srgb,var(--seal) 12%,transparent)}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));margin:1.5rem 0}
.cards>*{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem 1.1rem}
@media(max-width:56rem){.wide table{min-width:36rem}
.shell{display:block}.shell>nav{position:static;height:auto;border:0;padding-bottom:0}
.shell>nav ul{display:none}.shell>nav>a{display:inline-block;margin-right:.8rem}
.shell>main{padding:1rem 1.25rem 4rem}}
@media print{.shell{display:block}.shell>nav{display:none}}
"""

POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What a page may load: its own style, and nothing else."""
