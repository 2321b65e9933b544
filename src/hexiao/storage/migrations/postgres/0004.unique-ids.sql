-- A redemption is named by its id alone, so no two may have the same, whatever the numbers of the processes that made
-- them. A clash is a missed guard: the later one takes another id. Citus, which has no such index, goes without.
-- depends: 0003.tallies

DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') THEN
        DROP INDEX redemption_id;
        CREATE UNIQUE INDEX redemption_id ON redemption (id);
    END IF;
END $$;
