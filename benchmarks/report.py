"""What a benchmark leaves: a table on the screen, a JSON file, a picture, and its place in the docs filled.

Only published results reach the docs; a page without clean results stays empty there.
"""

from __future__ import annotations

import re
import statistics
import sys
from pathlib import Path

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks import picture
from benchmarks.form import ROOT, Form
from benchmarks.result import Result, goal, number

PAGE = ROOT / "docs" / "operate" / "performance.md"
PICTURES = ROOT / "docs" / "operate" / "pictures"
COLUMNS = ("leg", "a second", "mean ms", "p50 ms", "p99 ms", "max ms", "CPU µs each", "memory MiB")
PIPE_WIDTH = 160

console = Console(stderr=True, highlight=False)


def stdout() -> Console:
    """A pipe has no width to wrap at."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def tell(result: Result, form: Form) -> None:
    """Show it, write it, and publish it when the form says so."""
    shown = Table(title=f"{result.id.upper()} {result.title}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("figure", "median", "least", "most", "goal", ""):
        shown.add_column(name, justify="left" if name == "figure" else "right")
    for one in result.findings:
        mark = {None: "", True: "[green]✓[/]", False: "[red]✗[/]"}[one.reached]
        shown.add_row(one.what, number(one.median, one), number(one.low, one), number(one.high, one), goal(one), mark)
    out = stdout()
    out.print(shown)
    legs = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in COLUMNS:
        legs.add_column(name, justify="left" if name == "leg" else "right")
    for row in _leg_rows(result):
        legs.add_row(*row)
    out.print(legs)
    for note in result.notes:
        out.print(f"  {note}")
    write(result, form)


def write(result: Result, form: Form) -> None:
    form.results.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(result), indent=1)
    (form.results / f"{result.id}.json").write_bytes(text + b"\n")
    folder = PICTURES if form.publish else form.results
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{result.id}.svg").write_text(picture.draw(result), "utf-8")
    if form.publish:
        publish(result, PAGE)
    console.print(f"[dim]{form.results / (result.id + '.json')}, {folder / (result.id + '.svg')}[/]")


def publish(result: Result, page: Path) -> None:
    """Fill what stands between the markers of this benchmark."""
    begin, end = f"<!-- {result.id}: begin -->", f"<!-- {result.id}: end -->"
    text = page.read_text("utf-8")
    if begin not in text or end not in text:
        raise SystemExit(f"{page} has no place for {result.id}: {begin} … {end}")
    filled = f"{begin}\n{_markdown(result)}{end}"
    page.write_text(re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: filled, text, flags=re.DOTALL), "utf-8")


def _leg_rows(result: Result) -> list[tuple[str, ...]]:
    def cell(values: list[float | None], form: str = ".1f") -> str:
        known = [value for value in values if value is not None]
        return f"{statistics.median(known):{form}}" if known else ""

    rows: list[tuple[str, ...]] = []
    for name, all_rounds in result.legs.items():
        names = sorted({who for one in all_rounds for who in one.cpu_us})
        cpu = ", ".join(f"{who} {cell([one.cpu_us.get(who) for one in all_rounds], '.0f')}" for who in names)
        rows.append(
            (
                name, _rate([one.rate for one in all_rounds]), cell([one.mean_ms for one in all_rounds], ".2f"),
                cell([one.p50_ms for one in all_rounds], ".2f"), cell([one.p99_ms for one in all_rounds], ".2f"),
                cell([one.max_ms for one in all_rounds]), cpu, cell([one.memory_mib for one in all_rounds], ".0f"),
            )
        )  # fmt: skip
    return rows


def _rate(rates: list[float]) -> str:
    rate = statistics.median(rates)
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2f}"


def _markdown(result: Result) -> str:
    machine = result.machine
    lines = [
        f"![{result.title}](pictures/{result.id}.svg)",
        "",
        "| figure | median | least … most | goal | |",
        "| --- | ---: | ---: | ---: | --- |",
    ]
    for one in result.findings:
        mark = {None: "", True: "reached", False: "**not reached**"}[one.reached]
        spread = f"{number(one.low, one)} … {number(one.high, one)}"
        lines.append(f"| {one.what} | {number(one.median, one)} | {spread} | {goal(one)} | {mark} |")
    lines += ["", "| " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * (len(COLUMNS) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in _leg_rows(result)]
    lines += ["", *(f"{note}  " for note in result.notes)]
    lines.append(
        f"{result.pairs} rounds, {result.seconds:g} s a leg, {result.coupons:,} coupons. {machine.date}, commit "
        f"`{machine.commit}`, {machine.cores} cores ({machine.processor}), {machine.memory_mib:,} MiB, "
        f"{machine.file_system}, a sync takes {machine.sync_ms:g} ms, load before {machine.load_before:g}; "
        f"Python {machine.python}, PostgreSQL {machine.postgres or '–'}, SQLite {machine.sqlite}."
    )
    return "\n".join(lines) + "\n"
