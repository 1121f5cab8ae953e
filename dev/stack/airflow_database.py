"""
Airflow's metadata database for a new stack, copied from one that Airflow has migrated here before.

Airflow needs several CPU seconds to make an empty database. The template's key has all that determines
the schema: the versions of Airflow and of its providers.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib import metadata
from pathlib import Path

from dev.stack.settings import LOCAL

DATABASE = "airflow.db"
# the key of the versions that migrated the database next to it
STAMP = "airflow.db.migrated-by"
TEMPLATES = LOCAL / "airflow-databases"


def prepare_database(home: Path, migrate: Callable[[], None], templates: Path = TEMPLATES) -> None:
    """
    Create a stack's database with the schema that the installed Airflow expects.

    :param home: Airflow's folder; an existing database keeps its rows.
    :param migrate: creates or upgrades the database in this folder; called only if there is no copy.
    :param templates: folder of the migrated, unused databases.
    """
    key = schema_key()
    database, stamp, template = home / DATABASE, home / STAMP, templates / f"{key}.db"
    if database.exists():
        if not stamp.exists() or stamp.read_text() != key:
            migrate()
    elif template.exists():
        home.mkdir(parents=True, exist_ok=True)
        _put(database, lambda new: shutil.copyfile(template, new))
    else:
        migrate()
        templates.mkdir(parents=True, exist_ok=True)
        _put(template, lambda new: _back_up(database, new))
    stamp.write_text(key)


def schema_key() -> str:
    """Return a digest of the versions of Airflow and of its providers, some of which add tables."""
    names = {
        f"{distribution.name}=={distribution.version}"
        for distribution in metadata.distributions()
        if str(distribution.name).startswith("apache-airflow")
    }
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]


def _back_up(database: Path, new: Path) -> None:
    """Copy a database together with its write-ahead log."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(new)) as copy:
        source.backup(copy)


def _put(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        write(new)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
