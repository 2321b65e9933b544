"""Types the shell blocks of a page into one shell, and compares what they print with what the page says they print.

After a ```sh block may come a ```text block: pieces of its output, in order, with … for what is left out. The page says
"exit code 1" in that block's last line where the commands end with another code than 0.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

from journeys.pages import Block
from journeys.served import Served

REST = "…"
_MARK = "=-=-= block {number} ended with {code}"
_EXIT = re.compile(r"^exit code (\d+)$", re.MULTILINE)


class Step(NamedTuple):
    """One block to type, what it prints, and how it ends."""

    line: int
    commands: str
    expected: list[str]
    code: int


class Outcome(NamedTuple):
    step: Step
    printed: str
    code: int


def steps(blocks: Sequence[Block]) -> list[Step]:
    """The shell blocks among these, each with the output that follows it."""
    found: list[Step] = []
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        if block.language == "sh":
            shown = after.text if after is not None and after.language == "text" else ""
            code = _EXIT.search(shown)
            pieces = [piece for piece in _EXIT.sub("", shown).split(REST) if piece.strip()]
            found.append(Step(block.line, block.text, pieces, int(code[1]) if code else 0))
    return found


def typed(todo: Sequence[Step], server: Served, timeout: float = 120) -> list[Outcome]:
    """All blocks in one shell, so that what one sets the next can use. Only the port is another than printed."""
    script = []
    for number, step in enumerate(todo):
        commands = step.commands.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
        script.append(f'{commands}\nprintf "\\n{_MARK.format(number=number, code="%s")}\\n" "$?"')
    done = subprocess.run(
        ["sh", "-c", "exec 2>&1\n" + "\n".join(script)],
        cwd=server.folder, env=server.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip
    printed, outcomes = done.stdout, []
    for number, step in enumerate(todo):
        here, mark, printed = printed.partition(_MARK.format(number=number, code=""))
        assert mark, f"line {step.line}: the shell ended before this block did:\n{here}\n{done.stderr}"
        code, _, printed = printed.partition("\n")
        outcomes.append(Outcome(step, here, int(code)))
    return outcomes


def check(outcome: Outcome) -> None:
    """Asserts that a block ended and printed as the page says."""
    step, rest = outcome.step, outcome.printed
    assert outcome.code == step.code, f"line {step.line} ended with {outcome.code}:\n{outcome.printed}"
    for piece in step.expected:
        found = _pattern(piece).search(rest)
        assert found, f"line {step.line}: {piece!r} is not in what is left of the output:\n{rest}"
        rest = rest[found.end() :]


def _pattern(piece: str) -> re.Pattern[str]:
    """Any spaces for spaces: how many there are is the terminal's choice. A space at an end is the end of a word."""
    words = r"\s+".join(re.escape(word) for word in piece.split())
    before = r"(?<!\S)" if piece[0].isspace() else ""
    after = r"(?!\S)" if piece[-1].isspace() else ""
    return re.compile(before + words + after)
