-- Lists of redemptions at scale: tallies of the past, so that nothing of a million rows is counted one by one, and an
-- index for every filter. The index of a shop's list is a better one in the same place; those of changes and of
-- members hold only the rows that have something to say there.
-- depends: 0002.chain

DROP INDEX redemption_shop_time;
CREATE INDEX redemption_shop_list ON redemption (shop_id, created_at, id, kind, scheme_id);
CREATE INDEX redemption_changed ON redemption (shop_id, changed_at, created_at, id) WHERE changed_at > created_at;
CREATE INDEX redemption_member ON redemption (member_id, created_at, id) WHERE member_id IS NOT NULL;

-- One row: what was made before this moment is the past, and who adds to it says so in `tallied`.
CREATE TABLE past (name text NOT NULL PRIMARY KEY, until_at bigint NOT NULL);
-- Up to which moment a shop's tallies are sound; `seq` is their guard.
CREATE TABLE tallied (shop_id bigint NOT NULL PRIMARY KEY, sound_until_at bigint NOT NULL, seq bigint NOT NULL);
-- Of the shop's redemptions `so_far` were made before `until_at`, `here` of them since `from_at`: of all (facet 0), of
-- one kind (1) or of one scheme (2). A stretch without any has no row, but for facet 0, which has every stretch.
CREATE TABLE tally (
    shop_id bigint NOT NULL, facet integer NOT NULL, value bigint NOT NULL, until_at bigint NOT NULL,
    from_at bigint NOT NULL, here bigint NOT NULL, so_far bigint NOT NULL,
    PRIMARY KEY (shop_id, facet, value, until_at)
);
CREATE UNIQUE INDEX tally_so_far ON tally (shop_id, facet, value, so_far);
