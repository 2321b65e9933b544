-- A redemption is named by its id alone, so no two may have the same, whatever the numbers of the processes that made
-- them. A clash is a missed guard: the later one takes another id.
-- depends: 0003.tallies

DROP INDEX redemption_id;
CREATE UNIQUE INDEX redemption_id ON redemption (id);
