"""Which kinds of BigQuery tables can be watched, checked and trained on."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped
from google.cloud import bigquery
from vertex_mlops.exceptions import (
    DataContractError,
)
from vertex_mlops.operators.bigquery.contract import BigQueryDataContractCheckOperator

from localcloud.testing import eventually
from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.operators.bigquery.wine_tables import (
    DATASET,
    SCHEMA,
    SOUND,
    MakeTable,
    append,
    check,
    freshness,
    modified,
    train_on,
)
from tests.support.task_context import Upload, context_of

NOW_MS = 1_764_028_800_000


@pytest.fixture
def spec_uri(upload: Upload) -> str:
    return upload({"pipelineSpec": {}, "dataContract": CONTRACT})


def test_a_table_is_read_as_its_creation_left_it(client: bigquery.Client, spec_uri: str) -> None:
    table_id = f"wine_{uuid.uuid4().hex}"
    columns = "3.5 AS ph, 13.8 AS alcohol, 6 AS quality"
    client.query_and_wait(f"CREATE TABLE {DATASET}.{table_id} AS SELECT {columns}")

    result = check(client, spec_uri, table_id)

    assert (result["rows"], client.query_and_wait(result["query"]).total_rows) == (1, 1)


@pytest.mark.parametrize(
    "layout",
    [
        {"time_partitioning": bigquery.TimePartitioning(field="tasted")},
        {"time_partitioning": bigquery.TimePartitioning("HOUR")},
        {
            "range_partitioning": bigquery.RangePartitioning(
                field="quality", range_=bigquery.PartitionRange(start=0, end=10, interval=1)
            ),
            "clustering_fields": ["tasted", "quality"],
        },
        {"clustering_fields": ["quality"]},
    ],
)
def test_partitioned_and_clustered_tables_are_watched_checked_and_trained_on(
    place: dict[str, str],
    client: bigquery.Client,
    spec_uri: str,
    make_table: MakeTable,
    layout: dict[str, Any],
) -> None:
    schema = [*SCHEMA, bigquery.SchemaField("tasted", "DATE")]
    table_id = make_table(SOUND, SOUND | {"quality": 7}, schema=schema, **layout)
    operator = freshness(place, table_id)

    version = operator.execute(context_of(operator))["data_version"]
    append(client, table_id, SOUND)
    result = check(client, spec_uri, table_id, version)

    assert (result["rows"], client.query_and_wait(result["query"]).total_rows) == (2, 2)


def test_a_table_with_row_access_policies_is_refused_before_the_training(
    client: bigquery.Client, spec_uri: str, make_table: MakeTable
) -> None:
    table_id = make_table(SOUND)
    client._connection.api_request(
        "POST",
        f"/projects/{client.project}/datasets/{DATASET}/tables/{table_id}/rowAccessPolicies",
        data={"rowAccessPolicyReference": {"policyId": "all"}, "filterPredicate": "TRUE"},
    )

    with pytest.raises(DataContractError) as refused:
        check(client, spec_uri, table_id)

    assert str(refused.value) == (
        f"wine-local.plugins.{table_id}: has or has had row access policies, so its past is shown only to "
        "accounts with the permission bigquery.rowAccessPolicies.overrideTimeTravelRestrictions; grant it "
        "on the table to the accounts that check and train, or train on a copy"
    )


class TestStreaming:
    def test_rows_in_the_streaming_buffer_count_when_they_are_written(
        self, place: dict[str, str], client: bigquery.Client, make_table: MakeTable, upload: Upload
    ) -> None:
        # given a table that was trained on, and a row that is streamed into it
        table_id = make_table(SOUND)
        version = modified(client, table_id)
        train_on(place, upload, table_id, version)
        name = f"{client.project}.{DATASET}.{table_id}"
        client.insert_rows_json(name, [SOUND])
        operator = freshness(place, table_id)
        context = context_of(operator)

        # when it is in the buffer: the table has not changed, and the reason says what waits
        with pytest.raises(DownstreamTasksSkipped):
            operator.execute(context)
        assert context["ti"].xcoms["return_value"]["num_rows"] == 1
        assert context["ti"].xcoms["skipped_because"] == (
            f"{name} has not changed since the last training (1 rows or more are in its streaming buffer, "
            "and count when BigQuery has written them to the table)"
        )

        # when it is written: the table has
        eventually(lambda: client.get_table(name), lambda table: not table.streaming_buffer)
        written = operator.execute(context_of(operator))
        assert (written["data_version"] > version, written["num_rows"]) == (True, 2)

    def test_a_table_that_has_no_other_rows_says_so(
        self, client: bigquery.Client, spec_uri: str, make_table: MakeTable
    ) -> None:
        table_id = make_table()
        client.insert_rows_json(f"{client.project}.{DATASET}.{table_id}", [SOUND])

        with pytest.raises(DataContractError, match="has 0 rows; 1 rows or more are in its streaming buffer"):
            check(client, spec_uri, table_id)


class TestKindsOfTables:
    """What is no table that tells when its rows changed is refused by both operators, in one line."""

    @pytest.fixture(params=["check_freshness", "check_data"])
    def look(self, request: pytest.FixtureRequest, place: dict[str, str], upload: Upload) -> Any:
        """Run one of the operators on a table."""

        def execute(table_id: str) -> dict[str, Any]:
            operator: Any = freshness(place, table_id)
            if request.param == "check_data":
                operator = BigQueryDataContractCheckOperator(
                    task_id="check_data",
                    project_id=place["project_id"],
                    dataset_id=DATASET,
                    table_id=table_id,
                    data_version=NOW_MS,
                    template_path=upload({"pipelineSpec": {}, "dataContract": CONTRACT}),
                )
            result: dict[str, Any] = operator.execute(context_of(operator))
            return result

        return execute

    def refusal(self, look: Any, table_id: str) -> str:
        with pytest.raises(DataContractError) as refused:
            look(table_id)
        assert str(refused.value).startswith(f"wine-local.{DATASET}.{table_id}: ")
        assert "\n" not in str(refused.value)
        return str(refused.value).partition(": ")[2]

    def test_a_view(self, client: bigquery.Client, make_table: MakeTable, look: Any) -> None:
        table_id = make_table(SOUND)
        client.query_and_wait(f"CREATE VIEW {DATASET}.{table_id}_v AS SELECT * FROM {DATASET}.{table_id}")

        assert self.refusal(look, f"{table_id}_v").startswith(
            "is a view, whose lastModifiedTime is that of its"
        )

    def test_a_materialized_view(self, client: bigquery.Client, make_table: MakeTable, look: Any) -> None:
        table_id = make_table(SOUND)
        view = bigquery.Table(f"{client.project}.{DATASET}.{table_id}_m")
        view.mview_query = f"SELECT * FROM {DATASET}.{table_id}"
        client.create_table(view)

        assert self.refusal(look, f"{table_id}_m").startswith(
            "is a materialized view, which has no time travel; name"
        )

    def test_an_external_table(self, client: bigquery.Client, look: Any) -> None:
        table = bigquery.Table(f"{client.project}.{DATASET}.external_{uuid.uuid4().hex}", SCHEMA)
        table.external_data_configuration = bigquery.ExternalConfig("CSV")
        client.create_table(table)

        assert self.refusal(look, table.table_id).endswith("load them into a table")

    def test_a_snapshot(self, client: bigquery.Client, make_table: MakeTable, look: Any) -> None:
        table = f"{client.project}.{DATASET}.{make_table(SOUND)}"
        config = bigquery.CopyJobConfig(operation_type=bigquery.OperationType.SNAPSHOT)
        client.copy_table(table, f"{table}_s", job_config=config).result()

        assert self.refusal(look, f"{table}_s".rpartition(".")[2]) == (
            "is a table snapshot, which never changes; name its base table"
        )

    def test_a_table_that_requires_a_partition_filter(
        self, client: bigquery.Client, make_table: MakeTable, look: Any
    ) -> None:
        table_id = make_table(SOUND, time_partitioning=bigquery.TimePartitioning())
        table = client.get_table(f"{client.project}.{DATASET}.{table_id}")
        table.require_partition_filter = True
        client.update_table(table, ["require_partition_filter"])

        assert self.refusal(look, table_id).endswith(
            f"run ALTER TABLE `wine-local.plugins.{table_id}` SET OPTIONS (require_partition_filter = FALSE)"
        )
