"""A state folder that counted milliseconds, brought to microseconds."""

from __future__ import annotations

from localcloud.bigquery.store.catalog import Catalog
from localcloud.bigquery.store.rows import CLOSED, FOREVER, OPENED


def count_microseconds(catalog: Catalog) -> None:
    """
    Convert the times of tables and rows, once.

    :param catalog: opened; the caller keeps the transaction.
    """
    run = catalog.connection.execute
    columns = {row[0] for row in run("SELECT column_name FROM (DESCRIBE meta.tables)").fetchall()}
    if "streamed_from" in columns:
        return
    run("ALTER TABLE meta.tables ADD COLUMN streamed_from BIGINT")
    run("ALTER TABLE meta.tables ADD COLUMN streamed_to BIGINT")
    run("UPDATE meta.tables SET created = created * 1000, modified = modified * 1000")
    run("UPDATE meta.versions SET since = since * 1000")
    for (storage,) in run("SELECT DISTINCT storage FROM meta.versions").fetchall():
        closed = f"CASE WHEN {CLOSED} = {FOREVER} THEN {FOREVER} ELSE {CLOSED} * 1000 END"
        run(f"UPDATE data.{storage} SET {OPENED} = {OPENED} * 1000, {CLOSED} = {closed}")  # noqa: S608
