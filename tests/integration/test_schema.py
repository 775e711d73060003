"""The schema on both databases: the migrations make exactly what the models say, and every process checks that they ran."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from shared import schema
from shared.all_tables import ALL_TABLES
from shared.database import Database
from shared.errors import OperatorError, TransientError
from tests import tables
from tests.conftest import fresh_postgres
from tests.stack import free_port

TABLES = set(ALL_TABLES.tables)


def table_names(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        return tables.table_names(connection) - {"alembic_version"}


def test_the_migrations_go_up_down_and_up_again(empty_database: Database) -> None:
    schema.upgrade(empty_database)
    assert table_names(empty_database) == TABLES
    schema.downgrade(empty_database, "base")
    assert table_names(empty_database) == set()
    schema.upgrade(empty_database)
    assert table_names(empty_database) == TABLES
    schema.require_current(empty_database)


def test_upgrading_a_current_schema_changes_nothing(database: Database) -> None:
    schema.upgrade(database)
    assert schema.current_revision(database) == schema.newest_revision()


def test_the_migrated_schema_is_the_one_the_models_declare(database: Database) -> None:
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_name": lambda name, kind, _: kind != "table" or not tables.is_partition(name),
    }
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, ALL_TABLES) == []


def test_particles_lie_in_partitions_by_analysis_on_postgresql(postgres_url: str) -> None:
    with fresh_postgres(postgres_url) as database:
        schema.upgrade(database)
        query = "EXPLAIN SELECT * FROM particle WHERE analysis_id = 250000"
        with database.reading() as session:
            plan = "\n".join(session.scalars(text(query)))
        assert "particle_02" in plan
        assert "particle_03" not in plan


def test_constraints_and_indexes_have_the_names_that_the_models_give_them(empty_database: Database, tmp_path: Path) -> None:
    schema.upgrade(empty_database)
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    ALL_TABLES.create_all(declared)
    for table in TABLES:
        for kind in ("get_indexes", "get_unique_constraints", "get_foreign_keys"):
            wanted = {item["name"] for item in getattr(inspect(declared), kind)(table)}
            found = {item["name"] for item in getattr(inspect(empty_database.engine), kind)(table)}
            # PostgreSQL lists the index behind a unique constraint among the indexes as well.
            assert {name for name in found if not (kind == "get_indexes" and name.startswith("uq_"))} == wanted, (table, kind)
    declared.dispose()


def test_a_process_refuses_a_schema_that_is_not_there_yet(empty_database: Database) -> None:
    with pytest.raises(OperatorError, match="saemi admin db upgrade") as caught:
        schema.require_current(empty_database)
    assert caught.value.code == "schema_outdated"


def test_a_process_refuses_a_schema_of_another_release(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(OperatorError, match="0000"):
        schema.require_current(database)


def test_a_database_server_that_is_away_is_named_and_not_taken_for_a_bug() -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/saemi")
    for look in (schema.require_current, schema.upgrade):
        with pytest.raises(TransientError) as caught:
            look(database)
        assert caught.value.code == "database_unavailable"


def test_a_file_that_is_no_database_is_named_and_not_taken_for_a_bug(tmp_path: Path) -> None:
    (tmp_path / "saemi.db").write_bytes(b"These are no tables. " * 300)
    database = Database(f"sqlite:///{tmp_path / 'saemi.db'}")
    with pytest.raises(OperatorError, match="not a database"):
        schema.upgrade(database)
    database.dispose()


def test_a_folder_in_place_of_the_database_is_named_and_not_taken_for_a_bug(tmp_path: Path) -> None:
    (tmp_path / "saemi.db").mkdir()
    with pytest.raises(OperatorError) as caught:
        schema.upgrade(Database(f"sqlite:///{tmp_path / 'saemi.db'}"))
    assert caught.value.code == "database_unusable"
