-- `journal_once` says the same of the same four columns, and begins with the one that grows: new entries lie side by side
-- instead of one on a page of its own for every coupon.
-- depends: 0004.unique-ids

DROP INDEX journal_once;
CREATE UNIQUE INDEX journal_once ON journal (redemption_id, coupon_id, entry, part) WHERE redemption_id IS NOT NULL;
