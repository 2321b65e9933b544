"""save for PostgreSQL: all rows of a batch in one statement, which fails by itself when any guard missed.

A new row that is there already fails by its key. A part that changes rows counts them; a wrong count divides by zero.
Either way the whole statement is undone. The parts that a batch needs make up its text, so a few texts serve almost
every batch, prepared once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import asdict

from hexiao.storage.saving import earliest, slot_of
from hexiao.storage.snapshot import Changes
from hexiao.storage.texts import COLUMNS

_json = msgspec.json.Encoder().encode
_PARAMETER = re.compile(r"%\((\w+)\)s")

_PARTS: dict[str, str] = {
    "request": (
        "INSERT INTO request (id, fingerprint, answer, at)"
        " SELECT v ->> 0, decode(v ->> 1, 'base64'), decode(v ->> 2, 'base64'), %(now)s"
        " FROM json_array_elements(%(request)s::json) v"
    ),
    "code": (
        "INSERT INTO coupon_code (merchant_id, code, coupon_id) SELECT merchant_id, code, id"
        " FROM json_populate_recordset(NULL::coupon, %(new_coupon)s::json)"
    ),
    "new_coupon": ("INSERT INTO coupon SELECT * FROM json_populate_recordset(NULL::coupon, %(new_coupon)s::json)"),
    "coupon": (
        "UPDATE coupon c SET held_fen = (v ->> 2)::bigint, captured_fen = (v ->> 3)::bigint,"
        " held_uses = (v ->> 4)::integer, captured_uses = (v ->> 5)::integer, seq = (v ->> 6)::integer,"
        " voided_at = (v ->> 7)::bigint, changed_at = (v ->> 8)::bigint"
        # The array is for a plan that was made when the table was empty: probe, do not read it whole.
        " FROM json_array_elements(%(coupon)s::json) v"
        " WHERE c.id = ANY(ARRAY(SELECT (u ->> 0)::bigint FROM json_array_elements(%(coupon)s::json) u))"
        " AND c.id = (v ->> 0)::bigint AND c.seq = (v ->> 1)::integer"
    ),
    "new_redemption": (
        "INSERT INTO redemption SELECT * FROM json_populate_recordset(NULL::redemption, %(new_redemption)s::json)"
    ),
    "late": (
        "INSERT INTO tallied (shop_id, sound_until_at, seq) SELECT (v ->> 0)::bigint, (v ->> 1)::bigint, 1"
        " FROM json_array_elements(%(late)s::json) v"
        " WHERE %(earliest)s < (SELECT until_at FROM past WHERE name = 'redemption')"  # asked once, and mostly no
        " AND (v ->> 1)::bigint < (SELECT until_at FROM past WHERE name = 'redemption')"
        " ON CONFLICT (shop_id) DO UPDATE SET seq = tallied.seq + 1,"
        " sound_until_at = least(tallied.sound_until_at, excluded.sound_until_at)"
    ),
    "redemption": (
        "UPDATE redemption r SET state = v.state, captured_fen = v.captured_fen, reversed_fen = v.reversed_fen,"
        " lines = v.lines, returned = v.returned, reversals = v.reversals, captured_at = v.captured_at,"
        " settled_at = v.settled_at, changed_at = v.changed_at"
        " FROM json_populate_recordset(NULL::redemption, %(redemption)s::json) v"
        # The zeros are for a plan of PostgreSQL 15 or 16: without them it may read an index whole, for its order.
        " WHERE r.coupon_id + 0 = v.coupon_id AND r.id + 0 = v.id"
        " AND r.coupon_id = ANY(ARRAY(SELECT (u ->> 'coupon_id')::bigint"
        " FROM json_array_elements(%(redemption)s::json) u))"
    ),
    "journal": ("INSERT INTO journal SELECT * FROM json_populate_recordset(NULL::journal, %(journal)s::json)"),
    "block": (
        f"INSERT INTO block ({', '.join(COLUMNS['block'])})"
        f" VALUES ({', '.join(f'%(block_{name})s' for name in COLUMNS['block'])})"
    ),
    "refusal": (
        "INSERT INTO refusal (id, merchant_id, coupon_id, typed_code, code, shop_id, bill_number, cashier_id, at,"
        " request_id, actor, verdicts) SELECT v.id, v.merchant_id, v.coupon_id, v.typed_code, v.code, v.shop_id,"
        " v.bill_number, v.cashier_id, v.at, v.request_id, v.actor, decode(v.verdicts, 'base64')"
        " FROM json_to_recordset(%(refusal)s::json) AS v(id bigint, merchant_id bigint, coupon_id bigint,"
        " typed_code text, code text, shop_id bigint, bill_number text, cashier_id bigint, at bigint, request_id text,"
        " actor text, verdicts text)"
    ),
    "new_bill": (
        "INSERT INTO bill (merchant_id, shop_id, number, seq) SELECT (v ->> 0)::bigint, (v ->> 1)::bigint, v ->> 2, 1"
        " FROM json_array_elements(%(new_bill)s::json) v"
    ),
    "bill": (  # it is there: an insert finds it by its key, whatever the plan thinks of the table
        "INSERT INTO bill AS b (merchant_id, shop_id, number, seq)"
        " SELECT (v ->> 0)::bigint, (v ->> 1)::bigint, v ->> 2, (v ->> 3)::integer"
        " FROM json_array_elements(%(bill)s::json) v"
        " ON CONFLICT (merchant_id, shop_id, number) DO UPDATE SET seq = b.seq + 1 WHERE b.seq = excluded.seq"
    ),
    "receipt": (
        "INSERT INTO receipt_count AS k (scheme_id, member_id, received)"
        " SELECT (v ->> 0)::bigint, (v ->> 1)::bigint, (v ->> 2)::integer"
        " FROM json_array_elements(%(receipt)s::json) v"
        " ON CONFLICT (scheme_id, member_id) DO UPDATE SET received = k.received + excluded.received"
        " WHERE k.received + excluded.received <= coalesce((SELECT nullif((v ->> 3)::integer, 0)"
        " FROM json_array_elements(%(receipt)s::json) v WHERE (v ->> 0)::bigint = k.scheme_id"
        " AND (v ->> 1)::bigint = k.member_id), 2147483647)"
    ),
    "count": (
        "INSERT INTO scheme_count AS k (scheme_id, slot, issued, captured_uses, held_fen, captured_fen)"
        " SELECT (v ->> 0)::bigint, (v ->> 1)::integer, (v ->> 2)::bigint, (v ->> 3)::bigint, (v ->> 4)::bigint,"
        " (v ->> 5)::bigint FROM json_array_elements(%(count)s::json) v"
        " ON CONFLICT (scheme_id, slot) DO UPDATE SET issued = k.issued + excluded.issued,"
        " captured_uses = k.captured_uses + excluded.captured_uses, held_fen = k.held_fen + excluded.held_fen,"
        " captured_fen = k.captured_fen + excluded.captured_fen"
        " WHERE (excluded.issued <= 0 OR k.issued + excluded.issued <= coalesce((SELECT nullif((v ->> 6)::bigint, 0)"
        " FROM json_array_elements(%(count)s::json) v WHERE (v ->> 0)::bigint = k.scheme_id), 9223372036854775807))"
        " AND (excluded.held_fen + excluded.captured_fen <= 0 OR k.held_fen + k.captured_fen + excluded.held_fen"
        " + excluded.captured_fen <= coalesce((SELECT nullif((v ->> 7)::bigint, 0)"
        " FROM json_array_elements(%(count)s::json) v WHERE (v ->> 0)::bigint = k.scheme_id), 9223372036854775807))"
    ),
}
"""Part → its INSERT or UPDATE. In the order in which they run they stand in `_rows`."""
COUNTED = ("coupon", "redemption", "bill", "receipt", "count")
"""Parts that may find a row otherwise than it was read. A new row that is there already fails by its key."""


def statement(changes: Changes, now: int, node: int) -> tuple[str, list[Any]]:
    """(SQL, parameters by number) that write `changes`, or raise a division by zero when a guard missed."""
    parameters: dict[str, Any] = {"now": now}
    parts = []
    for name, part_rows in _rows(changes, node).items():
        if not part_rows:
            continue
        parts.append(name)
        parameters[f"n_{name}"] = len(part_rows)
        if name == "block":
            parameters.update((f"block_{column}", value) for column, value in asdict(part_rows[0]).items())
        elif name != "code":  # reads the coupons' own parameter
            parameters[name] = _json(part_rows).decode()
        if name == "late":
            parameters["earliest"] = min(at for _, at in part_rows)
    text, names = _text(tuple((name, _PARTS[name]) for name in parts))
    return text, [parameters[name] for name in names]


@cache  # as many texts as there are kinds of batches
def _text(parts: tuple[tuple[str, str], ...]) -> tuple[str, list[str]]:
    """(SQL, the names of its parameters), which are numbered: a driver reads a long text with names anew each time."""
    ctes = ", ".join(f"{name}_ AS ({part}{' RETURNING 1' * (name in COUNTED)})" for name, part in parts)
    counts = [f"(SELECT count(*) FROM {name}_) = %(n_{name})s" for name, _ in parts if name in COUNTED]
    text = f"WITH {ctes} SELECT 1 / ({' AND '.join(counts) or 'true'})::integer"
    names = list(dict.fromkeys(_PARAMETER.findall(text)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", text), names


def _rows(changes: Changes, node: int) -> dict[str, Sequence[Any]]:
    new_coupons = list(changes.new_coupons.values())
    bills = sorted(changes.bills.items())
    return {
        "request": [(key, r.fingerprint, r.answer) for key, r in changes.requests.items()],
        "code": new_coupons,
        "new_coupon": new_coupons,
        "coupon": [
            (
                c.id, changes.coupon_seqs[c.id], c.held_fen, c.captured_fen, c.held_uses, c.captured_uses, c.seq,
                c.voided_at, c.changed_at,
            )
            for c in (changes.coupons[key] for key in sorted(changes.coupons))
        ],
        "new_redemption": list(changes.new_redemptions.values()),
        "late": earliest(changes),
        "redemption": list(changes.redemptions.values()),
        "journal": changes.journal,
        "block": [] if changes.block is None else [changes.block],
        "refusal": changes.refusals,
        "new_bill": [key for key, seq in bills if seq == 0],
        "bill": [(*key, seq) for key, seq in bills if seq],
        "receipt": [(*key, n, limit) for key, (n, limit) in sorted(changes.receipts.items())],
        "count": [_count(key, changes, node) for key in sorted(changes.counts)],
    }  # fmt: skip


def _count(scheme_id: int, changes: Changes, node: int) -> tuple[int, ...]:
    change = changes.counts[scheme_id]
    add = change.add
    return (
        scheme_id, slot_of(change, node), add.issued, add.captured_uses, add.held_fen, add.captured_fen,
        change.total, change.budget_fen,
    )  # fmt: skip
