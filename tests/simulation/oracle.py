"""The oracle: what the engine must answer to every command, predicted from plain dicts.

No SQL and none of the engine's rules; each command is a method of its own name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from types import SimpleNamespace as Plain
from typing import Any

import msgspec

from hexiao.domain.errors import Code, Family
from simulation.arithmetic import covers, discount, faces, is_open, left_to_pay, parted, period
from simulation.books import CAPTURED, HELD, LAPSED, NEXT, RELEASED, REVERSED, Books, Fresh, No, Told


class Oracle(Books):
    """`ask` is the only way in; the rest is public so that a test can look."""

    def ask_all(self, commands: Sequence[Any], now: int, fresh: Sequence[Fresh]) -> list[tuple[Told, bool]]:
        """One transaction. When a budget says no, what overdue holds took of it goes back first."""
        before = deepcopy(vars(self)) if any(self.overdue(use, now) for use in self.uses.values()) else None
        answers = [self.ask(command, now, made()) for command, made in zip(commands, fresh, strict=True)]
        no = [no for whole, _ in answers for one in whole.get("each", [whole]) for no in one.get("verdicts", [])]
        if before is None or not any(Code.BUDGET_EXHAUSTED in one for one in no):
            return answers
        vars(self).update(before)
        self.sweep(now)
        return self.ask_all(commands, now, fresh)

    def ask(self, command: Any, now: int, fresh: Iterator[Any]) -> tuple[Told, bool]:
        """(what the engine must tell, whether it is a replay)"""
        content = repr(msgspec.structs.replace(command, request_id=""))
        if command.request_id in self.requests:
            earlier, told = self.requests[command.request_id]
            return (told, True) if earlier == content else (No(Code.REQUEST_ID_REUSED).told, False)
        told = deepcopy(self.decide(command, now, fresh))
        if command.request_id and ("no" not in told or told["no"].family is Family.REFUSED):
            self.requests[command.request_id] = content, told
        return told, False

    def decide(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        kind = type(command).__name__
        if kind == "RedeemEach":
            return {"each": [self.decide(item, now, fresh) for item in command.items]}
        try:
            if command.merchant_id not in self.merchants:
                raise No(Code.UNKNOWN_MERCHANT)
            told: Told = getattr(deepcopy(self) if kind in ("Assess", "LookUp") else self, kind)(command, now, fresh)
            if kind == "Assess" and any(Code.BUDGET_EXHAUSTED in no for no, _ in told["assessed"]):
                swept = deepcopy(self)
                swept.sweep(now)
                told = swept.Assess(command, now, fresh)
            return told
        except No as no:
            use = self.uses.get(command.redemption_id) if kind in ("Capture", "Release", "Reverse") else None
            return no.told | ({"use": self.view(use, now)} if use else {})

    # Schemes and coupons.

    def CreateScheme(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        if command.terms.hold_seconds < 1:
            raise No(Code.BAD_SCHEME)
        if command.number in [scheme.number for scheme in self.schemes.values()]:
            raise No(Code.NUMBER_TAKEN)
        versions = [(command.terms, command.benefit)]
        self.schemes[next(fresh)] = Plain(number=command.number, versions=versions, paused=False)
        return {"version": 1, "paused": False}

    def ReviseScheme(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        scheme = self.scheme(command.scheme_id)
        terms, benefit = scheme.versions[-1]
        new = command.terms or terms, command.benefit or benefit
        was_limited, is_limited = (bool(one.total or one.budget_fen) for one in (terms, new[0]))
        if new[0].hold_seconds < 1 or type(new[1]) is not type(benefit) or was_limited != is_limited:
            raise No(Code.BAD_SCHEME)
        scheme.versions.append(new)
        return {"version": len(scheme.versions), "paused": scheme.paused}

    def PauseScheme(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        scheme = self.scheme(command.scheme_id)
        scheme.paused = command.paused
        return {"version": len(scheme.versions), "paused": scheme.paused}

    def Issue(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        self.may_issue(command.scheme_id, [command.member_id] * command.quantity, now)
        codes = [next(fresh) for _ in range(command.quantity)]
        return self.make(command.scheme_id, [(code, command.member_id, now, None) for code in codes])

    def Import(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        self.may_issue(command.scheme_id, [one.member_id for one in command.coupons], now)
        face = faces(self.scheme(command.scheme_id).versions[-1][1])[0]
        for index, one in enumerate(command.coupons):
            if one.code in self.coupons:
                raise No(Code.CODE_TAKEN, code=one.code)
            if one.code in [before.code for before in command.coupons[:index]]:
                raise No(Code.DUPLICATE_COUPON, code=one.code)
            if not 1 <= len(one.code) <= 64 or (one.face_fen and (face is None or one.face_fen > face)):
                raise No(Code.MALFORMED_REQUEST)
        rows = [(c.code, c.member_id, min(now, c.received_at or now), c.face_fen) for c in command.coupons]
        return self.make(command.scheme_id, rows)

    def may_issue(self, scheme_id: int, members: list[int | None], now: int) -> None:
        scheme = self.scheme(scheme_id)
        terms, mine = scheme.versions[-1][0], self.coupons_of(scheme_id)
        if scheme.paused:
            raise No(Code.SCHEME_PAUSED)
        if now >= period(terms.validity, now)[1]:
            raise No(Code.SCHEME_ENDED)
        if terms.total and len(mine) + len(members) > terms.total:
            raise No(Code.STOCK_EXHAUSTED, needed=terms.total, actual=max(0, terms.total - len(mine)))
        for member_id, quantity in Counter(members).items():
            received = sum(coupon.member_id == member_id for coupon in mine)
            if member_id is None and (terms.holder == "member" or terms.per_member):
                raise No(Code.MEMBER_NEEDED)
            if member_id is not None and member_id not in self.members:
                raise No(Code.UNKNOWN_MEMBER)
            if terms.per_member and received + quantity > terms.per_member:
                raise No(Code.MEMBER_LIMIT_REACHED, needed=terms.per_member, actual=received)

    def Void(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        coupon = self.coupon(command.code, now)
        if coupon.voided or self.sums(coupon)[3]:
            raise No(Code.COUPON_VOIDED if coupon.voided else Code.COUPON_IN_USE)
        coupon.voided, coupon.rows = True, coupon.rows + 1
        return {"found": self.balance(coupon.code)}

    def LookUp(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        return {"found": self.balance(self.coupon(command.code, now).code)}

    # Bills.

    def Redeem(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        judged = self.judge(command, now)
        code, no = next(((coupon.code, no) for coupon, no, _, _ in judged if no), ("", []))
        if no:
            return No(no[0], coupon=code).told | {"verdicts": [no for _, no, _, _ in judged]}
        used = []
        for coupon, _, lines, own in judged:
            again = own is not None and own.lines == lines
            if own and not again:
                self.settle(own, RELEASED)
            if not again:
                own = Plain(id=next(fresh), code=coupon.code, bill=(command.bill.shop_id, command.bill.number),
                            state=HELD, held=sum(lines), captured=0, lines=lines, returned=[0] * len(lines),
                            until=now + coupon.terms.hold_seconds * 1000, captured_at=0)  # fmt: skip
                self.uses[own.id] = own
                coupon.rows += command.mode == "hold"
            if command.mode == "redeem":
                self.take(own, own.held, now)
            used.append(own)
        return {"uses": [self.view(use, now) for use in used]}

    def Assess(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        return {"assessed": [(no, [0] * len(lines) if no else lines) for _, no, lines, _ in self.judge(command, now)]}

    def judge(self, command: Any, now: int) -> list[tuple[Plain, list[Code], list[int], Any]]:
        bill, coupons, codes = command.bill, [], [take.code for take in command.coupons]
        if bill.shop_id not in self.shops or bill.member_id not in (None, *self.members):
            raise No(Code.UNKNOWN_MEMBER if bill.shop_id in self.shops else Code.UNKNOWN_SHOP)
        for index, code in enumerate(codes):
            if code in codes[:index]:
                raise No(Code.DUPLICATE_COUPON)
            coupons.append(self.coupon(code, now))
        here = [use for use in self.uses.values() if use.bill == (bill.shop_id, bill.number)]
        for use in here:
            if self.overdue(use, now):
                self.settle(use, LAPSED)
        here = [use for use in here if use.state in NEXT]
        own = {use.code: use for use in here if use.state is HELD and use.code in codes}
        others = [use for use in here if own.get(use.code) is not use]
        left = left_to_pay(bill, [self.kept(use) for use in others])
        promised, judged = Counter[int](), []
        for take, coupon in zip(command.coupons, coupons, strict=True):
            if take.amount_fen is not None and take.amount_fen < 1:
                raise No(Code.MALFORMED_REQUEST)
            terms, scheme, mine = coupon.terms, self.schemes[coupon.scheme_id], own.get(coupon.code)
            taken, times, held, held_times = self.sums(coupon, but=mine)
            free = None if coupon.face is None else coupon.face - taken - held
            used_up, all_held = coupon.face == taken or coupon.times == times, coupon.times == times + held_times
            hits = [covers(terms.goods, line, self.goods) for line in bill.lines]
            spend = sum(line.quantity * line.unit_price_fen * hit for line, hit in zip(bill.lines, hits, strict=True))
            payable = [pay * hit for pay, hit in zip(left, hits, strict=True)]
            most = discount(coupon.benefit, bill.lines, payable, free)
            wanted = sum(most) if take.amount_fen is None else take.amount_fen
            budget, again = scheme.versions[-1][0].budget_fen, mine.held if mine else 0
            room = budget - sum(self.counts(coupon.scheme_id)[2:]) - promised[coupon.scheme_id] + again
            friends = [self.coupons[use.code] for use in others if use.code not in codes]
            friends += [other for other in coupons if other is not coupon]
            bound = terms.holder == "member" and coupon.member_id is not None
            checks = [
                (Code.COUPON_VOIDED, not coupon.voided),
                (Code.SCHEME_PAUSED, not scheme.paused),
                (Code.NOT_YET_VALID, now >= coupon.valid[0]),
                (Code.COUPON_EXPIRED, now < coupon.valid[1]),
                (Code.OUTSIDE_HOURS, is_open(terms.windows, now)),
                (Code.ALREADY_ON_BILL, coupon.code not in [use.code for use in others]),
                (Code.COUPON_USED_UP, not used_up),
                (Code.HELD_ELSEWHERE, used_up or not held_times or not (free == 0 or all_held)),
                (Code.WRONG_SHOP, terms.shops.mode == "all" or str(bill.shop_id) in terms.shops.ids),
                (Code.WRONG_SCENE, terms.scene in ("both", bill.scene.value)),
                (Code.MEMBER_NEEDED, not bound or bill.member_id is not None),
                (Code.WRONG_MEMBER, not bound or bill.member_id in (None, coupon.member_id)),
                (Code.NO_MATCHING_GOODS, any(hits)),
                (Code.BELOW_MINIMUM_SPEND, spend >= terms.minimum_spend_fen),
                (Code.NOT_COMBINABLE, not friends or all(one.terms.shareable for one in (coupon, *friends))),
                (Code.NOTHING_TO_DISCOUNT, sum(most) > 0 or free == 0 or not any(hits)),
                (Code.AMOUNT_TOO_LARGE, wanted <= sum(most)),
                (Code.BUDGET_EXHAUSTED, not budget or wanted <= room),
            ]
            no = [code for code, fine in checks if not fine]
            lines = most if no or take.amount_fen is None else parted(take.amount_fen, most)
            if not no:
                left = [pay - off for pay, off in zip(left, lines, strict=True)]
                promised[coupon.scheme_id] += sum(lines) - again
            judged.append((coupon, no, lines, mine))
        return judged

    # Afterwards.

    def Capture(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        use = self.use(command.redemption_id, HELD, now, command.amount_fen)
        amount = use.held if command.amount_fen is None else command.amount_fen
        if amount > use.held:
            raise No(Code.CAPTURE_TOO_LARGE, needed_fen=use.held, actual_fen=amount)
        use.lines = parted(amount, use.lines)
        return self.take(use, amount, now)

    def Release(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        return self.settle(self.use(command.redemption_id, HELD, now), RELEASED, now)

    def Reverse(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        if command.lines is not None and (
            sum(command.lines) <= 0 or command.amount_fen not in (None, sum(command.lines))
        ):
            raise No(Code.MALFORMED_REQUEST)
        use = self.use(command.redemption_id, CAPTURED, now, command.amount_fen)
        if self.too_late(use, now):
            raise No(Code.REVERSE_TOO_LATE)
        kept, back = self.kept(use), command.lines
        if back is None:
            amount = sum(kept) if command.amount_fen is None else command.amount_fen
            if amount > sum(kept):
                raise No(Code.REVERSE_TOO_LARGE, needed_fen=sum(kept), actual_fen=amount)
            back = parted(amount, kept)
        elif len(back) != len(kept) or min(back) < 0:
            raise No(Code.MALFORMED_REQUEST)
        elif any(wanted > possible for wanted, possible in zip(back, kept, strict=True)):
            raise No(Code.REVERSE_TOO_LARGE)
        use.returned = [was + more for was, more in zip(use.returned, back, strict=True)]
        return self.settle(use, REVERSED if use.returned == use.lines else CAPTURED, now)

    def Lapse(self, command: Any, now: int, fresh: Iterator[Any]) -> Told:
        self.use(command.redemption_id, None, now)
        return {"nothing": True}
