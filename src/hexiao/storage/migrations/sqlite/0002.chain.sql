-- The journal becomes a chain of blocks: every row names its block, and neither rows nor blocks are ever changed.
-- Rows from before go into lane 0 by their key, a thousand a block; `hexiao migrate` seals these blocks afterwards.
-- depends: 0001.initial

CREATE TABLE journal_with_chain (
    coupon_id bigint NOT NULL, seq integer NOT NULL, entry text NOT NULL, redemption_id bigint, part integer NOT NULL,
    d_held_fen bigint NOT NULL, d_captured_fen bigint NOT NULL, d_held_uses integer NOT NULL,
    d_captured_uses integer NOT NULL, held_after_fen bigint NOT NULL, captured_after_fen bigint NOT NULL,
    at bigint NOT NULL, request_id text NOT NULL, actor text NOT NULL, cashier_id bigint, reason text NOT NULL,
    lane bigint NOT NULL, height bigint NOT NULL, PRIMARY KEY (coupon_id, seq)
) WITHOUT ROWID;
INSERT INTO journal_with_chain
SELECT *, 0, (row_number() OVER (ORDER BY coupon_id, seq) - 1) / 1000 FROM journal ORDER BY coupon_id, seq;
DROP TABLE journal;
ALTER TABLE journal_with_chain RENAME TO journal;
CREATE UNIQUE INDEX journal_once ON journal (coupon_id, redemption_id, entry, part) WHERE redemption_id IS NOT NULL;

-- A lane is one committer of one process start. leaves: coupon_id, seq and leaf hash of each entry, 44 bytes each.
CREATE TABLE block (
    lane bigint NOT NULL, height bigint NOT NULL, at bigint NOT NULL, entries integer NOT NULL, root text NOT NULL,
    previous text NOT NULL, hash text NOT NULL, leaves blob NOT NULL, PRIMARY KEY (lane, height)
);

CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'journal rows are never changed'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'journal rows are never removed'); END;
CREATE TRIGGER block_no_update BEFORE UPDATE ON block
BEGIN SELECT RAISE(ABORT, 'blocks are never changed'); END;
CREATE TRIGGER block_no_delete BEFORE DELETE ON block
BEGIN SELECT RAISE(ABORT, 'blocks are never removed'); END;
