"""What the tills were told, against what the tables say. Finds what was lost, doubled or made up; mends nothing."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faults.client import Answer, Request
from faults.shop import FaultShop, request_id

STATES = {"held": 1, "captured": 2, "released": 3, "reversed": 5}
ENTRY = {"redeem": "capture", "hold": "hold", "capture": "capture", "release": "release", "reverse": "reverse"}


def kind_of(request: Request) -> str:
    """redeem or hold; capture, release or reverse."""
    return str(request.body["mode"]) if "mode" in request.body else request.path.rpartition("/")[2]


def redemption_of(answer: Answer) -> dict[str, Any]:
    """The one redemption of a successful answer."""
    return answer.body["redemptions"][0] if "redemptions" in answer.body else answer.body


class Tables:
    """What the database holds at one moment, by request."""

    def __init__(self, shop: FaultShop) -> None:
        self.redemptions: dict[str, list[str]] = defaultdict(list)
        self.states: dict[str, int] = {}
        self.moves: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for row in shop.rows("SELECT id, request_id, state FROM redemption"):
            self.redemptions[row["request_id"]].append(str(row["id"]))
            self.states[str(row["id"])] = row["state"]
        for row in shop.rows("SELECT request_id, entry, redemption_id FROM journal WHERE redemption_id IS NOT NULL"):
            self.moves[row["request_id"]].append((row["entry"], str(row["redemption_id"])))
        self.remembered = {row["id"] for row in shop.rows("SELECT id FROM request")}


class Book:
    """Everything asked, and every whole answer, over all rounds."""

    def __init__(self) -> None:
        self.asked: dict[str, Request] = {}
        self.answers: dict[str, Answer] = {}
        self._read: dict[Path, int] = defaultdict(int)

    def read(self, papers: Sequence[Path]) -> None:
        """Take in what the tills have written since the last time."""
        for paper in papers:
            with paper.open("rb") as lines:
                lines.seek(self._read[paper])
                for line in lines:
                    note = json.loads(line)
                    if "asked" in note:
                        request = Request(*note["asked"])
                        self.asked[request.key] = request
                    else:
                        self.hear(note["answered"], Answer(*note["answer"]))
                self._read[paper] = lines.tell()

    def hear(self, key: str, answer: Answer) -> None:
        if answer.status != 503:  # says itself that the outcome is unknown
            self.answers[key] = answer

    def unknown(self) -> list[Request]:
        return [request for key, request in self.asked.items() if key not in self.answers]

    def held(self) -> list[str]:
        """Redemptions that were acknowledged as held and never moved on."""
        return [one for one, state in self._expected_states().items() if state == STATES["held"]]

    def acknowledged(self) -> list[str]:
        return [key for key, answer in self.answers.items() if answer.status < 300]

    def lost_or_doubled(self, tables: Tables) -> list[str]:
        """Acknowledged requests that are not in the tables exactly once, under the id that was answered."""
        faults = []
        for key in self.acknowledged():
            kind, redemption = kind_of(self.asked[key]), redemption_of(self.answers[key])
            found = tables.redemptions.get(request_id(key), [])
            if kind in ("redeem", "hold") and found != [redemption["id"]]:
                faults.append(f"{kind} {key} was answered with {redemption['id']}, the table has {found}")
            moves = tables.moves.get(request_id(key), [])
            if moves != [(ENTRY[kind], redemption["id"])]:
                faults.append(f"{kind} {key} was answered with {redemption['id']}, the journal has {moves}")
        return faults

    def differences(self, tables: Tables) -> list[str]:
        """With nothing unknown any more: the tables hold what was acknowledged, and nothing else."""
        assert not self.unknown()
        faults = self.lost_or_doubled(tables)
        acknowledged = {request_id(key) for key in self.acknowledged()}
        faults += [
            f"{one} has a redemption and was never acknowledged" for one in set(tables.redemptions) - acknowledged
        ]
        faults += [f"{one} has a journal row and was never acknowledged" for one in set(tables.moves) - acknowledged]
        faults += [
            f"redemption {one} should be in state {state} and is in {tables.states.get(one)}"
            for one, state in self._expected_states().items()
            if tables.states.get(one) != state
        ]
        return faults + self.odd_answers()

    def odd_answers(self) -> list[str]:
        """What no till should ever hear, whatever breaks under the server."""
        odd = {answer.status for answer in self.answers.values()} - {200, 201, 409}
        return [f"a till was answered with {status}" for status in sorted(odd)]

    def _expected_states(self) -> dict[str, int]:
        """The furthest state that was acknowledged of each redemption; states of one only ever grow."""
        expected: dict[str, int] = {}
        for key in self.acknowledged():
            redemption = redemption_of(self.answers[key])
            state = STATES[redemption["state"]]
            expected[redemption["id"]] = max(state, expected.get(redemption["id"], 0))
        return expected
