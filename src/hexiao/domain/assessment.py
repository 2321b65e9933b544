"""资格判定: every check with what it needs and what it found, never only the first that fails.

The look-up at the till and the decision that moves money call this very function.
"""

from __future__ import annotations

import msgspec

from hexiao.domain.case import Case
from hexiao.domain.checks import CHECKS, Verdict
from hexiao.domain.discount import discount
from hexiao.domain.errors import BadRequest, Code
from hexiao.domain.money import split


class Assessment(msgspec.Struct, kw_only=True):
    """The whole answer about one coupon on one bill: every verdict, and what it takes off each line when all are ok."""

    code: str
    coupon_id: int
    ok: bool
    verdicts: list[Verdict]
    amount_fen: int
    lines: list[int]

    @property
    def failure(self) -> Verdict:
        """The first failed check in order of precedence. Only to be asked when not ok."""
        return next(verdict for verdict in self.verdicts if not verdict.ok)


def assess(case: Case, *, tell: bool = True) -> Assessment:
    """Run every check of CHECKS, in order, on `case`. Without `tell`, verdicts are only told when one is a no."""
    if case.asked_fen is not None and case.asked_fen <= 0:
        raise BadRequest(Code.MALFORMED_REQUEST, reason="amount_not_positive")
    goods = case.scheme.terms.goods
    case.covers = [goods.covers(line.sku, line.category) for line in case.bill.lines]
    case.covered = [left if hit else 0 for left, hit in zip(case.payable, case.covers, strict=True)]
    case.most = discount(case.scheme.benefit, case.bill.lines, case.covered, case.free_fen)
    told = tell or not all(check.holds(case) for check in CHECKS)
    verdicts = [check.verdict(case) for check in CHECKS] if told else []
    ok = all(verdict.ok for verdict in verdicts)
    lines = list(case.most)
    if ok and case.asked_fen is not None:
        lines = split(case.asked_fen, lines)
    return Assessment(
        code=case.coupon.code,
        coupon_id=case.coupon.id,
        ok=ok,
        verdicts=verdicts,
        amount_fen=sum(lines) if ok else 0,
        lines=lines if ok else [0] * len(lines),
    )
