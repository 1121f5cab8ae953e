"""A cloud with what the lab's command line needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator

import pytest

from localcloud.testing import Cloud
from tests.pipeline.commands.submit.launches import python
from tests.pipeline.wine_examples import read_uci

if importlib.util.find_spec("tfx") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def launching_cloud(make_localcloud: Callable[..., Cloud]) -> Iterator[Cloud]:
    """Start a localcloud of its own; this process is not led to it."""
    with make_localcloud().running() as running:
        yield running


@pytest.fixture(scope="session")
def loaded(launching_cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """Return a cloud with a bucket, the red wines and a table that lacks the first column."""
    rows = read_uci("red")
    names = [name for name in rows[0] if name != "good"]
    file = tmp_path_factory.mktemp("rows") / "red.csv"
    lines = [",".join(str(row[name]) for name in names[:-1]) + f",{int(row['quality'])}" for row in rows]
    file.write_text("\n".join(lines))
    python(
        launching_cloud,
        """
        import sys
        from google.cloud import bigquery, storage

        file, names = sys.argv[1], sys.argv[2].split(",")
        storage.Client().create_bucket("ada_mlops_lab")
        client = bigquery.Client()
        client.create_dataset("wine_quality")
        schema = [bigquery.SchemaField(name, "FLOAT") for name in names[:-1]]
        schema.append(bigquery.SchemaField(names[-1], "INTEGER"))
        client.create_table(bigquery.Table("wine-local.wine_quality.short_wine", schema[1:]))
        config = bigquery.LoadJobConfig(schema=schema, source_format="CSV")
        with open(file, "rb") as stream:
            client.load_table_from_file(stream, "wine_quality.red_wine", job_config=config).result()
        client.query_and_wait("CREATE VIEW wine_quality.view_wine AS SELECT * FROM wine_quality.red_wine")
        """,
        str(file),
        ",".join(names),
    )
    return launching_cloud
