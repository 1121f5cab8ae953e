"""MERGE: https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import BadRequest, MethodNotImplemented
from google.cloud import bigquery

SOURCE = (
    "(SELECT 2 AS id, 20 AS amount, 'new' AS note UNION ALL SELECT 5, 50, NULL UNION ALL SELECT 6, 60, 'x')"
)
START = [(1, 10, "a"), (2, 10, "b"), (3, 10, None)]


@pytest.fixture
def stock(client: bigquery.Client, dataset: str) -> str:
    """Return a table with three rows."""
    name = f"{dataset}.stock"
    client.query_and_wait(f"CREATE TABLE {name} (id INT64 NOT NULL, amount INT64, note STRING)")
    client.query_and_wait(f"INSERT {name} VALUES (1, 10, 'a'), (2, 10, 'b'), (3, 10, NULL)")
    return name


@pytest.fixture
def merge(client: bigquery.Client, rows, stock: str):
    """Return a function that runs WHEN clauses; it returns the numbers of changed rows, and the rows left."""

    def run(clauses: str, source: str = SOURCE, on: str = "t.id = s.id"):
        job = client.query(f"MERGE INTO {stock} AS t USING {source} AS s ON {on} {clauses}")
        job.result()
        stats = job.dml_stats
        counts = (stats.inserted_row_count, stats.updated_row_count, stats.deleted_row_count)
        assert (job.statement_type, job.num_dml_affected_rows) == ("MERGE", sum(counts))
        return counts, rows(f"SELECT * FROM {stock} ORDER BY id")

    return run


@pytest.mark.parametrize(
    ("clauses", "counts", "left"),
    [
        (
            "WHEN MATCHED THEN UPDATE SET amount = t.amount + s.amount WHEN NOT MATCHED THEN INSERT ROW",
            (2, 1, 0),
            [START[0], (2, 30, "b"), START[2], (5, 50, None), (6, 60, "x")],
        ),
        (
            "WHEN NOT MATCHED BY TARGET AND amount > 50 THEN INSERT (id, amount) VALUES (id, amount + 1)",
            (1, 0, 0),
            [*START, (6, 61, None)],
        ),
        ("WHEN MATCHED THEN DELETE", (0, 0, 1), [START[0], START[2]]),
        (
            "WHEN NOT MATCHED BY SOURCE AND id = 1 THEN UPDATE SET note = 'gone' "
            "WHEN NOT MATCHED BY SOURCE THEN DELETE",
            (0, 1, 1),
            [(1, 10, "gone"), START[1]],
        ),
        # each row takes the first clause whose condition holds
        (
            "WHEN MATCHED AND s.amount > 100 THEN DELETE "
            "WHEN MATCHED AND s.note = 'new' THEN UPDATE SET t.note = 'first' WHEN MATCHED THEN DELETE",
            (0, 1, 0),
            [START[0], (2, 10, "first"), START[2]],
        ),
        (
            "WHEN MATCHED THEN UPDATE SET note = DEFAULT "
            "WHEN NOT MATCHED AND s.id = 5 THEN INSERT VALUES (9, DEFAULT, 'n')",
            (1, 1, 0),
            [START[0], (2, 10, None), START[2], (9, None, "n")],
        ),
        (
            "WHEN NOT MATCHED AND s.id = 6 THEN INSERT (id, amount, note) ROW",
            (1, 0, 0),
            [*START, (6, 60, "x")],
        ),
    ],
)
def test_each_when_clause_changes_its_rows(merge, clauses: str, counts, left) -> None:
    assert merge(clauses) == (counts, left)


def test_on_false_replaces_all_rows(merge, dataset: str) -> None:
    clauses = "WHEN NOT MATCHED THEN INSERT ROW WHEN NOT MATCHED BY SOURCE THEN DELETE"
    new = [(2, 20, "new"), (5, 50, None), (6, 60, "x")]
    assert merge(clauses, on="FALSE") == ((3, 0, 3), new)


def test_a_table_may_be_merged_into_itself(merge, stock: str) -> None:
    clauses = "WHEN NOT MATCHED THEN INSERT (id) VALUES (id + 10)"
    assert merge(clauses, source=stock, on="t.id + 1 = s.id") == ((1, 0, 0), [*START, (11, None, None)])


def test_a_row_of_the_target_changes_once(client: bigquery.Client, merge, rows, stock: str) -> None:
    twice = "UNNEST([2, 2])"
    with pytest.raises(BadRequest, match="must match at most one source row for each target row"):
        client.query_and_wait(f"MERGE {stock} t USING {twice} AS s ON t.id = s WHEN MATCHED THEN DELETE")
    assert rows(f"SELECT * FROM {stock} ORDER BY id") == START
    # two matches are no error if no clause applies to both
    both = "(SELECT 2 AS id, 1 AS amount UNION ALL SELECT 2, 2)"
    clauses = "WHEN MATCHED AND s.amount = 2 THEN UPDATE SET amount = s.amount"
    assert merge(clauses, source=both) == ((0, 1, 0), [START[0], (2, 2, "b"), START[2]])


@pytest.mark.parametrize(
    ("clauses", "complaint"),
    [
        ("WHEN NOT MATCHED THEN INSERT (id) VALUES (t.id)", "Unrecognized name: t.id"),
        ("WHEN NOT MATCHED BY SOURCE AND s.id = 1 THEN DELETE", "Unrecognized name: s.id"),
        ("WHEN MATCHED AND id = 1 THEN DELETE", "Column name id is ambiguous"),
        ("WHEN MATCHED THEN UPDATE SET nosuch = 1", "Column nosuch is not present in table"),
        (
            "WHEN MATCHED THEN UPDATE SET amount = 'x'",
            "STRING cannot be assigned to amount, which has type INT64",
        ),
        ("WHEN MATCHED THEN UPDATE SET amount = 1, amount = 2", "assigned more than once"),
        ("WHEN MATCHED THEN UPDATE SET id = NULL", "Required field id cannot be null"),
        ("WHEN NOT MATCHED THEN INSERT (amount) VALUES (1)", "Required field id cannot be null"),
        ("WHEN NOT MATCHED THEN INSERT (id, amount) VALUES (1)", "wrong column count; Has 1, expected 2"),
        ("WHEN NOT MATCHED THEN INSERT (id, id) VALUES (1, 2)", "Duplicate column name"),
        ("WHEN NOT MATCHED THEN DELETE", "Unexpected DELETE in MERGE"),
        ("WHEN NOT MATCHED THEN UPDATE SET id = 1", "UPDATE is not allowed in WHEN NOT MATCHED BY TARGET"),
        ("WHEN MATCHED THEN INSERT ROW", "INSERT is allowed in WHEN NOT MATCHED BY TARGET only"),
    ],
)
def test_a_bad_merge_changes_nothing(
    client: bigquery.Client, rows, stock: str, clauses: str, complaint: str
) -> None:
    with pytest.raises(BadRequest, match=complaint):
        client.query_and_wait(f"MERGE {stock} t USING {SOURCE} s ON t.id = s.id {clauses}")
    assert rows(f"SELECT * FROM {stock} ORDER BY id") == START


def test_the_condition_is_a_condition(client: bigquery.Client, stock: str) -> None:
    for on, complaint in (
        ("ON t.id", "ON clause should return type BOOL"),
        ("USING (id)", "Expected keyword ON"),
    ):
        with pytest.raises(BadRequest, match=complaint):
            client.query_and_wait(f"MERGE {stock} t USING {SOURCE} s {on} WHEN MATCHED THEN DELETE")


def test_what_a_merge_cannot_do_here_is_refused_by_name(client: bigquery.Client, stock: str) -> None:
    with pytest.raises(MethodNotImplemented, match="a subquery in the ON of a MERGE"):
        client.query_and_wait(
            f"MERGE {stock} t USING {SOURCE} s ON t.id IN (SELECT 1) WHEN MATCHED THEN DELETE"
        )


def test_a_dry_run_changes_nothing(client: bigquery.Client, rows, stock: str) -> None:
    config = bigquery.QueryJobConfig(dry_run=True)
    job = client.query(
        f"MERGE {stock} t USING {SOURCE} s ON t.id = s.id WHEN MATCHED THEN DELETE", job_config=config
    )
    assert (job.statement_type, job.total_bytes_processed) == ("MERGE", 24)
    assert rows(f"SELECT * FROM {stock} ORDER BY id") == START
