-- The journal becomes a chain of blocks: every row names its block, and neither rows nor blocks are ever changed.
-- Rows from before go into lane 0 by their key, a thousand a block; `hexiao migrate` seals these blocks afterwards.
-- depends: 0001.initial

ALTER TABLE journal ADD COLUMN lane bigint NOT NULL DEFAULT 0, ADD COLUMN height bigint NOT NULL DEFAULT 0;
UPDATE journal j SET height = n.height
FROM (SELECT coupon_id, seq, (row_number() OVER (ORDER BY coupon_id, seq) - 1) / 1000 AS height FROM journal) n
WHERE j.coupon_id = n.coupon_id AND j.seq = n.seq AND n.height > 0;
ALTER TABLE journal ALTER COLUMN lane DROP DEFAULT, ALTER COLUMN height DROP DEFAULT;

-- A lane is one committer of one process start. leaves: coupon_id, seq and leaf hash of each entry, 44 bytes each.
CREATE TABLE block (
    lane bigint NOT NULL, height bigint NOT NULL, at bigint NOT NULL, entries integer NOT NULL, root text NOT NULL,
    previous text NOT NULL, hash text NOT NULL, leaves bytea NOT NULL, PRIMARY KEY (lane, height)
);
ALTER TABLE block ALTER COLUMN leaves SET STORAGE EXTERNAL; -- hashes cannot be compressed

CREATE FUNCTION hexiao_never() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME; END $$;
CREATE TRIGGER journal_never BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
FOR EACH STATEMENT EXECUTE FUNCTION hexiao_never();
CREATE TRIGGER block_never BEFORE UPDATE OR DELETE OR TRUNCATE ON block
FOR EACH STATEMENT EXECUTE FUNCTION hexiao_never();
