"""save for PostgreSQL: all rows of a batch in one statement, which fails by itself when any guard missed.

A new row that is there already fails by its key. A part that changes rows counts them; a wrong count divides by zero.
Either way the whole statement is undone. The parts that a batch needs make up its text, so a few texts serve almost
every batch, prepared once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import asdict, astuple

from hexiao.storage.postgres_arrays import Columns
from hexiao.storage.postgres_queries import numbered
from hexiao.storage.saving import earliest, slot_of
from hexiao.storage.snapshot import Changes
from hexiao.storage.texts import COLUMNS

_json = msgspec.json.Encoder().encode
_COLUMNS: dict[str, Columns] = {
    part: Columns(part, names)
    for part, names in {
        "request": ("request_id", "fingerprint", "answer"),
        "new_coupon": COLUMNS["coupon"],
        "coupon": (
            "id", "read_seq", "held_fen", "captured_fen", "held_uses", "captured_uses", "seq", "voided_at",
            "changed_at",
        ),
        "new_redemption": COLUMNS["redemption"],
        "redemption": (
            "coupon_id", "id", "state", "captured_fen", "reversed_fen", "lines", "returned", "reversals", "captured_at",
            "settled_at", "changed_at",
        ),
        "journal": COLUMNS["journal"],
        "new_bill": ("merchant_id", "shop_id", "number"),
        "bill": ("merchant_id", "shop_id", "number", "seq"),
    }.items()
}  # fmt: skip
"""Parts of which a batch has many rows: each column is an array of its own, `:part_column`. The others are JSON, one
parameter each."""
_SETTLED = attrgetter(*_COLUMNS["redemption"].names)
_IN_TABLE = {"redemption": ("coupon_id", "id", *COLUMNS["redemption"][2:])}
"""Where columns lie in another order than the fields of their struct."""


def _given(part: str) -> str:
    """SELECT of the rows of a part."""
    return _COLUMNS[part].sql()


def _insert(part: str, table: str) -> str:
    order = _IN_TABLE.get(table, _COLUMNS[part].names)
    return f"INSERT INTO {table} ({', '.join(order)}) {_COLUMNS[part].sql(order)}"


_PARTS: dict[str, str] = {
    "request": f"INSERT INTO request (id, fingerprint, answer, at) {_given('request')}, :now",
    "code": (
        "INSERT INTO coupon_code (merchant_id, code, coupon_id)"
        f" {_COLUMNS['new_coupon'].sql(('merchant_id', 'code', 'id'))}"
    ),
    "new_coupon": _insert("new_coupon", "coupon"),
    "coupon": (
        "UPDATE coupon c SET held_fen = v.held_fen, captured_fen = v.captured_fen, held_uses = v.held_uses,"
        " captured_uses = v.captured_uses, seq = v.seq, voided_at = v.voided_at, changed_at = v.changed_at"
        f" FROM ({_given('coupon')}) v"
        # The array is for a plan that was made when the table was empty: probe, do not read it whole.
        " WHERE c.id = ANY(:coupon_id::bigint[]) AND c.id = v.id AND c.seq = v.read_seq"
    ),
    "new_redemption": _insert("new_redemption", "redemption"),
    "late": (
        "INSERT INTO tallied (shop_id, sound_until_at, seq) SELECT (v ->> 0)::bigint, (v ->> 1)::bigint, 1"
        " FROM json_array_elements(:late::json) v"
        " WHERE :earliest < (SELECT until_at FROM past WHERE name = 'redemption')"  # asked once, and mostly no
        " AND (v ->> 1)::bigint < (SELECT until_at FROM past WHERE name = 'redemption')"
        " ON CONFLICT (shop_id) DO UPDATE SET seq = tallied.seq + 1,"
        " sound_until_at = least(tallied.sound_until_at, excluded.sound_until_at)"
    ),
    "redemption": (
        "UPDATE redemption r SET state = v.state, captured_fen = v.captured_fen, reversed_fen = v.reversed_fen,"
        " lines = v.lines, returned = v.returned, reversals = v.reversals, captured_at = v.captured_at,"
        " settled_at = v.settled_at, changed_at = v.changed_at"
        f" FROM ({_given('redemption')}) v"
        # The zeros are for a plan of PostgreSQL 15 or 16: without them it may read an index whole, for its order.
        " WHERE r.coupon_id + 0 = v.coupon_id AND r.id + 0 = v.id"
        " AND r.coupon_id = ANY(:redemption_coupon_id::bigint[])"
    ),
    "journal": _insert("journal", "journal"),
    "block": (
        f"INSERT INTO block ({', '.join(COLUMNS['block'])})"
        f" VALUES ({', '.join(f':block_{name}' for name in COLUMNS['block'])})"
    ),
    "refusal": (
        "INSERT INTO refusal (id, merchant_id, coupon_id, typed_code, code, shop_id, bill_number, cashier_id, at,"
        " request_id, actor, verdicts) SELECT v.id, v.merchant_id, v.coupon_id, v.typed_code, v.code, v.shop_id,"
        " v.bill_number, v.cashier_id, v.at, v.request_id, v.actor, decode(v.verdicts, 'base64')"
        " FROM json_to_recordset(:refusal::json) AS v(id bigint, merchant_id bigint, coupon_id bigint,"
        " typed_code text, code text, shop_id bigint, bill_number text, cashier_id bigint, at bigint, request_id text,"
        " actor text, verdicts text)"
    ),
    "new_bill": f"INSERT INTO bill (merchant_id, shop_id, number, seq) {_given('new_bill')}, 1",
    "bill": (  # it is there: an insert finds it by its key, whatever the plan thinks of the table
        f"INSERT INTO bill AS b (merchant_id, shop_id, number, seq) {_given('bill')}"
        " ON CONFLICT (merchant_id, shop_id, number) DO UPDATE SET seq = b.seq + 1 WHERE b.seq = excluded.seq"
    ),
    "receipt": (
        "INSERT INTO receipt_count AS k (scheme_id, member_id, received)"
        " SELECT (v ->> 0)::bigint, (v ->> 1)::bigint, (v ->> 2)::integer"
        " FROM json_array_elements(:receipt::json) v"
        " ON CONFLICT (scheme_id, member_id) DO UPDATE SET received = k.received + excluded.received"
        " WHERE k.received + excluded.received <= coalesce((SELECT nullif((v ->> 3)::integer, 0)"
        " FROM json_array_elements(:receipt::json) v WHERE (v ->> 0)::bigint = k.scheme_id"
        " AND (v ->> 1)::bigint = k.member_id), 2147483647)"
    ),
    "count": (
        "INSERT INTO scheme_count AS k (scheme_id, slot, issued, captured_uses, held_fen, captured_fen)"
        " SELECT (v ->> 0)::bigint, (v ->> 1)::integer, (v ->> 2)::bigint, (v ->> 3)::bigint, (v ->> 4)::bigint,"
        " (v ->> 5)::bigint FROM json_array_elements(:count::json) v"
        " ON CONFLICT (scheme_id, slot) DO UPDATE SET issued = k.issued + excluded.issued,"
        " captured_uses = k.captured_uses + excluded.captured_uses, held_fen = k.held_fen + excluded.held_fen,"
        " captured_fen = k.captured_fen + excluded.captured_fen"
        " WHERE k.issued + excluded.issued <= coalesce((SELECT nullif((v ->> 6)::bigint, 0)"
        " FROM json_array_elements(:count::json) v WHERE (v ->> 0)::bigint = k.scheme_id), 9223372036854775807)"
        " AND k.held_fen + k.captured_fen + excluded.held_fen + excluded.captured_fen"
        " <= coalesce((SELECT nullif((v ->> 7)::bigint, 0)"
        " FROM json_array_elements(:count::json) v WHERE (v ->> 0)::bigint = k.scheme_id), 9223372036854775807)"
    ),
}
"""Part → its INSERT or UPDATE. In the order in which they run they stand in `_rows`."""
COUNTED = ("coupon", "redemption", "bill", "receipt", "count")
"""Parts that may find a row otherwise than it was read. A new row that is there already fails by its key."""
LATEST = "count"
"""All processes want the row of a limited scheme, and who has it keeps it until his COMMIT: so it is taken last."""


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
        elif name in _COLUMNS:
            parameters |= _COLUMNS[name].sent(part_rows)
        elif name != "code":  # reads the coupons' own parameters
            parameters[name] = _json(part_rows).decode()
        if name == "late":
            parameters["earliest"] = min(at for _, at in part_rows)
    text, names = _text(tuple((name, _PARTS[name]) for name in parts))
    return text, [parameters[name] for name in names]


@cache  # as many texts as there are kinds of batches
def _text(parts: tuple[tuple[str, str], ...]) -> tuple[str, list[str]]:
    """(SQL, the names of its parameters), which are numbered."""
    counted = {name for name, _ in parts} & set(COUNTED)
    if LATEST in counted:  # what nobody counts would run after all that is counted
        counted |= {name for name, _ in parts if name != "late"}
    ctes = ", ".join(f"{name}_ AS ({part}{' RETURNING 1' * (name in counted)})" for name, part in parts)
    counts = [f"(SELECT count(*) FROM {name}_) = :n_{name}" for name, _ in parts if name in counted]
    return numbered(f"WITH {ctes} SELECT 1 / ({' AND '.join(counts) or 'true'})::integer")


def _rows(changes: Changes, node: int) -> dict[str, Sequence[Any]]:
    new_coupons = list(map(astuple, changes.new_coupons.values()))
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
        "new_redemption": list(map(astuple, changes.new_redemptions.values())),
        "late": earliest(changes),
        "redemption": list(map(_SETTLED, changes.redemptions.values())),
        "journal": list(map(astuple, changes.journal)),
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
