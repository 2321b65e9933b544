-- Redemptions and journal rows lie one behind the other as they are made, as in PostgreSQL, and what is scattered over
-- all coupons are only entries of an index: a batch writes fewer pages, and splits hardly any. `journal_once` says the
-- same of the same four columns, and begins with the one that grows.
-- depends: 0004.unique-ids

CREATE TABLE redemption_in_order (
    coupon_id bigint NOT NULL, id bigint NOT NULL, merchant_id bigint NOT NULL, scheme_id bigint NOT NULL,
    kind integer NOT NULL, bill_number text NOT NULL, shop_id bigint NOT NULL, cashier_id bigint, member_id bigint,
    scene text NOT NULL, state integer NOT NULL, held_fen bigint NOT NULL, captured_fen bigint NOT NULL,
    reversed_fen bigint NOT NULL, lines text NOT NULL, returned text NOT NULL, reversals integer NOT NULL,
    held_until_at bigint, created_at bigint NOT NULL, captured_at bigint, settled_at bigint,
    changed_at bigint NOT NULL, request_id text NOT NULL, PRIMARY KEY (coupon_id, id)
);
INSERT INTO redemption_in_order SELECT * FROM redemption ORDER BY id;
DROP TABLE redemption;
ALTER TABLE redemption_in_order RENAME TO redemption;
CREATE UNIQUE INDEX redemption_id ON redemption (id);
CREATE INDEX redemption_bill ON redemption (merchant_id, shop_id, bill_number);
CREATE INDEX redemption_merchant_time ON redemption (merchant_id, created_at, id);
CREATE INDEX redemption_due ON redemption (held_until_at) WHERE state = 1;
CREATE INDEX redemption_shop_list ON redemption (shop_id, created_at, id, kind, scheme_id);
CREATE INDEX redemption_changed ON redemption (shop_id, changed_at, created_at, id) WHERE changed_at > created_at;
CREATE INDEX redemption_member ON redemption (member_id, created_at, id) WHERE member_id IS NOT NULL;

CREATE TABLE journal_in_order (
    coupon_id bigint NOT NULL, seq integer NOT NULL, entry text NOT NULL, redemption_id bigint, part integer NOT NULL,
    d_held_fen bigint NOT NULL, d_captured_fen bigint NOT NULL, d_held_uses integer NOT NULL,
    d_captured_uses integer NOT NULL, held_after_fen bigint NOT NULL, captured_after_fen bigint NOT NULL,
    at bigint NOT NULL, request_id text NOT NULL, actor text NOT NULL, cashier_id bigint, reason text NOT NULL,
    lane bigint NOT NULL, height bigint NOT NULL, PRIMARY KEY (coupon_id, seq)
);
INSERT INTO journal_in_order SELECT * FROM journal;
DROP TABLE journal;
ALTER TABLE journal_in_order RENAME TO journal;
CREATE UNIQUE INDEX journal_once ON journal (redemption_id, coupon_id, entry, part) WHERE redemption_id IS NOT NULL;
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'journal rows are never changed'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'journal rows are never removed'); END;
