"""Times of a table: in microseconds, within a window, and in a state folder that has milliseconds."""

from __future__ import annotations

import duckdb
import pytest

from localcloud.bigquery.store.catalog import Table, Version, now_us
from localcloud.bigquery.store.rows import next_time, snapshot
from localcloud.bigquery.warehouse import Warehouse
from localcloud.config import Settings
from localcloud.errors import ApiError
from localcloud.storage import ObjectStore, Store

HOUR = 3_600_000_000
OLD_STATE = """
CREATE SCHEMA meta; CREATE SCHEMA data;
CREATE TABLE meta.datasets (dataset_id VARCHAR, created BIGINT, modified BIGINT, resource VARCHAR);
CREATE TABLE meta.tables (
    uid VARCHAR, dataset_id VARCHAR, table_id VARCHAR,
    created BIGINT, modified BIGINT, expires BIGINT, resource VARCHAR
);
CREATE TABLE meta.versions (uid VARCHAR, since BIGINT, storage VARCHAR, fields VARCHAR);
CREATE TABLE data.rows_1 (a BIGINT, "__ROOT__opened" BIGINT, "__ROOT__closed" BIGINT);
INSERT INTO meta.datasets VALUES ('d', {then}, {then}, '{{"location": "EU"}}');
INSERT INTO meta.tables VALUES ('u', 'd', 't', {then}, {then} + 5, NULL, '{{}}');
INSERT INTO meta.versions VALUES (
    'u', {then}, 'rows_1', '[{{"name": "a", "type": "INTEGER", "mode": "NULLABLE"}}]'
);
INSERT INTO data.rows_1 VALUES (1, {then}, {then} + 5), (2, {then} + 5, 9223372036854775807);
"""


def table(created: int) -> Table:
    return Table("u", "d", "t", created, created, None, {}, [Version(created, "rows_1", [])])


@pytest.mark.parametrize("hours", [48, 168])
def test_time_travel_reaches_as_far_as_the_dataset_says(hours: int) -> None:
    old = table(now_us() - 1000 * HOUR)
    within = now_us() - hours * HOUR + 60_000_000
    assert snapshot(old, within, hours).at == within
    with pytest.raises(
        ApiError, match=r"Invalid snapshot time \d+ for Table d\.t@\d+\. Cannot read before \d+\."
    ):
        snapshot(old, now_us() - hours * HOUR - 1, hours)


def test_a_change_comes_in_a_later_millisecond_and_after_its_begin() -> None:
    made = table(next_time())
    times = [made.modified]
    for _ in range(1000):
        made.commit(next_time(made))
        times.append(made.modified)
    milliseconds = [at // 1000 for at in times]
    assert milliseconds == sorted(set(milliseconds))
    assert all(at % 1000 for at in times)


def test_a_state_folder_that_counts_milliseconds_is_converted_once(settings: Settings) -> None:
    # given a table with versions, stored in milliseconds
    then = now_us() // 1000 - 1000
    path = settings.state / "bigquery" / "catalog.duckdb"
    path.parent.mkdir(parents=True)
    with duckdb.connect(str(path)) as old:
        old.execute(OLD_STATE.format(then=then))

    # when it is opened, twice
    for _ in range(2):
        warehouse = Warehouse(settings, ObjectStore(Store(settings.state / "objects")))
        found = warehouse.catalog.table("d", "t")
        values = [
            warehouse.rows.select(snapshot(found, at), "a").fetchall()
            for at in (then * 1000, (then + 5) * 1000)
        ]
        warehouse.catalog.close()

        # then its versions are read at their times
        assert (found.created, found.modified) == (then * 1000, (then + 5) * 1000)
        assert values == [[(1,)], [(2,)]]
