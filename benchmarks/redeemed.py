"""A redemption for each seeded coupon, made by one statement: something to export. Only the tables of an export."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import psycopg

from benchmarks import shop
from benchmarks.seeding import FIRST_MS, coupon_id

MEMBERS = 1_000
FIRST_MEMBER = 5_001

MEMBER = "INSERT INTO member (id, merchant_id, name, mobile, card_id, card_number) VALUES (?, ?, ?, ?, ?, ?)"
REDEMPTIONS = """
INSERT INTO redemption (
    coupon_id, id, merchant_id, scheme_id, kind, bill_number, shop_id, cashier_id, member_id, scene, state, held_fen,
    captured_fen, reversed_fen, lines, returned, reversals, held_until_at, created_at, captured_at, settled_at,
    changed_at, request_id)
SELECT id, id, merchant_id, scheme_id, 1, 'B' || id, {shop} + id % {shops}, {cashier} + id % {cashiers},
    {member} + id % {members}, 'shop', 2, 1000, 1000, 0, '[1000]', '[0]', 0, NULL, at, at, at, at, 'r' || id
FROM (SELECT id, merchant_id, scheme_id, {at} + 60 * (id - {first}) AS at FROM coupon WHERE id >= {first}
    AND id < {first} + {quantity}) c
"""


def fill(database: str, quantity: int) -> None:
    """A database that seeding.fill has filled → with as many redemptions as it has plain coupons."""
    sql = REDEMPTIONS.format(
        shop=shop.shop_id(0), shops=shop.SHOPS, cashier=shop.cashier_id(0), cashiers=shop.CASHIERS,
        member=FIRST_MEMBER, members=MEMBERS, at=FIRST_MS, first=coupon_id(shop.PLAIN, 0), quantity=quantity,
    )  # fmt: skip
    members = [
        (FIRST_MEMBER + i, shop.MERCHANT_ID, f"会员 {i}", f"1990000{i:04d}", str(i), f"C{i:05d}")
        for i in range(MEMBERS)
    ]
    if database.startswith("postgresql://"):
        with psycopg.connect(database) as db, db.cursor() as cursor:
            cursor.executemany(MEMBER.replace("?", "%s"), members)
            db.execute(sql)
    else:
        with closing(sqlite3.connect(shop.settings(database).sqlite_path)) as file:
            file.executemany(MEMBER, members)
            file.execute(sql)
            file.commit()
