"""A bar chart of a result as SVG, made by hand: a bar for each figure, a whisker for the rounds, a line for the goal.

Each bar has a scale of its own, so that figures of different units stand side by side; the goal is the yard's mark.
"""

from __future__ import annotations

from html import escape

from benchmarks.result import Finding, Result, goal, number

WIDTH, LEFT, RIGHT, ROW, TOP, BOTTOM = 860, 330, 110, 34, 58, 30
REACHED, MISSED, OPEN, GOAL, TEXT, QUIET = "#2e7d4f", "#b5542c", "#3f6fa8", "#222222", "#1b1f24", "#667079"


def draw(result: Result) -> str:
    height = TOP + ROW * len(result.findings) + BOTTOM
    machine = result.machine
    shape = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {shape} font-family="system-ui, sans-serif" role="img">',
        f"<title>{escape(result.title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 24, f"{result.id.upper()} {result.title}", size=16, weight="600"),
        _text(16, 43, result.how, size=11, fill=QUIET),
    ]
    for index, finding in enumerate(result.findings):
        parts += _bar(finding, TOP + ROW * index)
    foot = f"{machine.date} · {machine.commit} · {machine.cores} cores · {result.pairs} rounds of {result.seconds:g} s"
    parts += [_text(16, height - 10, f"{foot} · line = goal, whisker = least to most", size=10, fill=QUIET), "</svg>"]
    return "\n".join(parts) + "\n"


def _bar(finding: Finding, y: float) -> list[str]:
    room = WIDTH - LEFT - RIGHT
    whole = max(finding.high, finding.median, finding.goal or 0) * 1.05 or 1

    def at(value: float) -> float:
        return LEFT + room * value / whole

    colour = {None: OPEN, True: REACHED, False: MISSED}[finding.reached]
    middle, width = y + ROW / 2, at(finding.median) - LEFT
    parts = [
        _text(LEFT - 10, middle + 4, finding.what, size=12, anchor="end"),
        f'<rect x="{LEFT}" y="{y + 8:.1f}" width="{width:.1f}" height="{ROW - 16}" fill="{colour}"/>',
        f'<path d="M{at(finding.low):.1f} {middle:.1f}H{at(finding.high):.1f}" stroke="#ffffff" stroke-width="3"/>',
        f'<path d="M{at(finding.low):.1f} {middle:.1f}H{at(finding.high):.1f}" stroke="{TEXT}" stroke-width="1.2"/>',
        _text(WIDTH - RIGHT + 8, middle, number(finding.median, finding), size=12, weight="600"),
    ]
    if finding.goal is not None:
        x = at(finding.goal)
        parts.append(f'<path d="M{x:.1f} {y + 3:.1f}V{y + ROW - 3:.1f}" stroke="{GOAL}" stroke-width="2"/>')
        parts.append(_text(WIDTH - RIGHT + 8, middle + 13, f"goal {goal(finding)}", size=10, fill=QUIET))
    return parts


def _text(
    x: float, y: float, text: str, *, size: int, fill: str = TEXT, weight: str = "400", anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{fill}">{escape(text)}</text>'
    )
