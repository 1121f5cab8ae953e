"""A new stack gets a database that Airflow has migrated, whole and of its own version, or has one made."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from dev.stack.airflow_database import prepare_database, schema_key
from dev.stack.settings import StackSettings


class Homes:
    """
    Makes databases with one table: what Airflow's command makes is asked in the last test.

    :param folder: of the homes and the templates.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.templates = folder / "templates"
        self.migrated: list[str] = []

    def prepare(self, name: str, *, fails: bool = False) -> Path:
        """Prepare the database of a home, and return it."""
        database = self.folder / name / "airflow.db"

        def migrate() -> None:
            database.parent.mkdir(exist_ok=True)
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("CREATE TABLE IF NOT EXISTS made (number INTEGER)")
                connection.commit()
            if fails:
                raise RuntimeError("killed")
            self.migrated.append(name)

        prepare_database(database.parent, migrate, self.templates)
        return database


@pytest.fixture
def homes(tmp_path: Path) -> Homes:
    return Homes(tmp_path)


def tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def test_a_second_stack_gets_a_copy_and_leaves_the_template_as_it_is(homes: Homes):
    homes.prepare("first")

    second = homes.prepare("second")

    assert homes.migrated == ["first"]
    assert tables(second) == {"made"}
    with closing(sqlite3.connect(second)) as connection:
        connection.execute("DROP TABLE made")
        connection.commit()
    assert tables(homes.prepare("third")) == {"made"}
    assert homes.migrated == ["first"]


def test_a_database_with_rows_is_kept_and_migrated_once_for_a_version(homes: Homes):
    database = homes.prepare("first")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO made VALUES (1)")
        connection.commit()

    homes.prepare("first")
    (database.parent / "airflow.db.migrated-by").write_text("another version")
    homes.prepare("first")
    homes.prepare("first")

    assert homes.migrated == ["first", "first"]
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT number FROM made").fetchall() == [(1,)]


def test_a_migration_that_failed_half_way_is_no_template_and_is_repeated(homes: Homes):
    with pytest.raises(RuntimeError, match="killed"):
        homes.prepare("first", fails=True)

    assert not homes.templates.exists()
    homes.prepare("first")
    homes.prepare("second")
    assert homes.migrated == ["first", "second"]


def test_another_version_of_airflow_has_another_template(homes: Homes, monkeypatch: pytest.MonkeyPatch):
    homes.prepare("first")
    monkeypatch.setattr("dev.stack.airflow_database.schema_key", lambda: "another")

    homes.prepare("second")

    assert homes.migrated == ["first", "second"]
    assert len(list(homes.templates.iterdir())) == 2


def test_the_key_stands_for_the_installed_versions(monkeypatch: pytest.MonkeyPatch):
    class Core:
        name = "apache-airflow-core"
        version = "0.1"

    found = schema_key()
    monkeypatch.setattr("dev.stack.airflow_database.metadata.distributions", lambda: [Core])

    assert schema_key() != found


def test_airflow_takes_the_copy_for_a_database_that_it_has_migrated(tmp_path: Path):
    def airflow(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
        environment = StackSettings(root=home.parent).environment()
        del environment["PYTHONPATH"]
        return subprocess.run(
            [sys.executable, "-m", "airflow", *command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    homes = [StackSettings(root=tmp_path / name).airflow_home for name in ("first", "second")]
    made = []
    for home in homes:

        def migrate(home: Path = home) -> None:
            made.append(airflow(home, "db", "migrate").returncode)

        prepare_database(home, migrate, tmp_path / "templates")

    checked = airflow(homes[1], "db", "check-migrations", "--migration-wait-timeout", "1")

    assert made == [0]
    assert checked.returncode == os.EX_OK, checked.stderr
    assert tables(homes[1] / "airflow.db") == tables(homes[0] / "airflow.db") > {"dag_run", "task_instance"}
