"""Where each table lies on a Citus cluster: every table has a place, every key fits it, and the statements run.

There is no Citus here: its functions are stood in for by ones that only write down that they were called.
"""

from __future__ import annotations

from collections import defaultdict

import psycopg
import pytest
from typer.testing import CliRunner

from hexiao.cli.app import app
from hexiao.storage import distributing
from hexiao.storage.base import StorageError
from hexiao.storage.distributing import EVERYWHERE, NEVER_CHANGED, PLACES, TOGETHER, distribute, plan
from hexiao.storage.side import NOT_OURS
from journeys.pages import ROOT
from postgres_server import Databases

FIRST = "SELECT create_distributed_table('coupon', 'id', colocate_with => 'none')"
KEYS = """
    SELECT i.indrelid::regclass::text, array_agg(a.attname::text)
    FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey::int2[])
    JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = current_schema()::regnamespace
    WHERE i.indisunique GROUP BY i.indexrelid, i.indrelid
"""
NOT_NULL = "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'NO'"
STANDING_IN = """
    CREATE SCHEMA standing_in;
    CREATE TABLE standing_in.pg_dist_partition (logicalrelid regclass PRIMARY KEY, column_name text, beside text);
    CREATE FUNCTION create_distributed_table(name regclass, column_name text, colocate_with text) RETURNS void
    LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = name AND NOT tgisinternal) THEN
            RAISE 'triggers are not supported on distributed tables';
        END IF;
        IF NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE attrelid = name AND a.attname = column_name) THEN
            RAISE 'no such column';
        END IF;
        IF colocate_with <> 'none' AND NOT EXISTS (
            SELECT 1 FROM standing_in.pg_dist_partition WHERE logicalrelid = colocate_with::regclass) THEN
            RAISE 'not a distributed table: %', colocate_with;
        END IF;
        INSERT INTO standing_in.pg_dist_partition VALUES (name, column_name, colocate_with);
    END $$;
    CREATE FUNCTION create_reference_table(name regclass) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO standing_in.pg_dist_partition VALUES (name, NULL, NULL) $$;
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = public, standing_in', current_database());
    END $$;
"""


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.migrated()


@pytest.fixture
def citus(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database that looks as if Citus were in it."""
    with psycopg.connect(url) as db:
        db.execute(STANDING_IN.encode())
    monkeypatch.setattr(distributing, "is_spread", lambda db: True)
    return url


def test_every_table_has_a_place_and_every_place_a_table(url: str) -> None:
    with psycopg.connect(url) as db:
        there = {name for (name,) in db.execute(distributing._TABLES, (list(NOT_OURS),))}
    assert there - PLACES.keys() == set(), "say in PLACES where they belong"
    assert PLACES.keys() - there == set()


def test_every_key_and_unique_index_holds_the_column_that_places_a_row(citus: str) -> None:
    """Citus refuses any other: no machine could know whether the value is there already, elsewhere."""
    distribute(citus)
    with psycopg.connect(citus) as db:
        keys = defaultdict(list)
        for table, columns in db.execute(KEYS):
            keys[table].append(columns)
        assert "coupon" in keys and len(keys["journal"]) == 2
        for table, column in PLACES.items():
            if column != EVERYWHERE and table in keys:
                assert [columns for columns in keys[table] if column not in columns] == [], table
                assert (column,) in db.execute(NOT_NULL, (table,)).fetchall(), f"{table}: nobody places NULL"


def test_what_lies_together_is_placed_by_the_same_thing(url: str) -> None:
    kinds = "SELECT data_type FROM information_schema.columns WHERE table_name = %s AND column_name = %s"
    order = list(PLACES)
    with psycopg.connect(url) as db:
        for table, beside in TOGETHER.items():
            ours, theirs = (db.execute(kinds, (one, PLACES[one])).fetchall() for one in (table, beside))
            assert ours == theirs
            assert order.index(beside) < order.index(table)


def test_an_index_that_no_machine_could_keep_unique_is_made_a_plain_one(citus: str) -> None:
    unique = "SELECT indisunique FROM pg_index WHERE indexrelid = 'redemption_id'::regclass"
    with psycopg.connect(citus) as db:
        assert db.execute(unique).fetchall() == [(True,)]
    distribute(citus)
    with psycopg.connect(citus) as db:
        assert db.execute(unique).fetchall() == [(False,)]


def test_the_statements_run_once_and_then_there_is_nothing_left_to_do(citus: str) -> None:
    ran = distribute(citus)
    assert "SELECT create_distributed_table('journal', 'coupon_id', colocate_with => 'coupon')" in ran
    assert "SELECT create_reference_table('scheme')" in ran
    assert distribute(citus) == []
    with psycopg.connect(citus) as db:
        spread: dict[str, str] = dict(
            db.execute("SELECT logicalrelid::text, coalesce(column_name, '') FROM pg_dist_partition").fetchall()
        )
    assert spread == PLACES


def test_the_documents_have_every_statement(citus: str) -> None:
    with psycopg.connect(citus) as db:
        planned = plan(db)
    page = (ROOT / "docs/operate/growth.md").read_text("utf-8")
    assert [statement for statement in planned if f"{statement};" not in page] == []


def test_an_interrupted_run_is_gone_on_with(citus: str) -> None:
    with psycopg.connect(citus) as db:
        everything = plan(db)
        for statement in everything[:5]:
            db.execute(statement.encode())
    assert distribute(citus) == everything[5:]


def test_triggers_give_way_to_rights_that_are_taken_away(citus: str) -> None:
    with psycopg.connect(citus) as db:
        db.execute("CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$")
        db.execute("CREATE TRIGGER journal_is_kept BEFORE UPDATE ON journal EXECUTE FUNCTION never()")
    ran = distribute(citus)
    assert "DROP TRIGGER journal_is_kept ON journal" in ran
    before = ran[: ran.index(FIRST)]
    assert [one for one in ran if "TRIGGER" in one or "INDEX" in one] == before
    assert "REVOKE UPDATE, DELETE, TRUNCATE ON journal FROM PUBLIC, hexiao" in ran
    assert set(NEVER_CHANGED) <= PLACES.keys()


def test_the_owner_himself_can_no_longer_change_the_journal(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests' own user is a superuser, whom no right binds."""
    url = databases.empty()
    databases.execute("DO $$ BEGIN CREATE ROLE keeper LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
    databases.execute(f"ALTER DATABASE {url.rpartition('/')[2]} OWNER TO keeper")
    url = url.replace("//hexiao@", "//keeper@")
    if "//keeper@" not in url:
        pytest.skip("needs a server that trusts its users")
    distributing_as_keeper(url, monkeypatch)
    with psycopg.connect(url, autocommit=True) as db:
        for change in ("UPDATE journal SET reason = 'x'", "DELETE FROM journal", "TRUNCATE journal"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(change.encode())
        assert db.execute("SELECT count(*) FROM journal").fetchall() == [(0,)]


def distributing_as_keeper(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from hexiao.storage.postgres import migrate

    migrate(url)
    with psycopg.connect(url) as db:
        db.execute(STANDING_IN.encode())
    monkeypatch.setattr(distributing, "is_spread", lambda db: True)
    distribute(url)


def test_what_was_tallied_before_is_emptied_since_nobody_keeps_it_true_any_longer(citus: str) -> None:
    with psycopg.connect(citus) as db:
        db.execute("INSERT INTO tally VALUES (1, 0, 0, 2, 1, 1, 1)")
        db.execute("INSERT INTO tallied VALUES (1, 2, 1)")
        db.execute("INSERT INTO past VALUES ('redemption', 2)")
    ran = distribute(citus)
    assert ran.index("TRUNCATE tallied") < ran.index(
        "SELECT create_distributed_table('tallied', 'shop_id', colocate_with => 'tally')"
    )
    with psycopg.connect(citus) as db:
        counts = "SELECT (SELECT count(*) FROM tally), (SELECT count(*) FROM tallied), (SELECT count(*) FROM past)"
        assert db.execute(counts).fetchone() == (0, 0, 0)


def test_a_table_without_a_place_is_refused_before_anything_is_spread(citus: str) -> None:
    with psycopg.connect(citus) as db:
        db.execute("CREATE TABLE newer (id bigint PRIMARY KEY)")
    with pytest.raises(StorageError, match="newer"):
        distribute(citus)
    with psycopg.connect(citus) as db:
        assert db.execute("SELECT count(*) FROM pg_dist_partition").fetchall() == [(0,)]


def test_a_database_without_citus_and_one_that_is_a_file_say_so(url: str, tmp_path: object) -> None:
    with pytest.raises(StorageError, match="Citus"):
        distribute(url)
    done = CliRunner().invoke(app, ["migrate", "--distribute", "citus", "--database", url])
    assert done.exit_code == 4 and "CREATE EXTENSION" in done.output
    done = CliRunner().invoke(app, ["migrate", "--distribute", "citus", "--database", f"sqlite:///{tmp_path}/x.db"])
    assert done.exit_code == 4


def test_the_command_line_prints_the_statements_that_it_ran(citus: str) -> None:
    done = CliRunner().invoke(app, ["migrate", "--distribute", "citus", "--database", citus])
    assert done.exit_code == 0, done.output
    assert "SELECT create_reference_table('merchant');" in done.output
